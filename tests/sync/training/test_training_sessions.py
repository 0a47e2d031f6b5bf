"""Training sessions: facts in any order give the same record, and answers are counted."""

from dataclasses import replace
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync import RECORD_TYPES, Accepted, Quarantined, is_flag_moot
from sync.training.handbook import load_handbook
from sync.training.training_sessions import approach_counts
from tests.sync.builders import ANA, BEN, CHU, InMemoryRecord, make_op

CASE = str(uuid4())
CARD = f"etiquette:{uuid4()}"
PROMPTS = ["你怎么做？", "你怎么看？"]


def begun_session(**more):
    """Ben leads a session with Ana and Chu."""
    session = InMemoryRecord("session")
    payload = {"cards": [CARD], "prompts": PROMPTS, "attendees": [ANA, CHU], **more}
    session.apply(make_op("session.begin", by=BEN, payload=payload))
    return session


def answer_op(person=ANA, prompt=0, *, by=BEN, minutes=0, **more):
    payload = {"person": person, "prompt": prompt, **more}
    return make_op("session.answer", by=by, minutes=minutes, payload=payload)


def case_card():
    return next(card for card in load_handbook().cards if card["code"] == "CASE-01")


@pytest.mark.rule("Z1")
@pytest.mark.clause("E7")
def test_a_session_copies_the_questions_and_approaches_of_its_case():
    card = SimpleNamespace(approaches=case_card()["approaches"])
    prompts = [prompt["zh"] for prompt in case_card()["prompts"]]
    payload = {"case": CASE, "prompts": prompts, "attendees": [ANA, ANA, CHU]}
    session = InMemoryRecord("session")
    begin = make_op("session.begin", by=BEN, payload=payload)
    assert session.apply(replace(begin, related={CASE: card})).flag is None
    row = session.row
    assert (len(row.prompts), row.attendees, row.facilitator_id) == (2, [ANA, CHU], BEN)
    assert [approach["key"] for approach in row.approaches] == ["A", "B", "C"]
    without_case = InMemoryRecord("session").apply(
        make_op("session.begin", by=BEN, payload=payload)
    )
    assert isinstance(without_case, Accepted) and without_case.flag == "unknown-case"


@pytest.mark.rule("Z2")
@pytest.mark.clause("E7")
def test_an_answer_is_stored_whoever_wrote_it_down():
    session = begun_session()
    assert session.apply(answer_op(by=BEN, text="记下来", approach="A")).flag is None
    assert session.apply(answer_op(CHU, by=CHU, approach="B")).flag is None
    stranger = session.apply(answer_op(BEN, text="me too"))
    assert stranger.flag == "not-an-attendee"
    assert session.apply(answer_op(prompt=5)).flag == "no-such-prompt"
    assert isinstance(session.apply(answer_op(approach="D")), Quarantined)
    assert session.row.answers[CHU]["0"]["approach"] == "B"


@pytest.mark.rule("Z3")
def test_the_newest_answer_counts_and_earlier_ones_stay():
    session = begun_session()
    session.apply(answer_op(minutes=5, text="second", approach="A"))
    session.apply(answer_op(minutes=2, text="first", approach="C"))
    newest = session.row.answers[ANA]["0"]
    assert (newest["text"], newest["approach"]) == ("second", "A")
    assert [earlier["text"] for earlier in newest["earlier"]] == ["first"]


@pytest.mark.rule("Z4")
@pytest.mark.clause("E11")
def test_only_the_facilitators_summary_counts():
    session = begun_session()
    other = make_op("session.summarise", by=ANA, minutes=9, payload={"summary": "mine"})
    assert session.apply(other).flag == "not-the-facilitator"
    assert session.row.summary is None
    for minutes, text in ((4, "later"), (3, "earlier")):
        payload = {"summary": text}
        assert (
            session.apply(
                make_op("session.summarise", by=BEN, minutes=minutes, payload=payload)
            ).flag
            is None
        )
    assert session.row.summary == "later"
    assert session.apply(make_op("session.close", by=ANA, minutes=9)).flag == "not-the-facilitator"
    assert RECORD_TYPES["session"].state(vars(session.row)) == "closed"


@pytest.mark.rule("Z5")
def test_only_attendees_sign_and_the_first_signature_counts():
    session = begun_session()
    session.apply(make_op("session.acknowledge", by=ANA, minutes=9))
    session.apply(make_op("session.acknowledge", by=ANA, minutes=4))
    assert session.apply(make_op("session.acknowledge", by=BEN)).flag == "not-an-attendee"
    assert session.row.acknowledged == {
        ANA: {"at": "2026-11-24T12:04:00.000Z", "refresh_on": "2027-11-24"}
    }


