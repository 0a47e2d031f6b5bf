"""Pages of the desk on the large demo: they open, and they show all of a large site."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server import create_app
from server.auth.devices import issue_code
from server.auth.sessions import start_session
from server.db.engine import db
from server.desk.waiting import waiting_counts
from server.maintenance.demo.large import SITE_ID
from server.maintenance.demo.large.people import PIN, TEAMS, person_id
from server.models.access import Device
from server.models.tasks import Task
from server.models.tickets import Ticket
from server.models.visits import Visit
from sync.service.ticket_lists import awaits_acceptance, is_breached
from sync.work.board import undisposed_misses
from tests.large_estate import copy_large_estate
from tests.phone_client import FlaskTransport, PhoneClient

MAX_ROWS = {"cleaner": 2_500, "repair": 2_500, "guard": 4_000}
"""How many records the phone of one person holds at most, by team."""

INSIDE = select(Visit).where(
    Visit.purged_at.is_(None),
    Visit.site_id == SITE_ID,
    Visit.arrived_at.is_not(None),
    Visit.departed_at.is_(None),
)

OTHER_LISTS = (
    "visits/",
    "patrol/",
    "people/phones",
    "misses/",
    "misses/points",
    "settle/",
    "aside/",
    "tickets/same/",
    "shifts/",
    "inspections/",
    "arrears/",
)


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


def rows_on_phone_of(app, person):
    """How many records the first pull brings to a phone of one person."""
    with app.app_context():
        code = issue_code(SITE_ID, None, [person_id(person)])
    phone = PhoneClient(FlaskTransport(app.test_client())).enrol(code)
    return len(phone.pull_all())


def counts_by_rules():
    """What waits on the large site by the rules of sync, each record loaded and judged."""
    now, scalars = datetime.now(UTC), db.session.scalars
    phones = scalars(Device.for_site(SITE_ID)).all()
    tickets = scalars(Ticket.open_tickets(SITE_ID))
    month = scalars(Task.unfinished_between(SITE_ID, now - timedelta(days=31), now)).all()
    missed = undisposed_misses(month, phones, now)
    return {
        "tickets": sum(is_breached(each, now) or awaits_acceptance(each) for each in tickets),
        "overdue": sum(bool(v.due_at and v.due_at < now) for v in scalars(INSIDE)),
        "missed": len(missed),
        "missed_today": sum(task.window_end > now - timedelta(days=1) for task in missed),
    }


@pytest.mark.timeout(1_200)
def test_pages_show_all_of_a_large_site(manager):
    """One test, not several: one worker builds the estate while the others go on."""
    board = open_page(manager, "/desk/")
    assert len(set(re.findall(r"Building \d+, stairwell \d+", board))) == 12 * 3
    tickets = open_page(manager, "/desk/tickets/")
    assert int(re.search(r"Export (\d+) rows", tickets)[1]) > 100
    assert len(set(re.findall(r">\s*(T-[A-Z0-9]{8})\s*<", tickets))) == 25
    places = open_page(manager, "/desk/places/")
    assert "Export 2592 rows" in places
    assert len(set(re.findall(r"\b\d+-\d-\d{3,4}\b", places))) == 25
    for path in OTHER_LISTS:
        open_page(manager, f"/desk/{path}")
    with manager.application.app_context():
        by_rules, counted = counts_by_rules(), waiting_counts(SITE_ID)
    assert {name: counted[name] for name in by_rules} == by_rules
    assert min(by_rules["tickets"], by_rules["overdue"], by_rules["missed_today"]) > 0
    rows = {team: rows_on_phone_of(manager.application, f"{team}1") for team in MAX_ROWS}
    assert {team: n for team, n in rows.items() if not 0 < n <= MAX_ROWS[team]} == {}, rows
    manager.application.config["DEMO"] = "large"
    front = open_page(manager, "/")
    assert front.count(PIN) == len(TEAMS)
    assert "Otter Bay" in front
