"""Cases: who may be asked, what has to be so before anybody decides, and what follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from types import SimpleNamespace

import pytest
from hearing import DAY, EVE, RULE, Case, beside, category, decided, fact, heard, raised, raising
from stage import ANA, BEN, CHU, NOON, op

from sync import KINDS, RECORD_TYPES, Accepted, Contested, Quarantined, Refused, judge
from sync.accountability.case_payloads import SUBJECT_KINDS

SAID = ("statements", "stated_at", "heard_at", "acknowledged_at", "appeals", "appealed_at")


def state(case):
    return RECORD_TYPES["case"].state(vars(case.row))


@pytest.mark.rule("A3")
@pytest.mark.clause("G1", "G2")
def test_a_case_goes_from_its_facts_to_the_word_that_it_was_read():
    case = raised()
    assert state(case) == "raised"
    case.do("find", minutes=2, facts=[fact("skipped", text="rain")])
    assert state(case) == "fact_finding"
    case.ask()
    assert state(case) == "asked"
    case.do("state", ANA, 10, answer="stated", text="The lift was stuck")
    assert state(case) == "stated"
    assert case.decide() == Accepted(case.history[-1].changes)
    assert state(case) == "decided"
    case.do("acknowledge", ANA, 70)
    assert state(case) == "acknowledged"
    case.do("close", minutes=80)
    assert state(case) == "closed"


@pytest.mark.rule("A3")
@pytest.mark.clause("G1")
@pytest.mark.parametrize("kind", SUBJECT_KINDS)
def test_a_person_a_team_a_contractor_and_a_manager_are_asked(kind):
    asked = EVE if kind == "manager" else ANA
    case = raised(subject_kind=kind, subject_name="Early shift", answers_id=asked)
    assert (case.row.subject_kind, case.row.answers_id) == (kind, asked)
    nameless = Case().do("raise", **raising(subject_kind=kind, answers_id=asked))
    assert isinstance(nameless, Quarantined) == (kind in ("team", "contractor"))


@pytest.mark.rule("A3")
@pytest.mark.parametrize(
    ("rule", "more", "code"),
    [
        (category(published_at=None), {}, "not-published"),
        (category(deactivated_at=NOON), {}, "not-published"),
        (None, {"category_id": ANA}, "not-published"),
        (None, {"sub": "9z"}, "unknown-sub"),
        (None, {"sub": None}, "unknown-sub"),
        (None, {"amount": 100}, "amount"),
        (category(with_amount=True), {}, "amount"),
        (None, {"answers_id": RULE}, "no-such-person"),
        (None, {"subject_kind": "manager"}, "not-a-manager"),
        (None, {"answers_id": BEN}, "own-case"),
        (None, {"facts": [fact(minutes=1)]}, "future-fact"),
    ],
)
def test_without_a_rule_in_force_and_a_subject_there_is_no_case(rule, more, code):
    assert Case(rule).do("raise", **raising(**more)) == Refused(code)


@pytest.mark.clause("G8")
def test_a_loss_is_a_whole_number_of_cents():
    case = raised(category(with_amount=True, subs=[]), sub=None, amount=123_456_789_01)
    assert case.row.amount == 123_456_789_01
    for amount in (12.5, "12", 0, -1):
        said = raising(amount=amount, sub=None)
        assert isinstance(Case().do("raise", **said), Quarantined)


@pytest.mark.rule("A4")
def test_what_explains_is_a_fact_too_and_moves_nothing():
    case = heard()
    happened_at = case.row.happened_at
    case.do("find", minutes=20, facts=[fact("late_phone", -3 * DAY), fact("skipped", text="rain")])
    assert (case.row.happened_at, state(case)) == (happened_at, "stated")
    assert [one["code"] for one in case.row.facts] == ["missed", "late_phone", "skipped"]


@pytest.mark.rule("A4")
def test_a_new_reproach_is_put_to_the_subject_before_it_counts():
    case = heard()
    case.do("find", minutes=20, facts=[fact("told_against", -90, "Ana left at nine")])
    assert case.row.happened_at == NOON - timedelta(minutes=90)
    assert case.decide() == Refused("not-asked")
    case.ask(minutes=30)
    assert case.decide() == Refused("statement-waits")
    case.do("state", ANA, 40, answer="declined")
    assert (state(case), type(case.decide())) == ("declined", Accepted)


def unpublished(case):
    case.beside[RULE] = category(published_at=NOON - timedelta(minutes=30))


def unread(case):
    case.beside[RULE] = category(acknowledged={BEN: NOON.isoformat()})


def read_afterwards(case):
    case.beside[RULE] = category(acknowledged={ANA: NOON.isoformat()})


def of_no_site(case):
    case.beside = {**beside(), **{key: None for key in case.beside if key not in beside()}}
    case.beside = {RULE: case.beside[RULE]}


@pytest.mark.rule("A5", "A8")
@pytest.mark.clause("G2")
@pytest.mark.parametrize(
    ("lacking", "code"),
    [
        (unpublished, "published-later"),
        (unread, "not-acknowledged"),
        (read_afterwards, "not-acknowledged"),
        (of_no_site, "not-asked"),
    ],
)
def test_a_rule_that_was_not_known_then_is_not_used(lacking, code):
    case = heard()
    lacking(case)
    assert case.decide() == Refused(code)


@pytest.mark.rule("A8")
def test_each_step_that_is_missing_stops_the_decision():
    case = raised(facts=[fact("skipped", text="rain")])
    case.ask()
    case.do("state", ANA, 10, answer="stated", text="It rained")
    assert case.decide() == Refused("no-facts")
    assert raised().decide() == Refused("not-asked")
    assert heard().decide(category_id=BEN) == Refused("other-category")
    assert heard().decide(by=ANA) == Refused("own-case")
    assert decided().decide(minutes=90) == Refused("already-decided")


@pytest.mark.rule("A6", "A8")
def test_the_subject_has_the_time_that_was_said_and_never_less_than_the_site_gives():
    for hours, given_hours in ((24, 1), (1, 24), (24, 24)):
        case = raised(hours=hours)
        case.ask(minutes=0, hours=given_hours)
        assert case.decide(minutes=DAY - 1) == Refused("statement-waits")
        assert isinstance(case.decide(minutes=DAY), Accepted)
    assert raised().ask(hours=0) == Refused("due-is-past")


@pytest.mark.rule("A7")
def test_a_statement_is_never_lost_and_nobody_speaks_for_the_subject():
    case = raised()
    case.ask()
    verdict = case.do("state", CHU, 10, answer="stated", text="It was Ana")
    assert verdict.flag == "not-the-subject"
    assert (state(case), case.row.statements) == ("asked", [])
    case.decide(minutes=3 * DAY)
    late = case.do("state", ANA, 30, late=4 * DAY, answer="stated", text="No signal")
    assert (late.flag, case.row.statements[0]["text"]) == ("stated-after-decision", "No signal")
    assert isinstance(case.decide(BEN, 5 * DAY, "review", finding="not_responsible"), Accepted)
    assert [one["finding"] for one in case.row.decisions] == ["partly", "not_responsible"]


@pytest.mark.rule("A7")
def test_in_whatever_order_they_arrive_facts_make_the_same_case():
    facts = [
        op("case.state", by=ANA, minutes=10, payload={"answer": "declined"}),
        op("case.state", by=ANA, minutes=20, payload={"answer": "stated", "text": "I was ill"}),
        op("case.appeal", by=ANA, minutes=90, payload={"text": "Ask the doctor"}),
        op("case.acknowledge", by=ANA, minutes=95),
    ]
    ends = []
    for order in permutations(facts):
        case = raised()
        case.ask()
        case.beside |= beside()
        for one in order:
            case.take(replace(one, received_at=NOON + timedelta(days=1)))
        ends.append((state(case), {name: getattr(case.row, name) for name in SAID}))
    assert all(end == ends[0] for end in ends)


@pytest.mark.rule("A8")
def test_a_decision_that_had_not_seen_the_statement_is_contested():
    case = raised(hours=1)
    case.ask(minutes=5, hours=1)
    seen = case.version
    case.do("state", ANA, 30, answer="stated", text="The lift was stuck")
    assert isinstance(case.decide(minutes=DAY, base=seen), Contested)
    assert isinstance(case.decide(minutes=DAY, base=case.version), Accepted)


@pytest.mark.rule("A9")
def test_nothing_is_ever_found_or_measured_without_somebody_who_writes_it():
    for lacking in ({"finding": None}, {"measures": ""}, {"measures": None}, {"finding": "guilty"}):
        assert isinstance(heard().decide(**lacking), Quarantined)
    fields = KINDS["case.decide"].payload().fields
    assert all(fields[name].required for name in ("finding", "measures"))
    case = raised()
    case.ask()
    assert (case.row.finding, case.row.measures, case.row.decided_at) == (None, None, None)


@pytest.mark.rule("A10")
def test_only_the_subject_acknowledges():
    case = decided()
    assert case.do("acknowledge", BEN, 70).flag == "not-the-subject"
    assert case.do("close", minutes=80, because=None) == Refused("say-why")
    case.do("acknowledge", ANA, 75)
    assert isinstance(case.do("close", minutes=80), Accepted)


@pytest.mark.rule("A11")
def test_an_appeal_is_decided_anew_by_somebody_else():
    case = decided()
    assert case.decide(BEN, 90, "review") == Refused("not-appealed")
    case.do("appeal", ANA, 100, text="The lift was stuck all day")
    assert state(case) == "appealed"
    assert case.do("close", minutes=110, because="enough") == Refused("appealed")
    assert case.decide(EVE, 120, "review") == Refused("same-decider")
    assert case.decide(ANA, 120, "review") == Refused("own-case")
    assert isinstance(case.decide(BEN, 120, "review", finding="not_responsible"), Accepted)
    assert (state(case), case.row.finding) == ("decided", "not_responsible")
    case.do("appeal", ANA, 130, text="Still not right")
    assert case.decide(EVE, 140, "review") == Refused("same-decider")


@pytest.mark.rule("A11")
def test_an_appeal_opens_what_was_closed():
    case = decided()
    case.do("close", minutes=80, because="left the company")
    assert case.do("find", minutes=85, facts=[fact()]) == Refused("already-closed")
    case.do("appeal", ANA, 90, text="I have not left")
    assert state(case) == "appealed"
    assert isinstance(case.decide(BEN, 100, "review"), Accepted)
    assert (state(case), case.row.closed_at) == ("decided", None)


@pytest.mark.rule("A12")
def test_what_is_not_decided_ends_with_a_reason_only():
    case = raised()
    assert case.do("close", minutes=5) == Refused("say-why")
    assert isinstance(case.do("close", minutes=6, because="A mistake of the plan"), Accepted)
    assert (state(case), case.row.because) == ("closed", "A mistake of the plan")
    assert case.do("close", minutes=7, because="again") == Refused("already-closed")
    assert case.decide() == Refused("already-closed")


@pytest.mark.rule("A3")
@pytest.mark.clause("G7")
def test_a_supervisor_has_no_hand_in_the_own_case():
    case = raised(by=EVE, answers_id=BEN, subject_kind="manager")
    case.ask(by=EVE)
    assert case.ask(by=BEN) == Refused("own-case")
    mine = [fact("told_for", text="I was ill")]
    assert case.do("find", BEN, 6, facts=mine) == Refused("own-case")
    assert case.decide(BEN) == Refused("own-case")
    assert case.do("close", BEN, 7, because="no") == Refused("own-case")
    case.do("state", BEN, 10, answer="stated", text="Nobody told me")
    assert isinstance(case.decide(EVE), Accepted)


@pytest.mark.rule("A13")
def test_a_phone_knows_of_a_case_from_the_question_to_the_end():
    roles = {ANA: frozenset({"cleaner"})}

    def seen(case):
        return RECORD_TYPES["case"].audience(vars(case.row), roles.get) & 1

    case = raised()
    assert not seen(case)
    case.ask()
    assert seen(case)
    case.do("state", ANA, 10, answer="declined")
    case.decide()
    assert seen(case)
    case.do("close", minutes=80, because="left")
    assert not seen(case)


def test_a_case_of_another_site_is_no_category():
    odd = op("case.raise", by=BEN, payload=raising(category_id=RULE))
    odd = replace(odd, related={RULE: SimpleNamespace(roles=[])})
    assert judge("case", None, odd) == Refused("not-published")
