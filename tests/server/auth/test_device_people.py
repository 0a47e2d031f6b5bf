"""The people of a phone: everybody of its site, or those who were chosen."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from server.auth.device_people import add_person, people_of, remove_person, set_people
from server.auth.devices import issue_code
from server.db.engine import db, write_transaction
from server.models.access import Device
from tests import seed_data
from tests.phone_client import FlaskTransport, PhoneClient


@pytest.fixture
def database_url(sqlite_url):
    return sqlite_url


@pytest.fixture
def phone_of(app):
    """A phone that belongs to these people."""

    def enrolled(*people):
        with app.app_context():
            code = issue_code(seed_data.HOME_SITE, None, people)
        return PhoneClient(FlaskTransport(app.test_client())).enrol(code)

    return enrolled


def names(people):
    return {person["name"] for person in people}


def hello_people(phone):
    return phone.hello().expect_ok()["sites"][phone.site]["people"]


def test_a_code_without_people_is_for_everybody_of_the_site(app, phone, desk_op):
    assert names(phone.people) == {"Ana", "Ben", "Chu", "Eve"}
    desk_op("person.add", payload={"name": "Fay", "roles": ["guard"]}, by=seed_data.EVE)
    assert names(hello_people(phone)) == {"Ana", "Ben", "Chu", "Eve", "Fay"}
    desk_op("person.leave", seed_data.CHU, by=seed_data.EVE)
    assert names(hello_people(phone)) == {"Ana", "Ben", "Eve", "Fay"}


def test_enrolment_answers_with_the_people_of_the_phone(phone_of):
    phone = phone_of(seed_data.ANA)
    assert names(phone.people) == {"Ana"}
    assert phone_of().people == []


def test_hello_follows_a_change_of_people(app, phone_of):
    phone = phone_of(seed_data.ANA)
    told = hello_people(phone)
    assert told == [{"id": seed_data.ANA, "name": "Ana", "roles": ["cleaner"]}]
    with app.app_context():
        with write_transaction():
            add_person(phone.site, phone.device, seed_data.BEN)
            add_person(phone.site, phone.device, seed_data.BEN)
        assert people_of(phone.device) == sorted([seed_data.ANA, seed_data.BEN])
        with write_transaction():
            remove_person(phone.site, phone.device, seed_data.ANA)
    assert names(hello_people(phone)) == {"Ben"}


def test_taking_one_off_a_phone_of_everybody_names_the_others(app, phone):
    with app.app_context():
        with write_transaction():
            add_person(phone.site, phone.device, seed_data.ANA)
        assert len(people_of(phone.device)) == 4
        with write_transaction():
            remove_person(phone.site, phone.device, seed_data.ANA)
    assert names(hello_people(phone)) == {"Ben", "Chu", "Eve"}


def test_nobody_of_another_site_comes_onto_a_phone(app, phone):
    with app.app_context():
        before = db.session.scalar(select(Device.people_key))
        with pytest.raises(ValueError, match=seed_data.DAO), write_transaction():
            set_people(phone.site, phone.device, [seed_data.ANA, seed_data.DAO])
        assert db.session.scalar(select(Device.people_key)) == before
        assert people_of("no such phone") == []


def test_a_blocked_phone_is_told_no_names(app, phone):
    with app.app_context(), write_transaction():
        db.session.get_one(Device, phone.device).revoked_at = db.session.get_one(
            Device, phone.device
        ).enrolled_at
    assert hello_people(phone) == []
