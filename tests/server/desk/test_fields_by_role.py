"""What somebody's phone receives contains nothing that their role must not know."""

from __future__ import annotations

import json

import pytest

from server.auth.devices import issue_code
from sync.protocol.roles import FRONT_DESK_ROLES, ROLES
from tests.phone_client import FlaskTransport, PhoneClient
from tests.seed_data import EVE, HOME_SITE, fixed_id

GATE = FRONT_DESK_ROLES | {"guard"}
SECRETS = {
    "Mr Wang": GATE,
    "Ms Li": GATE,
    "Organiser": GATE,
    '"arrears"': FRONT_DESK_ROLES,
}
"""What stands in records of the estate, and the roles whose phones may hold it."""


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.mark.asvs("8.2.3", "8.1.2")
def test_a_phone_holds_no_field_that_its_people_must_not_know(estate, desk_op):
    for role in ROLES:
        person = fixed_id(f"newcomer {role}")
        desk_op("person.add", person, {"name": "Gus", "roles": [role]}, by=EVE)
        with estate.app_context():
            code = issue_code(HOME_SITE, None, [person])
        phone = PhoneClient(FlaskTransport(estate.test_client())).enrol(code)
        held = json.dumps([[type_, body] for (type_, _), body in phone.pull_all().items()])
        found = {word for word in SECRETS if word in held}
        assert found == {word for word, roles in SECRETS.items() if role in roles}, role
