"""Pages of the desk on the large demo: they open, and they show all of a large site."""

from __future__ import annotations

import re

import pytest

from server import create_app
from server.auth.sessions import start_session
from server.db.engine import db
from server.maintenance.demo.large import SITE_ID
from server.maintenance.demo.large.people import PIN, TEAMS, person_id
from tests.large_estate import copy_large_estate


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    """A client that is signed in at the desk of the large demo as its manager."""
    data = copy_large_estate(tmp_path_factory.mktemp("large"))
    database = f"sqlite:///{data / 'lodge.sqlite3'}"
    app = create_app({"DATA_DIR": str(data), "SQLALCHEMY_DATABASE_URI": database})
    with app.test_request_context():
        token = start_session(person_id("manager1"), SITE_ID)
    client = app.test_client()
    client.set_cookie("lodge", token)
    yield client
    with app.app_context():
        db.engine.dispose()


def open_page(manager, path):
    answer = manager.get(path, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    return answer.text


def test_the_board_shows_every_stairwell(manager):
    page = open_page(manager, "/desk/")
    assert len(set(re.findall(r"Building \d+, stairwell \d+", page))) == 12 * 3


def test_the_ticket_list_shows_open_tickets(manager):
    assert "业主" in open_page(manager, "/desk/tickets/")


def test_the_places_page_shows_every_home(manager):
    page = open_page(manager, "/desk/places/")
    assert "12-3-1804" in page
    assert len(set(re.findall(r"\b\d+-\d-\d{3,4}\b", page))) == 2592


@pytest.mark.parametrize(
    "path",
    ["visits/", "patrol/", "people/phones", "misses/", "shifts/", "inspections/", "arrears/"],
)
def test_other_lists_open(manager, path):
    open_page(manager, f"/desk/{path}")


def test_the_front_page_of_the_demo_lists_one_person_a_team(manager):
    manager.application.config["DEMO"] = "large"
    page = open_page(manager, "/")
    assert page.count(PIN) == len(TEAMS)
    assert "Otter Bay" in page
