"""Pages of one record: the next step of each state, who sees what, edits in place, neighbours."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from server.db.engine import db
from server.models.arrears import ArrearsAccount
from server.models.tickets import Ticket
from tests.seed_data import ANA, BEN, CHU, EVE, FLAT, HOME_SITE, TASK, fixed_id

EN = {"Accept-Language": "en"}
TICKET, OTHER, VISIT, ACCOUNT, FIND = map(
    fixed_id, ("leak", "lamp", "guest", "account", "umbrella")
)
OPENED = {"channel": "phone", "matter": "report", "contact": "Ms Lin", "details": "A leak"}
FEE = {"what": "Fee", "period": "2026-10", "cents": 26880}


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def ticket(desk_op):
    desk_op("ticket.open", TICKET, {**OPENED, "unit": FLAT}, by=CHU)


def primary_actions(browser, path):
    """The texts of the filled buttons of a page, without those of the frame."""
    page = browser.get(path, headers=EN).text
    buttons = re.findall(r'class="btn primary"[^>]*>(.*?)</(?:summary|button|a)>', page, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", button).strip() for button in buttons]


def test_the_main_action_of_a_ticket_is_its_next_step(ben, desk_op, ticket):
    page = f"/desk/tickets/{TICKET}"
    assert primary_actions(ben, page) == ["Transfer"]
    desk_op("ticket.hand_over", TICKET, {"handler_id": ANA}, by=CHU)
    assert primary_actions(ben, page) == ["Accept ticket"]
    desk_op("ticket.accept", TICKET, {}, by=ANA)
    assert primary_actions(ben, page) == ["Mark as done"]
    desk_op("ticket.resolve", TICKET, {"how": "new valve"}, by=ANA)
    assert primary_actions(ben, page) == ["Add follow-up"]
    desk_op("ticket.follow", TICKET, {"text": "dry"}, by=CHU)
    assert primary_actions(ben, page) == ["Give feedback"]
    desk_op("ticket.feed_back", TICKET, {"reaction": "satisfied"}, by=CHU)
    assert primary_actions(ben, page) == []
    assert "Reopen ticket" in ben.get(page, headers=EN).text


def test_a_ticket_shows_its_stations_and_what_is_left_of_its_promise(ben, desk_op, ticket):
    until = (datetime.now(UTC) + timedelta(minutes=30, seconds=30)).isoformat()
    desk_op("ticket.promise", TICKET, {"promised_at": until}, by=CHU)
    desk_op("ticket.hand_over", TICKET, {"handler_id": ANA}, by=CHU)
    desk_op("ticket.accept", TICKET, {}, by=ANA)
    page = ben.get(f"/desk/tickets/{TICKET}", headers=EN).text
    assert "30 min left" in page and '<progress class="clock"' in page
    assert len(re.findall(r'<li class="y">.*?<b>Accepted</b>\s*Ana', page, re.DOTALL)) == 1
    assert re.search(r"<li>.*?<b>Done</b>\s*Ana not yet", page, re.DOTALL)


def test_properties_are_edited_where_they_stand(app, ben, ticket):
    page = ben.get(f"/desk/tickets/{TICKET}", headers=EN).text
    base = re.search(r'name="base" value="(\d+)"', page)[1]
    form = {"base": base, "was.contact": "Ms Lin", "contact": "Ms Lin 0021"}
    assert ben.post(f"/desk/tickets/{TICKET}/revise", form).status_code == 303
    with app.app_context():
        kept = db.session.get(Ticket, (HOME_SITE, TICKET))
        assert (kept.contact, kept.details, kept.unit) == ("Ms Lin 0021", "A leak", FLAT)
    told = ben.get(f"/desk/tickets/{TICKET}", headers=EN).text
    assert "<b>Ben</b> changed Contact details: Ms Lin 0021" in told


def test_a_visitor_who_is_inside_leaves_next(ben, desk_op):
    desk_op("visit.arrive", VISIT, {"visitor": "Mr Wang", "purpose": "service"}, by=CHU)
    assert primary_actions(ben, f"/desk/visits/{VISIT}") == ["Visitor left"]
    desk_op("visit.depart", VISIT, {}, by=CHU)
    assert primary_actions(ben, f"/desk/visits/{VISIT}") == []


def test_a_found_item_is_announced_before_it_is_returned(ben, desk_op):
    desk_op("find.record", FIND, {"what": "Umbrella"}, by=CHU)
    assert primary_actions(ben, f"/desk/finds/{FIND}") == ["Notify someone"]
    desk_op("find.notify", FIND, {"told_whom": "notice board"}, by=CHU)
    assert primary_actions(ben, f"/desk/finds/{FIND}") == ["Return item"]


def test_the_page_of_a_home_tells_everything_of_it(ben, dao, desk_op, ticket):
    desk_op("visit.arrive", VISIT, {"visitor": "Mr Wang", "purpose": "family", "host_unit": FLAT})
    desk_op("ticket.open", OTHER, {**OPENED, "details": "Elsewhere"}, by=CHU)
    page = ben.get(f"/desk/homes/{FLAT}", headers=EN).text
    assert f"/desk/tickets/{TICKET}" in page and f"/desk/visits/{VISIT}" in page
    assert "Elsewhere" not in page
    only_visits = ben.get(f"/desk/homes/{FLAT}?kind=visit", headers=EN).text
    assert f"/desk/visits/{VISIT}" in only_visits and f"/desk/tickets/{TICKET}" not in only_visits
    assert dao.get(f"/desk/homes/{FLAT}").status_code == 404
    assert f"/desk/homes/{FLAT}" in ben.get(f"/desk/tickets/{TICKET}").text


def test_only_those_who_may_know_see_what_a_home_owes(app, signed_in, desk_op):
    desk_op("arrears.list", ACCOUNT, {"unit": FLAT, "lines": [FEE], "batch": "b"}, by=EVE)
    desk_op("person.revise", BEN, {"roles": ["supervisor", "guard"]}, by=EVE)
    with app.app_context():
        assert db.session.get(ArrearsAccount, (HOME_SITE, ACCOUNT))
    assert "268.80" in signed_in(EVE).get(f"/desk/homes/{FLAT}").text
    ben = signed_in(BEN)
    assert "268.80" not in ben.get(f"/desk/homes/{FLAT}").text
    assert ben.get(f"/desk/record/arrears/{ACCOUNT}").status_code == 404
    assert "268.80" not in ben.get(f"/desk/people/{EVE}").text


@pytest.mark.parametrize("path", [f"/desk/people/{ANA}", f"/desk/homes/{FLAT}"])
def test_guards_see_no_pages_of_people_and_homes(signed_in, path):
    assert signed_in(CHU).get(path).status_code == 403


def test_a_record_leads_to_its_neighbours_in_the_list(ben, desk_op):
    for number, id_ in enumerate((TICKET, OTHER, fixed_id("third"))):
        desk_op("ticket.open", id_, {**OPENED, "details": f"Matter {number}"}, by=CHU)
    rows = re.findall(
        r'href="(/desk/tickets/[0-9a-f-]{36}\?[^"]*of=tickets[^"]*)"',
        ben.get("/desk/tickets/").text,
    )
    assert len(rows) == 3
    first, second, third = (row.replace("&amp;", "&") for row in rows)
    page = ben.get(second, headers=EN).text
    assert "2 of 3" in page
    before = re.search(r'rel="prev" href="([^"]*)"', page)[1].replace("&amp;", "&")
    after = re.search(r'rel="next" href="([^"]*)"', page)[1].replace("&amp;", "&")
    assert (before.partition("?")[0], after.partition("?")[0]) == (
        first.partition("?")[0],
        third.partition("?")[0],
    )
    assert 'rel="prev"' not in ben.get(first).text
    moved = second.replace("at=2", "at=3")
    assert " of 3" not in ben.get(moved, headers=EN).text, "it does not stand there"


def test_a_long_story_folds_what_is_older(ben, desk_op):
    for _ in range(20):
        desk_op("task.complete", TASK, {}, by=ANA)
        desk_op("task.undo", TASK, {}, by=ANA)
    page = ben.get(f"/desk/record/task/{TASK}", headers=EN).text
    assert re.search(r"<summary>\s*17 earlier entries\s*</summary>", page)
