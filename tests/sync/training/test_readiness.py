"""Readiness: until when something counts as known, and for whom."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.training.curriculum import TRAINING_ITEMS, refresh_date
from sync.training.readiness import ItemReadiness, readiness_matrix
from tests.sync.builders import ANA, BEN, CHU, InMemoryRecord, make_op

START = datetime(2020, 1, 1, tzinfo=UTC)
TODAY = date(2026, 11, 24)


def attestation(person, item, day, of_self=False):
    return SimpleNamespace(person=person, item=item, refresh_on=day, of_self=of_self)


def training_session(cards, **signed):
    acknowledged = {person: {"refresh_on": day} for person, day in signed.items()}
    return SimpleNamespace(cards=cards, acknowledged=acknowledged)


@pytest.mark.rule("Z7")
@pytest.mark.parametrize(
    ("learnt", "months", "due"),
    [
        ("2026-11-24T04:00:00Z", 12, "2027-11-24"),
        ("2026-11-24T16:30:00Z", 12, "2027-11-25"),
        ("2027-01-31T04:00:00Z", 1, "2027-02-28"),
        ("2028-01-31T04:00:00Z", 1, "2028-02-29"),
        ("2028-02-29T04:00:00Z", 12, "2029-02-28"),
        ("2026-08-31T04:00:00Z", 6, "2027-02-28"),
        ("2026-12-31T15:59:59Z", 2, "2027-02-28"),
    ],
)
def test_it_counts_to_the_same_day_or_the_last_of_a_shorter_month(learnt, months, due):
    assert refresh_date(datetime.fromisoformat(learnt), months).isoformat() == due


@pytest.mark.rule("Z7")
@given(
    st.integers(0, 7300 * 24).map(lambda hours: START + timedelta(hours=hours)),
    st.integers(1, 60),
)
def test_it_never_runs_into_the_month_after(learnt_at, months):
    start, due = (learnt_at + timedelta(hours=8)).date(), refresh_date(learnt_at, months)
    assert (due.year - start.year) * 12 + due.month - start.month == months
    last = (due + timedelta(days=1)).month != due.month
    assert due.day == start.day or (last and due.day < start.day)


@pytest.mark.rule("Z8")
@pytest.mark.parametrize(
    "item", [pytest.param(i, marks=pytest.mark.clause(c)) for i, (c, _) in TRAINING_ITEMS.items()]
)
def test_somebody_else_attests_and_the_own_word_does_not_count(item):
    other, own = InMemoryRecord("readiness"), InMemoryRecord("readiness")
    assert (
        other.apply(make_op("readiness.attest", by=BEN, payload={"person": ANA, "item": item})).flag
        is None
    )
    assert (
        own.apply(make_op("readiness.attest", by=ANA, payload={"person": ANA, "item": item})).flag
        == "own-word"
    )
    assert other.row.refresh_on == "2027-11-24"
    standing = readiness_matrix([ANA], [own.row], [], TODAY)[ANA][item]
    assert standing == ItemReadiness("missing")
    assert readiness_matrix([ANA], [own.row, other.row], [], TODAY)[ANA][item].status == "ready"


@pytest.mark.rule("Z9")
@pytest.mark.clause("F17", "F18", "F19", "F20", "F21")
def test_a_session_teaches_who_signed_for_it_what_its_cards_are_about():
    taught = training_session(["phrases:1", "posts:2", "cases:3"], **{ANA: "2027-11-24"})
    found = readiness_matrix([ANA, CHU], [], [taught], TODAY)
    assert {i for i, s in found[ANA].items() if s.status == "ready"} == {
        "etiquette",
        "posts",
        "responsibility",
    }
    assert {s.status for s in found[CHU].values()} == {"missing"}


@pytest.mark.rule("Z9")
def test_of_several_dates_the_farthest_counts():
    dates = ("2026-12-24", "2026-11-23", "2026-11-24")
    for day, word in zip(dates, ("soon", "overdue", "soon"), strict=True):
        assert (
            readiness_matrix([ANA], [attestation(ANA, "fees", day)], [], TODAY)[ANA]["fees"].status
            == word
        )
    both = [attestation(ANA, "fees", "2026-11-23"), attestation(ANA, "fees", "2027-05-01")]
    for order in (both, both[::-1]):
        standing = readiness_matrix([ANA], order, [], TODAY)[ANA]["fees"]
        assert standing == ItemReadiness("ready", date(2027, 5, 1))