FACT = st.one_of(
    st.builds(
        lambda person, prompt, approach, text: (
            "session.answer",
            {"person": person, "prompt": prompt, "approach": approach, "text": text},
        ),
        st.sampled_from([ANA, BEN, CHU]),
        st.integers(0, 2),
        st.sampled_from([None, "A", "B", "C"]),
        st.text(max_size=3),
    ),
    st.sampled_from("ab").map(lambda text: ("session.summarise", {"summary": text})),
    st.just(("session.acknowledge", {})),
    st.just(("session.close", {})),
)
FACTS = st.lists(st.tuples(FACT, st.sampled_from([ANA, BEN, CHU]), st.integers(1, 9)), max_size=10)


def fact_ops(facts):
    return [
        make_op(kind, by=by, minutes=minutes, payload=payload)
        for (kind, payload), by, minutes in facts
    ]


@pytest.mark.rule("Z3")
@pytest.mark.clause("E7")
@settings(max_examples=60)
@given(FACTS, FACTS, st.randoms(use_true_random=False))
def test_facts_of_two_phones_fold_to_the_same_session_in_any_order(facts_a, facts_b, dice):
    first, second = begun_session(), InMemoryRecord("session")
    second.apply(make_op("session.begin", by=BEN, payload=first.history[0].payload))
    facts = [*fact_ops(facts_a), *fact_ops(facts_b)]
    shuffled = dice.sample(facts, len(facts))
    for record, ops in ((first, facts), (second, shuffled)):
        assert all(isinstance(record.apply(op), Accepted) for op in ops)
    assert vars(first.row) == vars(second.row)
    assert RECORD_TYPES["session"].visible_until(vars(first.row)) == RECORD_TYPES[
        "session"
    ].visible_until(vars(second.row))


@pytest.mark.rule("Z6")
@pytest.mark.clause("E11")
@settings(max_examples=60)
@given(FACTS)
def test_approaches_are_counted_by_the_newest_answers(facts):
    session, newest = begun_session(), {}
    ops = fact_ops(facts)
    for op in ops:
        session.apply(op)
    for op in sorted(ops, key=lambda o: (o.occurred_at, o.id)):
        if op.kind == "session.answer":
            newest[op.payload["person"], op.payload["prompt"]] = op.payload["approach"]
    chosen = list(newest.values())
    counted = approach_counts(session.row.answers)
    assert {approach: counted[approach] for approach in "ABC"} == {
        approach: chosen.count(approach) for approach in "ABC"
    }


@pytest.mark.clause("E8", "E9", "E10")
def test_sending_the_resident_away_is_the_wrong_approach_with_a_reason():
    approaches = {approach["key"]: approach for approach in case_card()["approaches"]}
    assert {key: approach["endorsed"] for key, approach in approaches.items()} == {
        "A": True,
        "B": True,
        "C": False,
    }
    assert all(
        approach["why"][lang].strip() for approach in approaches.values() for lang in ("zh", "en")
    )


@pytest.mark.rule("Z12")
@pytest.mark.clause("E7")
@pytest.mark.parametrize("ended", [False, True])
def test_a_latecomer_is_late_and_answers_and_signs_for_themselves(ended):
    session = begun_session()
    for by in (ANA, CHU):
        session.apply(make_op("session.acknowledge", by=by, minutes=50))
    if ended:
        session.apply(make_op("session.close", by=BEN, minutes=55))
    late = str(uuid4())
    assert session.apply(make_op("session.join", by=BEN, minutes=60, payload={"person": late})) == (
        Accepted(
            {
                "attendees": [ANA, CHU, late],
                "late": {
                    late: {"at": "2026-11-24T13:00:00.000Z", "by_id": BEN, "after_end": ended}
                },
            }
        )
    )
    assert late not in session.row.acknowledged
    assert session.apply(answer_op(late, by=late, minutes=61, approach="B")).flag is None
    assert session.apply(make_op("session.acknowledge", by=late, minutes=62)).flag is None
    assert session.row.acknowledged[late]["at"] == "2026-11-24T13:02:00.000Z"
    assert session.row.acknowledged[ANA]["at"] == "2026-11-24T12:50:00.000Z"
    assert session.row.answers[late]["0"]["approach"] == "B"


@pytest.mark.rule("Z12")
def test_whoever_was_there_from_the_beginning_is_not_late():
    session = begun_session()
    session.apply(make_op("session.join", by=BEN, minutes=5, payload={"person": ANA}))
    assert session.row.attendees == [ANA, CHU] and not session.row.late


@pytest.mark.rule("M7")
@pytest.mark.rule("Z12")
def test_a_signature_is_answered_by_the_record_of_coming_late():
    session, late = begun_session(), str(uuid4())
    signed = make_op("session.acknowledge", by=late, minutes=20)
    assert session.apply(signed).flag == "not-an-attendee"
    moot = ("not-an-attendee", "session", session.row, signed.id, session.history)
    assert not is_flag_moot(*moot)
    session.apply(make_op("session.join", by=BEN, minutes=10, payload={"person": late}))
    assert is_flag_moot(*moot) and late in session.row.acknowledged
