"""The navigation of the desk: eight places, who sees them, what waits, and the palette."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select, update

from server.db.engine import db, write_transaction
from server.desk.waiting import waiting_counts
from server.models.access import Device, LoginSession
from server.oplog.receive import make_op, submit_many
from tests.seed_data import ANA, CHU, EVE, HOME_SITE, fixed_id, task_payload

EN = {"Accept-Language": "en"}
TICKET, VISIT, TASK = (fixed_id(name) for name in ("matter", "visit", "missed"))
HOUR = timedelta(hours=1)


def drawn_places(page: str) -> dict[str, str]:
    """The places of a page by their key, each with the number beside it."""
    links = re.findall(r'data-key="(\w)"(.*?)</a>', page, re.DOTALL)
    counts = {key: re.search(r'class="n[^"]*">(\d+)<', text) for key, text in links}
    return {key: found[1] if found else "" for key, found in counts.items()}


@pytest.fixture
def waiting(app, desk_op):
    """A ticket that nobody accepted, a visitor who stays too long, and a task missed."""
    now = datetime.now(UTC)
    payload = {"channel": "phone", "matter": "report", "contact": "gate", "details": "A leak"}
    desk_op("ticket.open", TICKET, payload, by=CHU)
    desk_op("ticket.hand_over", TICKET, {"handler_id": ANA, "reason": "pipes"}, by=CHU)
    visit = {"visitor": "Mr Wang", "purpose": "service", "expected_minutes": 1}
    desk_op("visit.arrive", VISIT, visit, by=CHU, at=now - HOUR)
    over = {"window_start": now - 22 * HOUR, "window_end": now - 20 * HOUR}
    times = {name: moment.isoformat() for name, moment in over.items()}
    with app.app_context():
        submit_many(HOME_SITE, [make_op("task.plan", TASK, {**task_payload(), **times})])


def test_counts_say_what_waits(app, ben, waiting):
    with app.app_context():
        counts = waiting_counts(HOME_SITE)
    assert {name: n for name, n in counts.items() if n} == {
        "tickets": 1,
        "overdue": 1,
        "missed_today": 1,
        "missed": 1,
    }
    places = drawn_places(ben.get("/desk/work/", headers=EN).text)
    assert places == {"t": "3", "m": "1", "g": "1", "w": "1", "p": "", "q": "1", "s": "", "r": ""}


def test_what_a_phone_may_still_hold_is_not_counted_as_missed(app, waiting, new_phone):
    new_phone()
    with app.app_context():
        assert waiting_counts(HOME_SITE)["missed"] == 1  # enrolled after the window had closed
        since = datetime.now(UTC) - timedelta(days=3)
        with write_transaction():
            values = {"enrolled_at": since, "seen_at": since, "clear_at": None}
            db.session.execute(update(Device).values(values))
        counts = waiting_counts(HOME_SITE)
    assert (counts["missed"], counts["silent"]) == (0, 1)


def test_counting_takes_four_statements(app, waiting):
    statements: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        waiting_counts(HOME_SITE)
    assert len([each for each in statements if each.lstrip().upper().startswith("SELECT")]) <= 4


@pytest.mark.parametrize(
    ("role", "keys"), [("service_desk", "tmg"), ("supervisor", "tmgwpqsr"), ("manager", "tmgwpqsr")]
)
def test_a_place_is_there_for_whoever_may_open_a_page_of_it(desk_op, signed_in, role, keys):
    person = fixed_id(f"somebody-{role}")
    desk_op("person.add", person, {"name": "Somebody", "roles": [role]}, by=EVE)
    page = signed_in(person).get("/desk/", headers=EN).text
    assert set(keys) <= set(drawn_places(page))
    assert ("q" in drawn_places(page)) == ("q" in keys)


def test_a_record_opens_the_place_of_its_list(ben, waiting):
    page = ben.get(f"/desk/tickets/{TICKET}", headers=EN).text
    assert re.search(r'<li class="open">\s*<a href="/desk/tickets/"', page)
    assert "<title>" in page and " · Matters · " in page.partition("</title>")[0]


def test_only_the_open_place_shows_its_pages(ben):
    page = ben.get("/desk/people/", headers=EN).text
    side = page.partition("</nav>")[0]
    assert "/desk/teams/" in side and "/desk/misses/" not in side


def test_the_palette_offers_what_somebody_may_open(desk_op, signed_in, ben):
    found = ben.post("/desk/find/", {"asked": "phone"}, headers=EN).text
    assert "<mark>Phone</mark>s" in found and "Add a <mark>phone</mark>" in found
    assert "Security log" not in ben.post("/desk/find/", {"asked": "security"}, headers=EN).text
    person = fixed_id("front desk")
    desk_op("person.add", person, {"name": "Front", "roles": ["service_desk"]}, by=EVE)
    front = signed_in(person).post("/desk/find/", {"asked": "phone"}, headers=EN).text
    assert "/desk/people/phones" not in front.partition("<main")[2]


def test_htmx_gets_the_lines_of_the_palette_alone(ben):
    typing = {**EN, "HX-Request": "true"}
    lines = ben.post("/desk/find/", {"asked": "<b>"}, headers=typing).text
    assert "<html" not in lines and "No page of this name" in lines
    whole = ben.get("/desk/find/", headers=EN).text
    assert 'method="post"' in whole and "show these keys" in whole


def test_every_page_of_the_navigation_says_what_it_is_for(app, signed_in):
    eve = signed_in(EVE)
    addresses = re.findall(r'role="option"[^>]*href="(/desk/[^"]*)"', eve.get("/desk/find/").text)
    assert len(addresses) > 25
    found = eve.get("/desk/find/", headers=EN).text.partition("Begin</h3>")[0]
    assert found.count('role="option"') == found.count('class="why"')


def test_turning_a_page_is_activity_of_the_user_and_asking_again_is_not(app, ben):
    turned, polled = {"HX-Request": "true", "HX-Boosted": "true"}, {"HX-Request": "true"}
    for headers, is_activity in ((polled, False), (turned, True)):
        idle = datetime.now(UTC) - timedelta(minutes=5)
        with app.app_context(), write_transaction():
            db.session.execute(update(LoginSession).values(seen_at=idle))
        ben.get("/desk/people/", headers=headers)
        with app.app_context():
            seen_at = db.session.scalars(select(LoginSession.seen_at)).first()
        assert (seen_at > idle) == is_activity


def test_a_turned_page_comes_back_after_signing_in(client):
    turned = client.get("/desk/people/", headers={"HX-Request": "true", "HX-Boosted": "true"})
    assert turned.headers["HX-Redirect"].endswith("/sign-in?next=/desk/people/")
    polled = client.get("/desk/people/", headers={"HX-Request": "true"})
    assert polled.headers["HX-Redirect"].endswith("/sign-in")


def test_the_page_of_a_record_opens_the_place_of_its_list(ben, waiting):
    page = ben.get(f"/desk/record/task/{TASK}", headers=EN).text
    (place,) = re.findall(r'<li class="open">\s*<a[^>]*data-key="(\w)"', page)
    assert place == "w"
