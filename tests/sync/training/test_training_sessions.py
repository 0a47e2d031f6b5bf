"""Training sessions: any order of facts makes the same record, and the tally is a plain count."""

from dataclasses import replace
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync import RECORD_TYPES, Accepted, Quarantined
from sync.training.handbook import load_handbook
from sync.training.training_sessions import approach_counts
from tests.sync.builders import ANA, BEN, CHU, InMemoryRecord, make_op

CASE = str(uuid4())
CARD = f"etiquette:{uuid4()}"
PROMPTS = ["你怎么做？", "你怎么看？"]


def begun_session(**said):
    """Ben leads a session with Ana and Chu."""
    session = InMemoryRecord("session")
    payload = {"cards": [CARD], "prompts": PROMPTS, "attendees": [ANA, CHU], **said}
    session.apply(make_op("session.begin", by=BEN, payload=payload))
    return session


def answer_op(person=ANA, prompt=0, *, by=BEN, minutes=0, **said):
    payload = {"person": person, "prompt": prompt, **said}
    return make_op("session.answer", by=by, minutes=minutes, payload=payload)


def case_card():
    return next(card for card in load_handbook().cards if card["code"] == "CASE-01")


@pytest.mark.rule("Z1")
@pytest.mark.clause("E7")
def test_a_session_keeps_the_questions_of_its_case_and_the_ways_to_choose_from():
    card = SimpleNamespace(approaches=case_card()["approaches"])
    prompts = [prompt["zh"] for prompt in case_card()["prompts"]]
    payload = {"case": CASE, "prompts": prompts, "attendees": [ANA, ANA, CHU]}
    session = InMemoryRecord("session")
    begin = make_op("session.begin", by=BEN, payload=payload)
    assert session.apply(replace(begin, related={CASE: card})).flag is None
    row = session.row
    assert (len(row.prompts), row.attendees, row.facilitator_id) == (2, [ANA, CHU], BEN)
    assert [way["key"] for way in row.approaches] == ["A", "B", "C"]
    lost = InMemoryRecord("session").apply(make_op("session.begin", by=BEN, payload=payload))
    assert isinstance(lost, Accepted) and lost.flag == "unknown-case"


@pytest.mark.rule("Z2")
@pytest.mark.clause("E7")
def test_an_answer_stands_on_whichever_phone_it_was_written():
    session = begun_session()
    assert session.apply(answer_op(by=BEN, text="记下来", approach="A")).flag is None
    assert session.apply(answer_op(CHU, by=CHU, approach="B")).flag is None
    stranger = session.apply(answer_op(BEN, text="me too"))
    assert stranger.flag == "not-an-attendee"
    assert session.apply(answer_op(prompt=5)).flag == "no-such-prompt"
    assert isinstance(session.apply(answer_op(approach="D")), Quarantined)
    assert session.row.answers[CHU]["0"]["approach"] == "B"


@pytest.mark.rule("Z3")
def test_the_newest_answer_counts_and_the_earlier_ones_stay():
    session = begun_session()
    session.apply(answer_op(minutes=5, text="second", approach="A"))
    session.apply(answer_op(minutes=2, text="first", approach="C"))
    mine = session.row.answers[ANA]["0"]
    assert (mine["text"], mine["approach"]) == ("second", "A")
    assert [one["text"] for one in mine["earlier"]] == ["first"]


@pytest.mark.rule("Z4")
@pytest.mark.clause("E11")
def test_the_summary_is_the_facilitators():
    session = begun_session()
    other = make_op("session.summarise", by=ANA, minutes=9, payload={"summary": "mine"})
    assert session.apply(other).flag == "not-the-facilitator"
    assert session.row.summary is None
    for minutes, words in ((4, "later"), (3, "earlier")):
        said = {"summary": words}
        assert (
            session.apply(make_op("session.summarise", by=BEN, minutes=minutes, payload=said)).flag
            is None
        )
    assert session.row.summary == "later"
    assert session.apply(make_op("session.close", by=ANA, minutes=9)).flag == "not-the-facilitator"
    assert RECORD_TYPES["session"].state(vars(session.row)) == "closed"


@pytest.mark.rule("Z5")
def test_only_who_was_there_signs_and_the_first_signature_counts():
    session = begun_session()
    session.apply(make_op("session.acknowledge", by=ANA, minutes=9))
    session.apply(make_op("session.acknowledge", by=ANA, minutes=4))
    assert session.apply(make_op("session.acknowledge", by=BEN)).flag == "not-an-attendee"
    assert session.row.acknowledged == {
        ANA: {"at": "2026-11-24T12:04:00.000Z", "refresh_on": "2027-11-24"}
    }


FACT = st.one_of(
    st.builds(
        lambda person, prompt, way, text: (
            "session.answer",
            {"person": person, "prompt": prompt, "approach": way, "text": text},
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


def session_after(facts):
    return [make_op(kind, by=by, minutes=at, payload=said) for (kind, said), by, at in facts]


@pytest.mark.rule("Z3")
@pytest.mark.clause("E7")
@settings(max_examples=60, deadline=None)
@given(FACTS, FACTS, st.randoms(use_true_random=False))
def test_every_order_of_two_phones_facts_ends_in_the_same_session(mine, theirs, dice):
    first, second = begun_session(), InMemoryRecord("session")
    second.apply(make_op("session.begin", by=BEN, payload=first.history[0].payload))
    facts = [*session_after(mine), *session_after(theirs)]
    shuffled = dice.sample(facts, len(facts))
    for record, ops in ((first, facts), (second, shuffled)):
        assert all(isinstance(record.apply(one), Accepted) for one in ops)
    assert vars(first.row) == vars(second.row)
    assert RECORD_TYPES["session"].visible_until(vars(first.row)) == RECORD_TYPES[
        "session"
    ].visible_until(vars(second.row))


@pytest.mark.rule("Z6")
@pytest.mark.clause("E11")
@settings(max_examples=60, deadline=None)
@given(FACTS)
def test_the_tally_is_what_one_counts_by_hand(facts):
    session, newest = begun_session(), {}
    ops = session_after(facts)
    for one in ops:
        session.apply(one)
    for one in sorted(ops, key=lambda o: (o.occurred_at, o.id)):
        if one.kind == "session.answer":
            newest[one.payload["person"], one.payload["prompt"]] = one.payload["approach"]
    chosen = list(newest.values())
    counted = approach_counts(session.row.answers)
    assert {way: counted[way] for way in "ABC"} == {way: chosen.count(way) for way in "ABC"}


@pytest.mark.clause("E8", "E9", "E10")
def test_pushing_the_resident_off_is_the_wrong_answer_and_says_why():
    ways = {way["key"]: way for way in case_card()["approaches"]}
    assert {key: way["endorsed"] for key, way in ways.items()} == {"A": True, "B": True, "C": False}
    assert all(way["why"][lang].strip() for way in ways.values() for lang in ("zh", "en"))
