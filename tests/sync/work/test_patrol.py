"""Patrols: which scans count, which are flagged, and which checkpoints are missed."""

from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import judge, to_history_entry
from sync.work.patrol_folding import fold
from sync.work.patrol_report import point_reports
from sync.work.patrol_rules import token_hash
from tests.sync.builders import ANA, BEN, CHU, NOON, make_op

GATE, YARD, ROOF = (str(uuid4()) for _ in range(3))
UNKNOWN_POINT = str(uuid4())


def label(name):
    return {"zh": name, "en": name}


def point(id_):
    details = {"checkpoint": id_, "area_id": id_, "label": label(id_[:4]), "code": "101"}
    return {**details, "seals": [token_hash(f"token of {id_}")]}


def planned_round(**more):
    default = {
        "points": [point(GATE), point(YARD), point(ROOF)],
        "fastest": 60,
        "window_start": NOON,
        "window_end": NOON + timedelta(hours=1),
        **{name: {} for name in ("scans", "fines", "skips")},
        "elsewhere": [],
        "photos": [],
        "cancelled_at": None,
    }
    return SimpleNamespace(**{**default, **more})


def scan(id_, *, minutes=5, by=CHU, token=None, method="qr"):
    payload = {"checkpoint": id_, "method": method}
    if method == "qr":
        payload["token"] = token or f"token of {id_}"
    return make_op("round.scan", by=by, minutes=minutes, payload=payload)


def round_after(*ops, round_=None):
    round_ = round_ or planned_round()
    facts = sorted((to_history_entry(op) for op in ops), key=lambda e: (e.occurred_at, e.id))
    return SimpleNamespace(**{**vars(round_), **fold(round_, facts)})


def point_flags(round_, id_):
    return round_.scans[id_]["flags"]


@pytest.mark.rule("N3")
@pytest.mark.clause("B4")
def test_no_scan_is_refused():
    for op in (scan(GATE), scan(UNKNOWN_POINT), scan(GATE, minutes=-999), scan(GATE, token="x")):
        assert judge("round", planned_round(), op).changes


@pytest.mark.rule("N5")
def test_each_flag_appears_only_when_it_applies():
    round_ = round_after(scan(GATE, minutes=5), scan(YARD, minutes=10), scan(ROOF, minutes=15))
    assert [point_flags(round_, id_) for id_ in (GATE, YARD, ROOF)] == [[], [], []]
    assert point_flags(round_after(scan(GATE, minutes=-1)), GATE) == ["early"]
    assert point_flags(round_after(scan(GATE, minutes=61)), GATE) == ["late"]
    assert point_flags(round_after(scan(GATE, token="of another site")), GATE) == ["copied"]
    assert point_flags(round_after(scan(GATE, method="code")), GATE) == []
    assert point_flags(round_after(scan(GATE, method="manual")), GATE) == ["manual"]
    assert point_flags(round_after(scan(GATE, minutes=5), scan(YARD, minutes=5)), YARD) in (
        ["fast"],
        [],
    )
    slow = round_after(scan(GATE, minutes=5), scan(YARD, minutes=6))
    assert point_flags(slow, YARD) == [], "a minute is fast enough"


@pytest.mark.rule("N5")
def test_two_scans_at_once_are_too_fast_for_one_guard_but_not_for_two():
    one_guard = round_after(scan(GATE, minutes=5), scan(YARD, minutes=5))
    assert ["fast"] in (point_flags(one_guard, GATE), point_flags(one_guard, YARD))
    two_guards = round_after(scan(GATE, minutes=5), scan(YARD, minutes=5, by=BEN))
    assert point_flags(two_guards, GATE) == point_flags(two_guards, YARD) == []


@pytest.mark.rule("N4")
@given(st.permutations(range(8)))
def test_scans_of_two_guards_fold_to_the_same_round_in_any_order(order):
    ops = [
        *(scan(GATE, minutes=5), scan(GATE, minutes=3, by=BEN), scan(YARD, minutes=9)),
        *(scan(UNKNOWN_POINT, minutes=11), scan(ROOF, minutes=12, token="old")),
        make_op("round.fine", by=BEN, minutes=4, payload={"checkpoint": GATE}),
        make_op("round.fine", by=CHU, minutes=6, payload={"checkpoint": GATE}),
        make_op("round.skip", by=CHU, minutes=7, payload={"checkpoint": ROOF, "reason": "locked"}),
    ]
    row, history = planned_round(), []
    for index in order:
        verdict = judge("round", row, ops[index], history)
        vars(row).update(verdict.changes)
        history.append(to_history_entry(ops[index], 1, verdict.changes))
    assert row.scans[GATE]["by_id"] == BEN
    assert row.scans[GATE]["again"] == 1
    assert row.fines[GATE]["by_id"] == BEN
    assert [scan_["checkpoint"] for scan_ in row.elsewhere] == [UNKNOWN_POINT]
    assert vars(row) == vars(round_after(*ops, round_=planned_round()))


@pytest.mark.rule("N4")
def test_a_label_that_became_valid_later_is_accepted_and_the_old_one_too():
    before = planned_round()
    points = [{**point(GATE), "seals": [token_hash("new")]}, point(YARD)]
    changed = judge("round", before, make_op("round.amend", payload={"points": points})).changes
    after = planned_round(**changed)
    for token in ("new", f"token of {GATE}"):
        assert point_flags(round_after(scan(GATE, token=token), round_=after), GATE) == []


@dataclass
class DeviceStub:
    clear_at: object = None
    enrolled_at: object = NOON - timedelta(days=9)
    revoked_at: object = None
    lost_at: object = None
    id: str = "phone"
    label: str = "phone"
    seen_at: object = None
    report: dict = field(default_factory=dict)


@pytest.mark.rule("N6")
@given(st.integers(-90, 90), st.booleans(), st.integers(-30, 90))
def test_a_checkpoint_is_missed_only_once_every_phone_has_synced(synced, lost, now):
    clear_at = NOON + timedelta(minutes=60 + synced)
    phone = DeviceStub(clear_at=clear_at, lost_at=NOON if lost else None)
    round_ = round_after(scan(GATE))
    moment = NOON + timedelta(minutes=60 + now)
    statuses = {
        report.point["checkpoint"]: report.status
        for report in point_reports(round_, [phone], moment)
    }
    assert statuses[GATE] == "scanned"
    is_over, is_known = now >= 0, lost or synced >= 0
    assert statuses[YARD] == ("open" if not is_over else "missed" if is_known else "unknown")


def test_checkpoints_are_reported_in_the_order_of_their_scans():
    round_ = round_after(scan(ROOF, minutes=2), scan(GATE, minutes=8))
    reports = point_reports(round_, [], NOON)
    assert [report.point["checkpoint"] for report in reports] == [ROOF, GATE, YARD]
    assert reports[1].since_last == timedelta(minutes=6)
    assert ANA not in round_.scans
