"""Cases: who may be asked, what has to be so before anybody decides, and what follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from types import SimpleNamespace

import pytest

from sync import KINDS, RECORD_TYPES, Accepted, Contested, Quarantined, Refused, judge
from sync.accountability.case_payloads import SUBJECT_KINDS
from tests.sync.accountability.case_builders import (
    CATEGORY_ID,
    EVE,
    MINUTES_PER_DAY,
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
def test_a_case_goes_from_its_facts_to_the_word_that_it_was_read():
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
def test_a_person_a_team_a_contractor_and_a_manager_are_asked(kind):
    asked = EVE if kind == "manager" else ANA
    case = raised_case(subject_kind=kind, subject_name="Early shift", answers_id=asked)
    assert (case.row.subject_kind, case.row.answers_id) == (kind, asked)
    nameless = CaseRecord().submit("raise", **raise_payload(subject_kind=kind, answers_id=asked))
    assert isinstance(nameless, Quarantined) == (kind in ("team", "contractor"))


@pytest.mark.rule("A3")
@pytest.mark.parametrize(
    ("rule", "more", "code"),
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
def test_without_a_rule_in_force_and_a_subject_there_is_no_case(rule, more, code):
    assert CaseRecord(rule).submit("raise", **raise_payload(**more)) == Refused(code)


@pytest.mark.clause("G8")
def test_a_loss_is_a_whole_number_of_cents():
    case = raised_case(
        published_category(with_amount=True, subs=[]), sub=None, amount=123_456_789_01
    )
    assert case.row.amount == 123_456_789_01
    for amount in (12.5, "12", 0, -1):
        said = raise_payload(amount=amount, sub=None)
        assert isinstance(CaseRecord().submit("raise", **said), Quarantined)


@pytest.mark.rule("A4")
def test_what_explains_is_a_fact_too_and_moves_nothing():
    case = heard_case()
    happened_at = case.row.happened_at
    case.submit(
        "find",
        minutes=20,
        facts=[make_fact("late_phone", -3 * MINUTES_PER_DAY), make_fact("skipped", text="rain")],
    )
    assert (case.row.happened_at, case_state(case)) == (happened_at, "stated")
    assert [one["code"] for one in case.row.facts] == ["missed", "late_phone", "skipped"]


@pytest.mark.rule("A4")
def test_a_new_reproach_is_put_to_the_subject_before_it_counts():
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
    ("lacking", "code"),
    [
        (with_unpublished_category, "published-later"),
        (with_unread_category, "not-acknowledged"),
        (with_category_read_late, "not-acknowledged"),
        (without_site, "not-asked"),
    ],
)
def test_a_rule_that_was_not_known_then_is_not_used(lacking, code):
    case = heard_case()
    lacking(case)
    assert case.decide() == Refused(code)


@pytest.mark.rule("A8")
def test_each_step_that_is_missing_stops_the_decision():
    case = raised_case(facts=[make_fact("skipped", text="rain")])
    case.ask()
    case.submit("state", ANA, 10, answer="stated", text="It rained")
    assert case.decide() == Refused("no-facts")
    assert raised_case().decide() == Refused("not-asked")
    assert heard_case().decide(category_id=BEN) == Refused("other-category")
    assert heard_case().decide(by=ANA) == Refused("own-case")
    assert decided_case().decide(minutes=90) == Refused("already-decided")


@pytest.mark.rule("A6", "A8")
def test_the_subject_has_the_time_that_was_said_and_never_less_than_the_site_gives():
    for hours, given_hours in ((24, 1), (1, 24), (24, 24)):
        case = raised_case(hours=hours)
        case.ask(minutes=0, hours=given_hours)
        assert case.decide(minutes=MINUTES_PER_DAY - 1) == Refused("statement-waits")
        assert isinstance(case.decide(minutes=MINUTES_PER_DAY), Accepted)
    assert raised_case().ask(hours=0) == Refused("due-is-past")


@pytest.mark.rule("A7")
def test_a_statement_is_never_lost_and_nobody_speaks_for_the_subject():
    case = raised_case()
    case.ask()
    verdict = case.submit("state", CHU, 10, answer="stated", text="It was Ana")
    assert verdict.flag == "not-the-subject"
    assert (case_state(case), case.row.statements) == ("asked", [])
    case.decide(minutes=3 * MINUTES_PER_DAY)
    late = case.submit(
        "state", ANA, 30, late=4 * MINUTES_PER_DAY, answer="stated", text="No signal"
    )
    assert (late.flag, case.row.statements[0]["text"]) == ("stated-after-decision", "No signal")
    assert isinstance(
        case.decide(BEN, 5 * MINUTES_PER_DAY, "review", finding="not_responsible"), Accepted
    )
    assert [one["finding"] for one in case.row.decisions] == ["partly", "not_responsible"]


@pytest.mark.rule("A7")
def test_in_whatever_order_they_arrive_facts_make_the_same_case():
    facts = [
        make_op("case.state", by=ANA, minutes=10, payload={"answer": "declined"}),
        make_op(
            "case.state", by=ANA, minutes=20, payload={"answer": "stated", "text": "I was ill"}
        ),
        make_op("case.appeal", by=ANA, minutes=90, payload={"text": "Ask the doctor"}),
        make_op("case.acknowledge", by=ANA, minutes=95),
    ]
    ends = []
    for order in permutations(facts):
        case = raised_case()
        case.ask()
        case.related |= related_records()
        for one in order:
            case.apply(replace(one, received_at=NOON + timedelta(days=1)))
        ends.append((case_state(case), {name: getattr(case.row, name) for name in SUBJECT_FIELDS}))
    assert all(end == ends[0] for end in ends)


@pytest.mark.rule("A8")
def test_a_decision_that_had_not_seen_the_statement_is_contested():
    case = raised_case(hours=1)
    case.ask(minutes=5, hours=1)
    seen = case.version
    case.submit("state", ANA, 30, answer="stated", text="The lift was stuck")
    assert isinstance(case.decide(minutes=MINUTES_PER_DAY, base=seen), Contested)
    assert isinstance(case.decide(minutes=MINUTES_PER_DAY, base=case.version), Accepted)


@pytest.mark.rule("A9")
def test_nothing_is_ever_found_or_measured_without_somebody_who_writes_it():
    for lacking in ({"finding": None}, {"measures": ""}, {"measures": None}, {"finding": "guilty"}):
        assert isinstance(heard_case().decide(**lacking), Quarantined)
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
def test_an_appeal_is_decided_anew_by_somebody_else():
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
def test_an_appeal_opens_what_was_closed():
    case = decided_case()
    case.submit("close", minutes=80, because="left the company")
    assert case.submit("find", minutes=85, facts=[make_fact()]) == Refused("already-closed")
    case.submit("appeal", ANA, 90, text="I have not left")
    assert case_state(case) == "appealed"
    assert isinstance(case.decide(BEN, 100, "review"), Accepted)
    assert (case_state(case), case.row.closed_at) == ("decided", None)


@pytest.mark.rule("A12")
def test_what_is_not_decided_ends_with_a_reason_only():
    case = raised_case()
    assert case.submit("close", minutes=5) == Refused("say-why")
    assert isinstance(case.submit("close", minutes=6, because="A mistake of the plan"), Accepted)
    assert (case_state(case), case.row.because) == ("closed", "A mistake of the plan")
    assert case.submit("close", minutes=7, because="again") == Refused("already-closed")
    assert case.decide() == Refused("already-closed")


@pytest.mark.rule("A3")
@pytest.mark.clause("G7")
def test_a_supervisor_has_no_hand_in_the_own_case():
    case = raised_case(by=EVE, answers_id=BEN, subject_kind="manager")
    case.ask(by=EVE)
    assert case.ask(by=BEN) == Refused("own-case")
    mine = [make_fact("told_for", text="I was ill")]
    assert case.submit("find", BEN, 6, facts=mine) == Refused("own-case")
    assert case.decide(BEN) == Refused("own-case")
    assert case.submit("close", BEN, 7, because="no") == Refused("own-case")
    case.submit("state", BEN, 10, answer="stated", text="Nobody told me")
    assert isinstance(case.decide(EVE), Accepted)


@pytest.mark.rule("A13")
def test_a_phone_knows_of_a_case_from_the_question_to_the_end():
    roles = {ANA: frozenset({"cleaner"})}

    def seen(case):
        return RECORD_TYPES["case"].audience(vars(case.row), roles.get) & 1

    case = raised_case()
    assert not seen(case)
    case.ask()
    assert seen(case)
    case.submit("state", ANA, 10, answer="declined")
    case.decide()
    assert seen(case)
    case.submit("close", minutes=80, because="left")
    assert not seen(case)


def test_a_case_of_another_site_is_no_category():
    odd = make_op("case.raise", by=BEN, payload=raise_payload(category_id=CATEGORY_ID))
    odd = replace(odd, related={CATEGORY_ID: SimpleNamespace(roles=[])})
    assert judge("case", None, odd) == Refused("not-published")
