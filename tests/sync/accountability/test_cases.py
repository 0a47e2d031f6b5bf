"""Cases: who may be asked, what has to be done before a decision, and what follows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from types import SimpleNamespace

import pytest

from sync import KINDS, RECORD_TYPES, Accepted, Contested, Quarantined, Refused, judge
from sync.accountability.case_payloads import SUBJECT_KINDS
from sync.protocol.roles import DESK_ONLY_AUDIENCE
from tests.sync.accountability.case_builders import (
    CATEGORY_ID,
    EVE,
    MINUTES_PER_DAY,
    SITE_ID,
    CaseRecord,
    decided_case,
    heard_case,
    make_fact,
    published_category,
    raise_payload,
    raised_case,
    related_records,
)
from tests.sync.builders import ANA, BEN, CHU, NOON, make_op

SUBJECT_FIELDS = (
    "statements",
    "stated_at",
    "heard_at",
    "acknowledged_at",
    "appeals",
    "appealed_at",
)


def case_state(case):
    return RECORD_TYPES["case"].state(vars(case.row))


@pytest.mark.rule("A3")
@pytest.mark.clause("G1", "G2")
def test_a_case_goes_from_facts_to_statement_decision_and_close():
    case = raised_case()
    assert case_state(case) == "raised"
    case.submit("find", minutes=2, facts=[make_fact("skipped", text="rain")])
    assert case_state(case) == "fact_finding"
    case.ask()
    assert case_state(case) == "asked"
    case.submit("state", ANA, 10, answer="stated", text="The lift was stuck")
    assert case_state(case) == "stated"
    assert case.decide() == Accepted(case.history[-1].changes)
    assert case_state(case) == "decided"
    case.submit("acknowledge", ANA, 70)
    assert case_state(case) == "acknowledged"
    case.submit("close", minutes=80)
    assert case_state(case) == "closed"


@pytest.mark.rule("A3")
@pytest.mark.clause("G1")
@pytest.mark.parametrize("kind", SUBJECT_KINDS)
def test_a_person_a_team_a_contractor_and_a_manager_may_be_asked(kind):
    subject = EVE if kind == "manager" else ANA
    case = raised_case(subject_kind=kind, subject_name="Early shift", answers_id=subject)
    assert (case.row.subject_kind, case.row.answers_id) == (kind, subject)
    nameless = CaseRecord().submit("raise", **raise_payload(subject_kind=kind, answers_id=subject))
    assert isinstance(nameless, Quarantined) == (kind in ("team", "contractor"))


@pytest.mark.rule("A3")
@pytest.mark.parametrize(
    ("category", "more", "code"),
    [
        (published_category(published_at=None), {}, "not-published"),
        (published_category(deactivated_at=NOON), {}, "not-published"),
        (None, {"category_id": ANA}, "not-published"),
        (None, {"sub": "9z"}, "unknown-sub"),
        (None, {"sub": None}, "unknown-sub"),
        (None, {"amount": 100}, "amount"),
        (published_category(with_amount=True), {}, "amount"),
        (None, {"answers_id": CATEGORY_ID}, "no-such-person"),
        (None, {"subject_kind": "manager"}, "not-a-manager"),
        (None, {"answers_id": BEN}, "own-case"),
        (None, {"facts": [make_fact(minutes=1)]}, "future-fact"),
    ],
)
def test_a_case_needs_a_published_category_and_a_valid_subject(category, more, code):
    assert CaseRecord(category).submit("raise", **raise_payload(**more)) == Refused(code)


@pytest.mark.clause("G8")
def test_a_loss_is_a_whole_number_of_cents():
    case = raised_case(
        published_category(with_amount=True, subs=[]), sub=None, amount=123_456_789_01
    )
    assert case.row.amount == 123_456_789_01
    for amount in (12.5, "12", 0, -1):
        payload = raise_payload(amount=amount, sub=None)
        assert isinstance(CaseRecord().submit("raise", **payload), Quarantined)


@pytest.mark.rule("A4")
def test_an_excusing_fact_does_not_change_the_state():
    case = heard_case()
    happened_at = case.row.happened_at
    case.submit(
        "find",
        minutes=20,
        facts=[make_fact("late_phone", -3 * MINUTES_PER_DAY), make_fact("skipped", text="rain")],
    )
    assert (case.row.happened_at, case_state(case)) == (happened_at, "stated")
    assert [fact["code"] for fact in case.row.facts] == ["missed", "late_phone", "skipped"]


@pytest.mark.rule("A4")
def test_after_a_new_accusing_fact_the_subject_is_asked_again():
    case = heard_case()
    case.submit("find", minutes=20, facts=[make_fact("told_against", -90, "Ana left at nine")])
    assert case.row.happened_at == NOON - timedelta(minutes=90)
    assert case.decide() == Refused("not-asked")
    case.ask(minutes=30)
    assert case.decide() == Refused("statement-waits")
    case.submit("state", ANA, 40, answer="declined")
    assert (case_state(case), type(case.decide())) == ("declined", Accepted)


def with_unpublished_category(case):
    case.related[CATEGORY_ID] = published_category(published_at=NOON - timedelta(minutes=30))


def with_unread_category(case):
    case.related[CATEGORY_ID] = published_category(acknowledged={BEN: NOON.isoformat()})


def with_category_read_late(case):
    case.related[CATEGORY_ID] = published_category(acknowledged={ANA: NOON.isoformat()})


def without_site(case):
    case.related = {
        **related_records(),
        **{key: None for key in case.related if key not in related_records()},
    }
    case.related = {CATEGORY_ID: case.related[CATEGORY_ID]}


@pytest.mark.rule("A5", "A8")
@pytest.mark.clause("G2")
@pytest.mark.parametrize(
    ("remove", "code"),
    [
        (with_unpublished_category, "published-later"),
        (with_unread_category, "not-acknowledged"),
        (with_category_read_late, "not-acknowledged"),
        (without_site, "not-asked"),
    ],
)
def test_a_category_that_was_not_known_then_does_not_apply(remove, code):
    case = heard_case()
    remove(case)
    assert case.decide() == Refused(code)


@pytest.mark.rule("A8")
def test_each_missing_step_prevents_the_decision():
    case = raised_case(facts=[make_fact("skipped", text="rain")])
    case.ask()
    case.submit("state", ANA, 10, answer="stated", text="It rained")
    assert case.decide() == Refused("no-facts")
    assert raised_case().decide() == Refused("not-asked")
    assert heard_case().decide(category_id=BEN) == Refused("other-category")
    assert heard_case().decide(by=ANA) == Refused("own-case")
    assert decided_case().decide(minutes=90) == Refused("already-decided")


@pytest.mark.rule("A6", "A8")
def test_the_subject_has_the_longer_of_both_times_for_a_statement():
    for hours, given_hours in ((24, 1), (1, 24), (24, 24)):
        case = raised_case(hours=hours)
        case.ask(minutes=0, hours=given_hours)
        assert case.decide(minutes=MINUTES_PER_DAY - 1) == Refused("statement-waits")
        assert isinstance(case.decide(minutes=MINUTES_PER_DAY), Accepted)
    assert raised_case().ask(hours=0) == Refused("due-is-past")


@pytest.mark.rule("A6", "A8")
def test_a_statement_asked_for_has_its_own_due_time():
    case = raised_case(hours=24)
    soon, later = (NOON + timedelta(hours=hours) for hours in (23, 25))
    asked = {"site_id": SITE_ID, "minutes": 30}
    assert case.submit("ask", answer_until=soon.isoformat(), **asked) == Refused(
        "statement-too-soon"
    )
    case.submit("ask", answer_until=later.isoformat(), **asked)
    case.related = related_records(hours=96)
    assert case.decide(minutes=25 * 60 - 1) == Refused("statement-waits")
    assert isinstance(case.decide(minutes=25 * 60), Accepted), "a later change moves no due time"
    shorter = raised_case(hours=24)
    shorter.submit("ask", answer_until=later.isoformat(), **asked)
    shorter.related = related_records(hours=1)
    assert shorter.decide(minutes=25 * 60 - 1) == Refused("statement-waits")


@pytest.mark.rule("A7")
def test_a_late_statement_is_stored_and_one_by_others_is_flagged():
    case = raised_case()
    case.ask()
    verdict = case.submit("state", CHU, 10, answer="stated", text="It was Ana")
    assert verdict.flag == "not-the-subject"
    assert (case_state(case), case.row.statements) == ("asked", [])
    case.decide(minutes=3 * MINUTES_PER_DAY)
    late = case.submit(
        "state", ANA, 30, delay=4 * MINUTES_PER_DAY, answer="stated", text="No signal"
    )
    assert (late.flag, case.row.statements[0]["text"]) == ("stated-after-decision", "No signal")
    assert isinstance(
        case.decide(BEN, 5 * MINUTES_PER_DAY, "review", finding="not_responsible"), Accepted
    )
    assert [decision["finding"] for decision in case.row.decisions] == ["partly", "not_responsible"]


@pytest.mark.rule("A7")
def test_facts_of_a_case_fold_to_the_same_case_in_any_order():
    facts = [
        make_op("case.state", by=ANA, minutes=10, payload={"answer": "declined"}),
        make_op(
            "case.state", by=ANA, minutes=20, payload={"answer": "stated", "text": "I was ill"}
        ),
        make_op("case.appeal", by=ANA, minutes=90, payload={"text": "Ask the doctor"}),
        make_op("case.acknowledge", by=ANA, minutes=95),
    ]
    results = []
    for order in permutations(facts):
        case = raised_case()
        case.ask()
        case.related |= related_records()
        for fact in order:
            case.apply(replace(fact, received_at=NOON + timedelta(days=1)))
        results.append(
            (case_state(case), {name: getattr(case.row, name) for name in SUBJECT_FIELDS})
        )
    assert all(result == results[0] for result in results)


@pytest.mark.rule("A8")
def test_a_decision_that_had_not_seen_the_statement_is_contested():
    case = raised_case(hours=1)
    case.ask(minutes=5, hours=1)
    known_version = case.version
    case.submit("state", ANA, 30, answer="stated", text="The lift was stuck")
    assert isinstance(case.decide(minutes=MINUTES_PER_DAY, base=known_version), Contested)
    assert isinstance(case.decide(minutes=MINUTES_PER_DAY, base=case.version), Accepted)


@pytest.mark.rule("A9")
def test_finding_and_measures_are_required_and_have_no_default():
    for invalid in ({"finding": None}, {"measures": ""}, {"measures": None}, {"finding": "guilty"}):
        assert isinstance(heard_case().decide(**invalid), Quarantined)
    fields = KINDS["case.decide"].payload().fields
    assert all(fields[name].required for name in ("finding", "measures"))
    case = raised_case()
    case.ask()
    assert (case.row.finding, case.row.measures, case.row.decided_at) == (None, None, None)


@pytest.mark.rule("A10")
def test_only_the_subject_acknowledges():
    case = decided_case()
    assert case.submit("acknowledge", BEN, 70).flag == "not-the-subject"
    assert case.submit("close", minutes=80, because=None) == Refused("say-why")
    case.submit("acknowledge", ANA, 75)
    assert isinstance(case.submit("close", minutes=80), Accepted)


@pytest.mark.rule("A11")
def test_an_appeal_is_decided_by_somebody_else():
    case = decided_case()
    assert case.decide(BEN, 90, "review") == Refused("not-appealed")
    case.submit("appeal", ANA, 100, text="The lift was stuck all day")
    assert case_state(case) == "appealed"
    assert case.submit("close", minutes=110, because="enough") == Refused("appealed")
    assert case.decide(EVE, 120, "review") == Refused("same-decider")
    assert case.decide(ANA, 120, "review") == Refused("own-case")
    assert isinstance(case.decide(BEN, 120, "review", finding="not_responsible"), Accepted)
    assert (case_state(case), case.row.finding) == ("decided", "not_responsible")
    case.submit("appeal", ANA, 130, text="Still not right")
    assert case.decide(EVE, 140, "review") == Refused("same-decider")


@pytest.mark.rule("A11")
def test_an_appeal_reopens_a_closed_case():
    case = decided_case()
    case.submit("close", minutes=80, because="left the company")
    assert case.submit("find", minutes=85, facts=[make_fact()]) == Refused("already-closed")
    case.submit("appeal", ANA, 90, text="I have not left")
    assert case_state(case) == "appealed"
    assert isinstance(case.decide(BEN, 100, "review"), Accepted)
    assert (case_state(case), case.row.closed_at) == ("decided", None)


@pytest.mark.rule("A12")
def test_closing_an_undecided_case_needs_a_reason():
    case = raised_case()
    assert case.submit("close", minutes=5) == Refused("say-why")
    assert isinstance(case.submit("close", minutes=6, because="A mistake of the plan"), Accepted)
    assert (case_state(case), case.row.because) == ("closed", "A mistake of the plan")
    assert case.submit("close", minutes=7, because="again") == Refused("already-closed")
    assert case.decide() == Refused("already-closed")


@pytest.mark.rule("A3")
@pytest.mark.clause("G7")
def test_a_supervisor_cannot_act_in_their_own_case():
    case = raised_case(by=EVE, answers_id=BEN, subject_kind="manager")
    case.ask(by=EVE)
    assert case.ask(by=BEN) == Refused("own-case")
    facts = [make_fact("told_for", text="I was ill")]
    assert case.submit("find", BEN, 6, facts=facts) == Refused("own-case")
    assert case.decide(BEN) == Refused("own-case")
    assert case.submit("close", BEN, 7, because="no") == Refused("own-case")
    case.submit("state", BEN, 10, answer="stated", text="Nobody told me")
    assert isinstance(case.decide(EVE), Accepted)


@pytest.mark.rule("A13")
def test_phones_get_a_case_from_the_question_to_the_close():
    def is_on_phones(case):
        people = RECORD_TYPES["case"].people(vars(case.row))
        assert people in ([], [ANA]), "nobody else's phone"
        return people

    case = raised_case()
    assert RECORD_TYPES["case"].audience(vars(case.row), None) == DESK_ONLY_AUDIENCE
    assert not is_on_phones(case)
    case.ask()
    assert is_on_phones(case)
    case.submit("state", ANA, 10, answer="declined")
    case.decide()
    assert is_on_phones(case)
    case.submit("close", minutes=80, because="left")
    assert not is_on_phones(case)


def test_a_record_that_is_no_category_is_refused():
    op = make_op("case.raise", by=BEN, payload=raise_payload(category_id=CATEGORY_ID))
    op = replace(op, related={CATEGORY_ID: SimpleNamespace(roles=[])})
    assert judge("case", None, op) == Refused("not-published")
