"""Patrols: which scans count, which are flagged, and which checkpoints are missed."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import Quarantined, Refused, judge, to_history_entry
from sync.work.patrol_folding import fold
from sync.work.patrol_report import point_reports, uncounted_scans, undisposed_points
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
        "disposed": {},
        "planned_at": None,
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


def moved(op, to, *, minutes=90, source_id=None):
    """What the desk sends to move a scan, as it stands in the log."""
    details = {"checkpoint": op.payload["checkpoint"], "method": op.payload["method"]}
    details |= {"by_id": op.by, "at": op.occurred_at.isoformat(), "scan": op.id}
    if "token" in op.payload:
        details["token"] = op.payload["token"]
    payload = {**details, "to": to, "because": "wrong patrol"}
    return make_op(
        "round.move", source_id or str(uuid4()), minutes=minutes, by=BEN, payload=payload
    )


@pytest.mark.rule("N8")
def test_a_moved_scan_counts_where_the_desk_put_it():
    first, second, other = scan(GATE, minutes=5), scan(GATE, minutes=9, by=BEN), str(uuid4())
    move = moved(first, other)
    source = round_after(first, second, move)
    assert source.scans[GATE]["by_id"] == BEN, "the next scan of the checkpoint counts now"
    target_row = planned_round(window_start=NOON + timedelta(hours=1))
    verdict = judge("round", planned_round(), replace(move, related={other: target_row}))
    (take,) = verdict.followups
    assert (take.kind, take.subject) == ("round.take", other)
    target = round_after(take, round_=target_row)
    assert target.scans[GATE]["at"] == "2026-11-24T12:05:00.000Z"
    assert (target.scans[GATE]["by_id"], point_flags(target, GATE)) == (CHU, ["early", "moved"])
    back = moved(first, str(uuid4()), minutes=95)
    assert GATE not in round_after(take, back, round_=target_row).scans


@pytest.mark.rule("N8")
@given(st.permutations(range(4)))
def test_moves_fold_to_the_same_round_in_any_order(order):
    first, second = scan(GATE, minutes=5), scan(YARD, minutes=9)
    ops = [first, second, moved(first, None, minutes=70), moved(second, str(uuid4()), minutes=71)]
    row, history = planned_round(), []
    for index in order:
        op = ops[index]
        if op.payload.get("to"):
            op = replace(op, related={op.payload["to"]: planned_round()})
        verdict = judge("round", row, op, history)
        vars(row).update(verdict.changes)
        history.append(to_history_entry(op, 1, verdict.changes))
    assert row.scans == {}
    assert [one["checkpoint"] for one in row.elsewhere] == [GATE], "belongs to no patrol, is kept"


@pytest.mark.rule("N8")
def test_a_scan_is_moved_only_to_another_patrol_with_its_checkpoint():
    first, other, here = scan(GATE), str(uuid4()), str(uuid4())
    without = replace(moved(first, other), related={other: planned_round(points=[point(YARD)])})
    assert judge("round", planned_round(), without) == Refused("not-on-that-patrol")
    assert judge("round", planned_round(), moved(first, other)) == Refused("not-on-that-patrol")
    same = moved(first, here, source_id=here)
    assert judge("round", planned_round(), same) == Refused("same-patrol")


@pytest.mark.rule("N8")
def test_a_scan_outside_a_patrol_is_kept_and_can_be_counted_once():
    payload = {"checkpoint": GATE, "method": "qr", "token": f"token of {GATE}"}
    op = make_op("scan.record", by=CHU, minutes=7, payload=payload)
    checkpoint = SimpleNamespace(label=label("gate"), area_id=YARD)
    kept = judge("scan", None, replace(op, related={GATE: checkpoint})).changes
    assert (kept["by_id"], kept["label"], kept["area_id"]) == (CHU, label("gate"), YARD)
    row, to = SimpleNamespace(**kept, moved_to=None), str(uuid4())
    move = make_op("scan.move", op.subject, payload={"to": to, "because": "forgot"}, by=BEN)
    verdict = judge("scan", row, replace(move, related={to: planned_round()}))
    assert verdict.changes == {"moved_to": to}
    counted = round_after(*verdict.followups)
    assert point_flags(counted, GATE) == ["moved"]
    row.moved_to = to
    assert judge("scan", row, move) == Refused("already-moved")


@pytest.mark.rule("N5", "N8")
@pytest.mark.parametrize(
    ("minutes", "counts"), [(-61, False), (-60, True), (0, True), (120, True), (121, False)]
)
def test_a_scan_far_from_the_window_never_counts_in_silence(minutes, counts):
    round_ = round_after(scan(GATE, minutes=minutes))
    reports = point_reports(round_, [], NOON + timedelta(hours=9))
    (status,) = [one.status for one in reports if one.point["checkpoint"] == GATE]
    expected = "late" if minutes > 60 else "scanned"
    assert status == (expected if counts else "missed")
    assert [one["checkpoint"] for one in uncounted_scans(round_)] == ([] if counts else [GATE])


def decide(checkpoints, disposition="made_good", note=None, minutes=61):
    payload = {"checkpoints": checkpoints, "disposition": disposition, "note": note}
    return make_op("round.dispose", by=BEN, minutes=minutes, payload=payload)


@pytest.mark.rule("N9")
@pytest.mark.parametrize(
    ("minutes", "status"), [(-300, "skipped"), (120, "skipped"), (121, "missed")]
)
def test_a_reason_given_long_after_a_patrol_hides_no_miss(minutes, status):
    payload = {"checkpoint": YARD, "reason": "locked"}
    round_ = round_after(make_op("round.skip", by=CHU, minutes=minutes, payload=payload))
    reports = point_reports(round_, [], NOON + timedelta(hours=9))
    (yard,) = [one for one in reports if one.point["checkpoint"] == YARD]
    assert (yard.status, yard.fact["reason"]) == (status, "locked")


@pytest.mark.rule("N9")
@pytest.mark.clause("G10")
def test_every_missed_checkpoint_needs_a_decision():
    skip = make_op("round.skip", by=CHU, payload={"checkpoint": YARD, "reason": "locked"})
    round_, now = round_after(scan(GATE), skip), NOON + timedelta(hours=2)
    assert [one["checkpoint"] for one in undisposed_points(round_, [], now)] == [ROOF]
    assert judge("round", round_, decide([ROOF], minutes=59)) == Refused("not-over")
    for wrong in ([GATE], [YARD], [UNKNOWN_POINT]):
        assert judge("round", round_, decide(wrong)) == Refused("already-scanned")
    assert judge("round", round_, decide([ROOF], "reason")) == Quarantined("malformed")
    vars(round_).update(judge("round", round_, decide([ROOF], "reason", "flooded")).changes)
    assert round_.disposed[ROOF]["note"] == "flooded"
    assert undisposed_points(round_, [], now) == []
    again = judge("round", round_, decide([ROOF], "not_at_fault")).changes
    assert again["disposed"][ROOF]["disposition"] == "not_at_fault"


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
