"""Readiness: until when a training is valid, and for whom."""

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
    ("learnt_at", "months", "due"),
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
def test_a_training_is_valid_to_the_same_day_or_the_last_of_a_shorter_month(learnt_at, months, due):
    assert refresh_date(datetime.fromisoformat(learnt_at), months).isoformat() == due


@pytest.mark.rule("Z7")
@given(
    st.integers(0, 7300 * 24).map(lambda hours: START + timedelta(hours=hours)),
    st.integers(1, 60),
)
def test_the_refresh_date_is_in_the_right_month(learnt_at, months):
    start, due = (learnt_at + timedelta(hours=8)).date(), refresh_date(learnt_at, months)
    assert (due.year - start.year) * 12 + due.month - start.month == months
    is_last_day = (due + timedelta(days=1)).month != due.month
    assert due.day == start.day or (is_last_day and due.day < start.day)


@pytest.mark.rule("Z8")
@pytest.mark.parametrize(
    "item", [pytest.param(i, marks=pytest.mark.clause(c)) for i, (c, _) in TRAINING_ITEMS.items()]
)
def test_a_confirmation_by_somebody_else_counts_and_ones_own_does_not(item):
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
    readiness = readiness_matrix([ANA], [own.row], [], TODAY)[ANA][item]
    assert readiness == ItemReadiness("missing")
    assert readiness_matrix([ANA], [own.row, other.row], [], TODAY)[ANA][item].status == "ready"


@pytest.mark.rule("Z9")
@pytest.mark.clause("F17", "F18", "F19", "F20", "F21")
def test_a_session_trains_whoever_signed_in_the_topics_of_its_cards():
    session = training_session(["phrases:1", "posts:2", "cases:3"], **{ANA: "2027-11-24"})
    matrix = readiness_matrix([ANA, CHU], [], [session], TODAY)
    assert {i for i, s in matrix[ANA].items() if s.status == "ready"} == {
        "etiquette",
        "posts",
        "responsibility",
    }
    assert {s.status for s in matrix[CHU].values()} == {"missing"}


@pytest.mark.rule("Z9")
def test_of_several_dates_the_latest_counts():
    dates = ("2026-12-24", "2026-11-23", "2026-11-24")
    for day, status in zip(dates, ("soon", "overdue", "soon"), strict=True):
        assert (
            readiness_matrix([ANA], [attestation(ANA, "fees", day)], [], TODAY)[ANA]["fees"].status
            == status
        )
    both = [attestation(ANA, "fees", "2026-11-23"), attestation(ANA, "fees", "2027-05-01")]
    for order in (both, both[::-1]):
        readiness = readiness_matrix([ANA], order, [], TODAY)[ANA]["fees"]
        assert readiness == ItemReadiness("ready", date(2027, 5, 1))
