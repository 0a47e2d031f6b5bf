"""The terms of a service in a month are those that applied then, whatever was changed later."""

from datetime import UTC, datetime

import pytest

from sync.accountability.service_terms import service_terms
from sync.work.plan_versions import PlanChange, plan_versions
from tests.sync.builders import ANA, BEN

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
FIRST = {"label": {"en": "Stairs"}, "code": "CL-05", "rrule": "FREQ=DAILY", "active": True}
FIRST |= {"responsible_id": ANA, "rdate": [], "exdate": [], "window": "P1D"}


def terms(*changes, start=START, end=END):
    first = PlanChange(datetime(2026, 6, 1, tzinfo=UTC), FIRST)
    later = [PlanChange(datetime(2026, *day, tzinfo=UTC), fields) for day, fields in changes]
    return service_terms("s", plan_versions([first, *later]), start, end)


@pytest.mark.rule("G1")
def test_a_change_in_december_is_not_told_in_november():
    found = terms(((12, 3), {"rrule": "FREQ=WEEKLY;BYDAY=MO", "responsible_id": BEN}))
    (one,) = found.terms
    assert (one.since, one.until, one.duty.rrule) == (None, None, "FREQ=DAILY")
    assert one.fields["responsible_id"] == ANA
    december = terms(
        ((12, 3), {"rrule": "FREQ=WEEKLY;BYDAY=MO"}),
        start=END,
        end=datetime(2027, 1, 1, tzinfo=UTC),
    )
    assert [(t.since, t.until, t.duty.rrule) for t in december.terms] == [
        (None, datetime(2026, 12, 3, tzinfo=UTC), "FREQ=DAILY"),
        (datetime(2026, 12, 3, tzinfo=UTC), None, "FREQ=WEEKLY;BYDAY=MO"),
    ]


@pytest.mark.rule("G1")
def test_both_terms_of_a_month_are_told_with_their_days():
    found = terms(((11, 10), {"responsible_id": BEN}), ((11, 20), {"grace": 30}))
    changed = datetime(2026, 11, 10, tzinfo=UTC)
    told = [(one.since, one.until, one.fields["responsible_id"]) for one in found.terms]
    assert told == [(None, changed, ANA), (changed, None, BEN)], "what nobody reads is no change"


@pytest.mark.rule("G1")
def test_a_service_is_told_under_the_name_that_it_had_and_only_while_in_use():
    renamed = terms(((12, 3), {"label": {"en": "Halls"}, "active": False}))
    assert (renamed.label, renamed.code, renamed.active) == ({"en": "Stairs"}, "CL-05", True)
    ended = terms(((11, 10), {"active": False}))
    assert [one.until for one in ended.terms] == [datetime(2026, 11, 10, tzinfo=UTC)]
    assert not terms(((7, 1), {"active": False})).active
