"""Arrears: a call first, each item named, a visit only with approval, no guards, nothing cut
off."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync import Accepted, Quarantined, Refused
from sync.service.arrears import (
    CALL_OUTCOMES,
    KINDS,
    VISIT_OUTCOMES,
    complaint_ticket_id,
    may_be_called_at,
    owed_cents,
    state,
)
from tests.sync.builders import ANA, BEN, CHU, NOON, InMemoryRecord, make_op

ROOT = Path(__file__).parents[3]
UNIT = str(uuid4())
LINES = [
    {"what": "Service fee", "period": "2026-10", "cents": 12_345},
    {"what": "Parking", "period": "2026-10", "cents": 5_000},
]
STATED_AMOUNTS = {"Service fee 2026-10": "12345", "Parking 2026-10": "5000"}


def listed_account(lines=LINES):
    account = InMemoryRecord("arrears")
    account.apply(make_op("arrears.list", payload={"unit": UNIT, "lines": lines, "batch": "nov"}))
    account.row.windows, account.row.do_not_call, account.row.paid_cents = [], False, 0
    return account


def submit(account, kind, by=ANA, minutes=0, **payload):
    return account.apply(make_op(f"arrears.{kind}", by=by, minutes=minutes, payload=payload))


def collection_state(account):
    return state(vars(account.row))


def record_call(account, minutes=-120, **more):
    """Noon here is 20:00 at the site, so two hours before noon is an accepted hour."""
    payload = {"outcome": "reached", "told": STATED_AMOUNTS, "itemised": True, **more}
    return submit(account, "call", minutes=minutes, **payload)


@pytest.mark.rule("U1", "U4")
@pytest.mark.clause("H1")
@pytest.mark.clause("H3")
def test_a_visit_needs_a_call_a_special_reason_and_an_approval():
    account = listed_account()
    assert submit(account, "visit", outcome="met") == Refused("needs-call")
    assert submit(account, "approve_visit", by=BEN) == Refused("needs-call")
    record_call(account)
    assert submit(account, "visit", outcome="met") == Refused("needs-approval")
    assert submit(account, "approve_visit", by=BEN) == Refused("needs-special-reason")
    submit(account, "ask_visit", minutes=1, reason="cannot come: broken leg")
    assert submit(account, "approve_visit", minutes=1, by=ANA) == Refused("own-request")
    submit(account, "approve_visit", by=BEN, minutes=2)
    assert collection_state(account) == "visit_allowed"
    submit(account, "visit", minutes=3, outcome="met", apologised=True)
    assert collection_state(account) == "visited"
    assert submit(account, "visit", minutes=4, outcome="met") == Refused("needs-approval")
    assert submit(account, "approve_visit", minutes=5, by=BEN) == Refused("needs-special-reason")


@pytest.mark.rule("U2")
@pytest.mark.clause("H2")
def test_a_newer_ledger_does_not_change_recorded_calls():
    account = listed_account()
    assert record_call(account).flag is None
    newer = [{"what": "Service fee", "period": "2026-11", "cents": 99}]
    submit(account, "relist", minutes=5, lines=newer, batch="dec")
    assert owed_cents(vars(account.row)) == 99
    assert account.row.calls[0]["told"] == STATED_AMOUNTS
    assert submit(account, "relist", lines=newer, batch="dec") == Refused("nothing-changed")


@pytest.mark.rule("U2")
def test_a_call_without_itemised_amounts_is_flagged():
    assert record_call(listed_account(), told={}).flag == "not-told-item-by-item"
    assert record_call(listed_account(), itemised=False).flag == "not-told-item-by-item"
    assert record_call(listed_account(), outcome="unreachable", told={}).flag is None


@pytest.mark.rule("U3")
def test_the_resident_sets_the_appointment_and_may_change_it():
    account = listed_account()
    record_call(account, appointment_at="2026-12-01T10:00:00+08:00")
    assert collection_state(account) == "appointment"
    submit(account, "appoint", minutes=5, appointment_at="2026-12-03T10:00:00+08:00")
    assert account.row.appointment_at.day == 3


@pytest.mark.rule("U5")
@pytest.mark.clause("H4")
def test_a_call_outside_accepted_hours_is_stored_and_flagged_without_a_reason():
    account = listed_account()
    submit(account, "prefer", windows=["14:00-15:00"], do_not_call=False)
    assert not may_be_called_at(account.row, NOON - timedelta(hours=2))
    assert may_be_called_at(account.row, NOON - timedelta(hours=5, minutes=30))
    assert record_call(account).flag == "called-at-a-wrong-hour"
    assert record_call(account, override_reason="she asked for it").flag is None
    submit(account, "prefer", do_not_call=True)
    assert record_call(account, minutes=-330).flag == "called-at-a-wrong-hour"
    assert len(account.row.calls) == 3
    assert submit(account, "prefer", habits="sleeps long") == Quarantined("malformed")


@pytest.mark.rule("U6")
@pytest.mark.clause("H5")
@pytest.mark.clause("H6")
def test_no_photo_can_be_added_to_an_account():
    account = listed_account()
    photo = {"sha256": "0" * 64, "bytes": 9, "captured_at": NOON.isoformat()}
    assert account.apply(make_op("photo.attach", payload=photo)) == Quarantined("no-photos-here")
    for kind in KINDS.values():
        assert not {"photos", "sha256", "shots"} & set(kind.payload().fields)
    for page in ("arrears_account", "arrears"):
        html = (ROOT / f"templates/field/{page}.html").read_text("utf-8")
        assert 'type="file"' not in html and "camera" not in html
    assert "Apologise" in (ROOT / "templates/field/arrears_account.html").read_text("utf-8")


@pytest.mark.rule("U7")
@pytest.mark.clause("H8")
def test_a_complaint_becomes_a_ticket_and_pauses_collection_until_its_answer():
    account = listed_account()
    record_call(account)
    submit(account, "ask_visit", minutes=1, reason="special")
    verdict = submit(account, "dispute", minutes=2, details="The lift is broken")
    [ticket] = verdict.followups
    assert (ticket.kind, ticket.payload["about"]) == ("ticket.open", account.row.id)
    said_by_nobody = {"channel", "declined_because", "contact"}
    assert said_by_nobody.isdisjoint(ticket.payload), "contact details are still to be asked for"
    assert account.row.paused_by == [ticket.subject] and collection_state(account) == "disputed"
    assert record_call(account, minutes=3).flag == "called-while-paused"
    assert submit(account, "approve_visit", minutes=4, by=BEN) == Refused("paused")
    assert submit(account, "visit", outcome="met") == Refused("paused")
    submit(account, "resume", minutes=9, ticket=ticket.subject)
    assert account.row.paused_by == [] and collection_state(account) != "disputed"


@pytest.mark.rule("U7")
def test_feedback_on_the_complaint_resumes_collection():
    ticket = InMemoryRecord("ticket")
    account, contact = str(uuid4()), {"channel": "phone", "matter": "complaint", "contact": "1"}
    details = {"about_type": "arrears", "about": account, "details": "x"}
    ticket.apply(make_op("ticket.open", payload={**contact, **details}))
    ticket.apply(make_op("ticket.resolve", minutes=1, payload={"how": "mended"}))
    verdict = ticket.apply(
        make_op("ticket.feed_back", minutes=2, payload={"reaction": "satisfied"})
    )
    assert [(followup.kind, followup.subject) for followup in verdict.followups] == [
        ("arrears.resume", account)
    ]


@pytest.mark.rule("U8")
def test_security_staff_cannot_be_assigned_or_record_anything():
    account = listed_account()
    op = make_op("arrears.assign", by=BEN, payload={"collector_id": CHU})
    for roles, verdict in ((["guard", "service_desk"], Refused("barred")), (["cleaner"], None)):
        people = {CHU: SimpleNamespace(active_to=None, roles=roles)}
        result = account.apply(replace(op, related=people))
        assert result == (verdict or Accepted({"collector_id": CHU}))
    internal = {name for name, kind in KINDS.items() if kind.from_server_only}
    assert {n for n, k in KINDS.items() if "guard" in k.forbidden_roles} == KINDS.keys() - internal


def approved_account():
    account = listed_account()
    record_call(account)
    submit(account, "ask_visit", minutes=1, reason="special")
    submit(account, "approve_visit", minutes=2, by=BEN)
    return account


@pytest.mark.rule("U13")
@pytest.mark.clause("H3")
def test_only_a_visit_that_went_in_makes_a_home_entry():
    for said in ({}, {"went_in": False}):
        account = approved_account()
        assert submit(account, "visit", minutes=3, outcome="met", **said).followups == ()
        assert account.row.visit_went_in is said.get("went_in")
    account = approved_account()
    out_at = "2026-11-24T12:10:00.000Z"
    verdict = submit(account, "visit", minutes=3, outcome="met", went_in=True, out_at=out_at)
    [entry] = verdict.followups
    assert (entry.kind, entry.by, account.row.visit_went_in) == ("entry.tell", ANA, True)
    assert entry.payload == {
        "unit": UNIT,
        "purpose": "arrears",
        "worker_id": ANA,
        "out_at": out_at,
    }


@pytest.mark.rule("U11")
def test_no_outcome_and_no_page_cuts_off_supplies():
    assert set(CALL_OUTCOMES) == {"reached", "unreachable", "wrong_number", "would_not_talk"}
    assert set(VISIT_OUTCOMES) == {"met", "not_home", "would_not_talk"}
    assert submit(listed_account(), "call", outcome="cut_water") == Quarantined("malformed")
    cuts = re.compile("停水|停电|断水|断电|停气|停暖|cut off (the )?(water|power|heat|gas)")
    for file in (ROOT / "templates").rglob("*.html"):
        assert not cuts.search(file.read_text("utf-8")), file


@pytest.mark.rule("U12")
def test_payments_reduce_the_debt_and_unpaid_accounts_go_to_a_manager():
    account = listed_account()
    submit(account, "pay", minutes=1, cents=12_345)
    assert owed_cents(vars(account.row)) == 5_000
    submit(account, "hand_up", minutes=2, reason="six months")
    assert collection_state(account) == "handed_up"
    submit(account, "pay", minutes=3, cents=5_000)
    assert (collection_state(account), owed_cents(vars(account.row))) == ("paid", 0)


def test_facts_of_two_phones_fold_to_the_same_account_in_any_order():
    facts = [
        make_op("arrears.call", minutes=1, payload={"outcome": "unreachable"}),
        make_op(
            "arrears.call",
            by=BEN,
            minutes=2,
            payload={"outcome": "reached", "told": STATED_AMOUNTS},
        ),
        make_op("arrears.dispute", minutes=3, payload={"details": "lift"}),
        make_op("arrears.pay", by=BEN, minutes=4, payload={"cents": 100}),
        make_op("arrears.appoint", minutes=5, payload={"appointment_at": "2026-12-01T10:00:00Z"}),
    ]
    opening, results = (
        make_op("arrears.list", payload={"unit": UNIT, "lines": LINES, "batch": "b"}),
        set(),
    )
    for order in permutations(facts):
        account = InMemoryRecord("arrears")
        account.apply(opening)
        account.row.windows, account.row.do_not_call = [], False
        for fact in order:
            account.apply(fact)
        results.add(repr(sorted(vars(account.row).items())))
    assert len(results) == 1


class ArrearsMachine(RuleBasedStateMachine):
    """Random actions of two collectors on one account (invariant 12)."""

    def __init__(self):
        super().__init__()
        self.account, self.minutes, self.visits = listed_account(), 0, 0

    def submit(self, kind, by, **payload):
        self.minutes += 1
        return submit(self.account, kind, by=by, minutes=self.minutes, **payload)

    @initialize()
    def begin(self):
        self.total = sum(line["cents"] for line in LINES)

    @rule(by=st.sampled_from([ANA, BEN]), outcome=st.sampled_from(CALL_OUTCOMES))
    def call(self, by, outcome):
        self.submit("call", by, outcome=outcome, told=STATED_AMOUNTS)

    @rule(by=st.sampled_from([ANA, BEN]))
    def ask(self, by):
        self.submit("ask_visit", by, reason="special")

    @rule(by=st.sampled_from([ANA, BEN]))
    def approve(self, by):
        before = vars(self.account.row).copy()
        if isinstance(self.submit("approve_visit", by), Accepted):
            assert before["calls"] and before["visit_asked_by_id"] not in (None, by)

    @rule(by=st.sampled_from([ANA, BEN]))
    def visit(self, by):
        before = vars(self.account.row).copy()
        if isinstance(self.submit("visit", by, outcome="met"), Accepted):
            assert before["calls"] and before["visit_approved_at"] and not before["paused_by"]

    @rule()
    def complain(self):
        self.submit("dispute", ANA, details="lift")

    @rule()
    def answer(self):
        complaints = [e for e in self.account.history if e.kind == "arrears.dispute"]
        if complaints:
            self.submit("resume", ANA, ticket=complaint_ticket_id(complaints[-1].id))

    @rule(cents=st.integers(1, 9_000))
    def pay(self, cents):
        self.submit("pay", ANA, cents=cents)
        self.total -= cents

    @invariant()
    def debt_is_exact_and_never_negative(self):
        assert owed_cents(vars(self.account.row)) == max(0, getattr(self, "total", 17_345))

    @invariant()
    def a_visit_is_always_preceded_by_a_call(self):
        row = self.account.row
        assert not row.visited_at or (row.called_at and row.called_at < row.visited_at)


TestCollecting = ArrearsMachine.TestCase
TestCollecting.settings = settings(max_examples=50, stateful_step_count=20)
