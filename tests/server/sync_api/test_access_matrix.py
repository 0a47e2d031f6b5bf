"""Every record type against every role and phone: what a phone of these people holds, and no more.

The estate has records of every type. A newcomer has one role and is concerned by nothing in person,
so their phone holds what the role sees; a phone of several holds what each of them would.
"""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from sqlalchemy import select

from server.auth.devices import issue_code
from server.db.engine import db
from server.models.feed import FeedRow
from sync import RECORD_TYPES
from sync.protocol.roles import ROLES
from tests.phone_client import FlaskTransport, PhoneClient
from tests.seed_data import ANA, BEN, CHU, EVE, HOME_SITE, fixed_id
from tests.server.desk.estate_activity import make_activity
from tests.soak import SOAK

EVERYBODY = frozenset({"area", "card", "category", "contractor", "person", "site", "weather"})
AT_THE_GATE = EVERYBODY | {
    *("unit", "checkpoint", "regular", "release", "entry", "visit", "find", "lost"),
    *("round", "scan"),
}
FRONT_DESK = AT_THE_GATE | {"arrears", "session", "shift", "ticket"}
LEADERS = FRONT_DESK | {"inspection", "readiness", "rectification", "task", "template"}
SEEN_BY = {
    "cleaner": EVERYBODY,
    "guard": AT_THE_GATE,
    "service_desk": FRONT_DESK,
    "supervisor": LEADERS,
    "manager": LEADERS,
    "admin": LEADERS,
    "contractor_worker": EVERYBODY,
    "repair": EVERYBODY,
}
"""The types of which a role sees records that concern nobody in person."""

WAITING = {
    "cleaner": {"rectification", "task", "ticket", "shift"},
    "guard": {"task", "ticket", "shift"},
    "service_desk": {"task"},
    "repair": {"rectification", "task", "ticket", "shift"},
}
"""The types of which a role further sees what waits for anybody in it."""

PERSONAL = {
    "cleaner": ANA,
    "supervisor": BEN,
    "guard": CHU,
    "manager": EVE,
}
"""People of the estate, whose phones hold further records that name them."""


def newcomer(role):
    return fixed_id(f"new {role}")


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def pull_of(app, desk_op, phone):
    """The records that a new phone of somebody holds, and the rows of the feed."""
    make_activity(app, desk_op, phone)
    for role in ROLES:
        payload = {"name": role, "roles": [role]}
        assert desk_op("person.add", newcomer(role), payload, by=EVE)["status"] == "applied"

    def pull(*people):
        with app.app_context():
            code = issue_code(HOME_SITE, None, people)
        client = PhoneClient(FlaskTransport(app.test_client())).enrol(code)
        held = client.pull_all()
        assert client.digest == client.own_digest()
        return held

    return pull


@pytest.mark.asvs("8.2.1", "8.2.2", "8.3.1")
@pytest.mark.rule("W4")
def test_every_record_type_against_every_role_and_phone(app, pull_of):
    with app.app_context():
        rows = db.session.execute(select(FeedRow.type, FeedRow.id, FeedRow.body)).all()
    assert {row.type for row in rows} >= RECORD_TYPES.keys() - NOT_IN_THE_ESTATE
    alone = {role: pull_of(newcomer(role)) for role in ROLES}
    for role, held in alone.items():
        types = {type_ for type_, _ in held}
        allowed = SEEN_BY[role] | WAITING.get(role, set())
        assert types <= allowed, (role, types - allowed)
        assert types >= (SEEN_BY[role] & {row.type for row in rows}), role
    for role, person in PERSONAL.items():
        for (type_, id_), record in pull_of(person).items():
            is_own = person in json.dumps(record) or type_ == "unit"
            assert is_own or (type_, id_) in alone[role], (role, type_, record)
    for several in combinations(ROLES, 2) if not SOAK else all_groups():
        together = set(pull_of(*map(newcomer, several)))
        assert together == set().union(*(alone[role] for role in several)), several


def all_groups():
    return (group for size in range(len(ROLES) + 1) for group in combinations(ROLES, size))


NOT_IN_THE_ESTATE = frozenset({"aside", "month", "parcel", "regular"})
