"""The states that lists offer as filters: each selects the records for which the rule says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from server.db.engine import Model, db, write_transaction
from server.desk.arrears_list import ARREARS
from server.desk.found_item_list import FOUND_ITEMS
from server.desk.home_entry_list import HOME_ENTRIES
from server.desk.lists import ListContext, RecordList
from server.desk.lost_property_list import LOST_PROPERTY
from server.desk.visit_list import VISITS
from server.models import DERIVED_COLUMNS
from server.models.arrears import ArrearsAccount
from server.models.found_items import FoundItem
from server.models.home_entries import HomeEntry
from server.models.lost_property import LostProperty
from server.models.visits import Visit
from server.oplog.directory import directory_of
from sync.gate import home_entries, visits
from sync.protocol.clock import SITE_ZONE, format_time
from sync.service import arrears, found_items, lost_property
from tests.seed_data import BEN, FLAT, HOME_SITE, fixed_id

NOW = datetime.now(UTC)
LISTS_OF_CASE = ("lists", "asked", "statements", "handed", "found", "returned")
Records = Mapping[str, set[str]]


def sometimes(rng: Random, hours: int = 30) -> datetime | None:
    """A time of the last hours, or none."""
    return rng.choice([None, NOW + timedelta(hours=rng.randrange(-hours, 3))])


def some_lines(rng: Random) -> list[dict[str, str]]:
    return rng.choice([[], [], [{"at": "x", "party": "p", "place": "safe"}]])


def random_visit(rng: Random) -> Visit:
    return Visit(
        visitor="A",
        purpose="other",
        id_checked=False,
        expected_at=NOW,
        arrived_at=sometimes(rng),
        due_at=sometimes(rng, 10),
        departed_at=sometimes(rng, 20),
        refused_at=sometimes(rng, 20),
        steps=rng.sample(["greeted", "farewell", "water"], rng.randrange(3)),
    )


def random_entry(rng: Random) -> HomeEntry:
    return HomeEntry(
        unit=FLAT,
        in_at=sometimes(rng),
        out_at=sometimes(rng),
        struck_at=sometimes(rng),
        afterwards=rng.random() < 0.5,
        recorded_at=NOW,
        recorded_by_id=BEN,
        received_at=NOW,
    )


def random_case(rng: Random) -> LostProperty:
    return LostProperty(
        item="Ring",
        holds_personal_data=False,
        urgency="normal",
        ticket=fixed_id("lamp"),
        opened_at=NOW,
        first_responder_id=BEN,
        next_action_at=NOW,
        next_by_id=BEN,
        closed_at=rng.choice([None, None, None, NOW]),
        **{name: some_lines(rng) for name in LISTS_OF_CASE},
    )


def random_item(rng: Random) -> FoundItem:
    ended = rng.choice([None, "returned", "police"])
    return FoundItem(
        what="Key",
        found_at=NOW,
        found_by_id=BEN,
        notices=some_lines(rng),
        ended_how=ended,
        ended_at=NOW if ended else None,
    )


def random_account(rng: Random) -> ArrearsAccount:
    outcomes = rng.choice([[], ["reached"], ["unreachable"], ["reached", "unreachable"]])
    account = ArrearsAccount(
        unit=FLAT,
        lines=rng.choice([[], [{"what": "fee", "period": "10", "cents": 500}]]),
        batch="10",
        listed_at=NOW,
        ledger_at=NOW,
        paid_cents=rng.choice([0, 0, 500]),
        paused_by=rng.choice([[], [], [fixed_id("complaint")]]),
        calls=[{"at": format_time(NOW), "outcome": outcome} for outcome in outcomes],
        handed_at=rng.choice([None, None, NOW]),
        visit_approved_at=rng.choice([None, None, NOW]),
        visited_at=rng.choice([None, None, NOW]),
        appointment_at=rng.choice([None, NOW]),
    )
    for name, derive in DERIVED_COLUMNS["arrears"].items():
        setattr(account, name, derive(account))
    return account


def by_state(records: Iterable[Any], state: Callable[[Any], str]) -> dict[str, set[str]]:
    """The ids of records by their state."""
    found: dict[str, set[str]] = {}
    for record in records:
        found.setdefault(state(vars(record)), set()).add(record.id)
    return found


def visits_by_rules(records: list[Visit]) -> Records:
    """V7 and V11 depend on the time besides."""
    found = by_state(records, visits.state)
    inside = [v for v in records if v.id in found["inside"]]
    day = NOW.astimezone(SITE_ZONE).date()
    today = [
        v for v in records if v.arrived_at and v.arrived_at.astimezone(SITE_ZONE).date() >= day
    ]

    def lacking(flag: str) -> set[str]:
        return {
            v.id
            for v in today
            if visits.missing_farewell_flag(v.steps, v.departed_at is not None) == flag
        }

    return found | {
        "overdue": {v.id for v in inside if v.due_at and v.due_at < NOW},
        "no_farewell": lacking("no-farewell"),
        "not_seen_out": lacking("not-seen-out"),
    }


CASES: list[tuple[RecordList, Callable[[Random], Model], Callable[[Any], Records]]] = [
    (VISITS, random_visit, visits_by_rules),
    (HOME_ENTRIES, random_entry, lambda found: by_state(found, home_entries.state)),
    (LOST_PROPERTY, random_case, lambda found: by_state(found, lost_property.state)),
    (ARREARS, random_account, lambda found: by_state(found, arrears.state)),
    (FOUND_ITEMS, random_item, lambda found: by_state(found, found_items.state)),
]


@pytest.mark.parametrize(("list_", "make", "rules"), CASES, ids=[c[0].name for c in CASES])
def test_each_state_selects_the_records_for_which_the_rule_says_so(
    app: Flask,
    list_: RecordList,
    make: Callable[[Random], Any],
    rules: Callable[[Any], Records],
) -> None:
    rng = Random(14)
    with app.app_context(), write_transaction():
        for number in range(200):
            record = make(rng)
            record.site_id, record.id, record.version = HOME_SITE, fixed_id(f"n{number}"), 1
            db.session.add(record)
    with app.test_request_context():
        context = ListContext(HOME_SITE, BEN, frozenset(), directory_of(HOME_SITE), NOW)
        everything = dict.fromkeys(list_.defaults, "any")
        expected = rules(db.session.scalars(select(type(make(rng)))).all())
        assert len(expected) > 2
        for state, ids in expected.items():
            found = list_.ids({**everything, "state": state}, 1_000, context)
            assert set(found) == ids, state
