"""The desk chooses whose phone it is: at first nobody, then by person or by role."""

from __future__ import annotations

import re

import pytest

from server.auth.device_people import people_of
from tests import seed_data
from tests.phone_client import FlaskTransport, PhoneClient
from tests.seed_data import ANA, BEN, CHU, DAO, TASK


@pytest.fixture
def database_url(sqlite_url):
    return sqlite_url


@pytest.fixture
def enrolled(app, ben):
    """A phone that is set up with a code of the desk."""

    def enrol(**chosen):
        page = ben.post("/desk/people/phones/code", chosen, headers={"Accept-Language": "en"}).text
        code = re.search(r"/field/enrol#([0-9A-Z-]+)", page)[1]
        return page, PhoneClient(FlaskTransport(app.test_client())).enrol(code)

    return enrol


@pytest.mark.rule("W4")
def test_a_phone_of_the_desk_is_at_first_nobodys(app, ben, enrolled):
    form = ben.get("/desk/people/phones/new").text
    assert f'name="person" value="{ANA}"' in form and "checked" not in form
    page, phone = enrolled()
    assert "nobody yet" in page
    assert phone.people == [] and phone.pull_all() == {}


def test_people_are_chosen_by_person_or_by_role(app, enrolled):
    page, phone = enrolled(person=[ANA], role=["guard"])
    assert "This phone is for: Ana, Chu" in page
    with app.app_context():
        assert people_of(phone.device) == sorted([ANA, CHU])


@pytest.mark.rule("W7")
def test_the_desk_changes_the_people_of_a_phone(app, ben, dao, enrolled):
    _, phone = enrolled(person=[ANA])
    assert ("task", TASK) in phone.pull_all()
    at = f"/desk/people/phones/{phone.device}/people"
    assert dao.post(at, {"person": [DAO]}).status_code == 404
    assert ben.post(at, {"person": [DAO]}).status_code == 404, "of another site"
    assert ben.post(at, {"person": [CHU]}).status_code == 303
    told = phone.hello().expect_ok()["sites"][seed_data.HOME_SITE]["people"]
    assert [person["name"] for person in told] == ["Chu"]
    assert ("task", TASK) not in phone.pull_all()
    page = ben.get(f"/desk/people/phones/{phone.device}").text
    assert f'value="{CHU}" checked' in page and f'value="{BEN}" checked' not in page
