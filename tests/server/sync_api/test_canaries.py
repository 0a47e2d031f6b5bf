"""The scan of phones in browser tests finds what is not for their people."""

from __future__ import annotations

import pytest

from server.auth.devices import issue_code
from server.db.engine import db
from server.models.feed import SiteHead
from tests.phone_canaries import PhoneContent, check_content, leaves
from tests.phone_client import FlaskTransport, PhoneClient
from tests.seed_data import ANA, HOME_SITE


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


def rows_of(phone):
    return [{**body, "type": type_, "id": id_} for (type_, id_), body in phone.pull_all().items()]


def test_a_record_and_a_text_of_others_are_found(app, client, new_phone):
    with app.app_context():
        code = issue_code(HOME_SITE, None, [ANA])
    phone = PhoneClient(FlaskTransport(client)).enrol(code)
    mine, everything = rows_of(phone), rows_of(new_phone())
    known = {(row["type"], row["id"]) for row in mine}
    foreign = [row for row in everything if (row["type"], row["id"]) not in known]
    words = set(leaves(foreign)) - set(leaves(mine))
    assert foreign and words

    def check(records, texts):
        with app.app_context():
            head = db.session.get_one(SiteHead, HOME_SITE).head
            device = {"id": phone.device, "site": HOME_SITE}
            check_content(PhoneContent(device, head, records, set(), texts, []))

    check(mine, set(leaves(mine)))
    with pytest.raises(AssertionError, match="outside its scope"):
        check([*mine, foreign[0]], set())
    with pytest.raises(AssertionError, match="texts of others"):
        check(mine, {words.pop()})
