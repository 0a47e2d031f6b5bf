"""Home entries: search at the desk, late entries, voiding."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from server.db.engine import db
from server.jobs import home_entries
from server.models.access import Device
from server.models.home_entries import HomeEntry
from server.models.oplog import LoggedOp
from server.oplog.replay import find_faults
from sync.protocol.clock import format_time
from tests.seed_data import ANA, BEN, CHU, EVE, FLAT, HOME_SITE, fixed_id

EN = {"Accept-Language": "en"}
FIRM, ENTRY_OF_ANA, ENTRY_OF_LU = fixed_id("firm"), fixed_id("entry-ana"), fixed_id("entry-lu")


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def contractor(desk_op):
    payload = {"name": "Spruce Cable", "service": "cable", "accountable_id": EVE}
    assert desk_op("contractor.add", FIRM, payload, by=EVE)["status"] == "applied"


def stored_entry(app, id_):
    with app.app_context():
        return db.session.get(HomeEntry, (HOME_SITE, id_))


def find_entries(browser, **asked):
    """The page of the home entries that are asked."""
    sent = browser.post("/desk/entries/filter", asked)
    assert sent.status_code == 303
    return browser.get(sent.location, headers=EN).text


@pytest.mark.rule("J5")
@pytest.mark.clause("E1")
def test_search_finds_staff_and_contractor_entries_even_late_ones(
    app, ben, desk_op, contractor, phone
):
    desk_op(
        "entry.begin", ENTRY_OF_ANA, {"unit": FLAT, "purpose": "Check", "worker_id": ANA}, by=ANA
    )
    desk_op(
        "entry.end", ENTRY_OF_ANA, {"resident_present": True, "acknowledgement": "verbal"}, by=ANA
    )
    earlier = datetime.now(UTC) - timedelta(hours=30)
    times = {"in_at": format_time(earlier), "out_at": format_time(earlier + timedelta(minutes=20))}
    payload = {"unit": FLAT, "purpose": "Cable", "worker": "Lu", "contractor": FIRM, **times}
    phone.add_op("entry.tell", ENTRY_OF_LU, payload, by=CHU)
    assert ENTRY_OF_LU not in ben.get("/desk/entries/").text, "still on the phone"
    phone.send_outbox()
    assert stored_entry(app, ENTRY_OF_LU).afterwards
    page = find_entries(ben, home="1203")
    assert "Ana" in page and "Lu (Spruce Cable)" in page and "added later" in page
    day = earlier.strftime("%Y-%m-%dT00:00")
    soon = (earlier + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M")
    then = find_entries(ben, home="1203", when_since=day, when_until=soon)
    assert "Lu (Spruce Cable)" in then and f"/record/entry/{ENTRY_OF_ANA}" not in then
    for who, found in (("spruce", ENTRY_OF_LU), ("Ana", ENTRY_OF_ANA), ("Lu", ENTRY_OF_LU)):
        assert f"/record/entry/{found}" in find_entries(ben, words=f"{who} 1203")
    assert f"/record/entry/{ENTRY_OF_ANA}" not in find_entries(ben, words="Lu")


@pytest.mark.rule("J6")
@pytest.mark.clause("E1")
def test_the_search_names_phones_that_may_still_send_entries(app, ben, phone):
    with app.app_context():
        device = db.session.get(Device, phone.device)
        device.enrolled_at -= timedelta(days=2)
        device.clear_at = datetime.now(UTC) - timedelta(days=1)
        label = device.label
        db.session.commit()
    page = ben.get("/desk/entries/", headers=EN).text
    assert "Home entries may still arrive from" in page and label in page
    phone.hello()
    assert "Every phone has reported" in ben.get("/desk/entries/", headers=EN).text


def test_undo_an_exit_add_it_later_and_void_an_entry(app, ben, desk_op):
    desk_op("entry.begin", ENTRY_OF_ANA, {"unit": FLAT, "purpose": "Check"}, by=ANA)
    assert "1203" in ben.get("/desk/entries/").text
    desk_op("entry.end", ENTRY_OF_ANA, by=ANA)
    desk_op("entry.undo", ENTRY_OF_ANA, by=ANA)
    assert stored_entry(app, ENTRY_OF_ANA).out_at is None
    desk_op(
        "entry.left",
        ENTRY_OF_ANA,
        {"out_at": format_time(datetime.now(UTC) + timedelta(minutes=1))},
        by=ANA,
    )
    assert stored_entry(app, ENTRY_OF_ANA).out_at is not None
    desk_op("entry.strike", ENTRY_OF_ANA, {"reason": "wrong home"}, by=BEN)
    page = find_entries(ben, home="1203")
    assert "voided: wrong home" in page.replace("\n", " ")


def test_another_site_cannot_see_an_entry(dao, desk_op):
    desk_op("entry.begin", ENTRY_OF_ANA, {"unit": FLAT, "purpose": "Check"}, by=ANA)
    assert ENTRY_OF_ANA not in dao.get("/desk/entries/").text
    assert dao.get(f"/desk/record/entry/{ENTRY_OF_ANA}").status_code == 404


@pytest.mark.parametrize("page", ["9" * 30, "9" * 5000, "-1", "x"])
@pytest.mark.parametrize("place", ["entries", "visits"])
def test_any_page_number_is_accepted(ben, place, page):
    assert ben.get(f"/desk/{place}/?page={page}").status_code == 200


def exit_op(**fields):
    """The exit of Lu of the contractor from the home, seen without the entry."""
    return {"unit": FLAT, "worker": "Lu", "contractor": FIRM, **fields}


@pytest.mark.rule("J8")
def test_an_exit_without_an_entry_time_is_found_and_says_so(ben, contractor, phone):
    phone.send_op("entry.exit", ENTRY_OF_LU, exit_op(), by=CHU)
    record = phone.get_record("entry", ENTRY_OF_LU)
    assert (record["state"], record["in_at"], record["out_by"]) == ("out", None, "Chu")
    page = ben.get("/desk/entries/", headers=EN).text
    assert "Lu (Spruce Cable)" in page and "not known" in page
    now = datetime.now(UTC)
    earlier, long_ago = (now - timedelta(hours=hours) for hours in (20, 50))
    for before, found in ((earlier, True), (long_ago, False)):
        asked = (before + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M")
        text = find_entries(ben, home="1203", when_until=asked)
        assert (f"/record/entry/{ENTRY_OF_LU}" in text) == found


def counts(page):
    """The views of a list with the numbers beside them."""
    tabs = re.findall(r'<a href="[^"]*"[^>]*>\s*([^<]+?)\s*<span class="n[^"]*">(\d+)</span>', page)
    return {label: int(number) for label, number in tabs}


@pytest.mark.rule("J7")
@pytest.mark.clause("E1")
def test_the_desk_joins_an_exit_with_the_entry_that_another_phone_recorded(
    app, ben, contractor, phone, new_phone
):
    begun = {"unit": FLAT, "purpose": "repair", "contractor": FIRM}
    phone.send_op("entry.begin", ENTRY_OF_ANA, begun, by=CHU)
    new_phone().send_op("entry.exit", ENTRY_OF_LU, exit_op(remarks="ladder"), by=BEN)
    with app.app_context():
        assert home_entries.join_plain_pairs(HOME_SITE, datetime.now(UTC)) == 0, "one has no name"
    page = ben.get("/desk/entries/", headers=EN).text
    assert "One visit or two?" in page and f"/desk/entries/{ENTRY_OF_LU}/join" in page
    ben.post(f"/desk/entries/{ENTRY_OF_LU}/join", {"into": ENTRY_OF_ANA})
    entry = stored_entry(app, ENTRY_OF_ANA)
    assert (entry.worker, entry.out_by_id, entry.remarks) == ("Lu", BEN, "ladder")
    assert stored_entry(app, ENTRY_OF_LU).joined_to == ENTRY_OF_ANA
    page = ben.get("/desk/entries/", headers=EN).text
    assert "One visit or two?" not in page and "1 exit joined" in page
    assert counts(page)["In homes now"] == 0
    ben.post(f"/desk/entries/{ENTRY_OF_LU}/separate")
    assert stored_entry(app, ENTRY_OF_ANA).out_at is None
    with app.app_context():
        logged = [
            op.kind for op in db.session.scalars(LoggedOp.for_subject(HOME_SITE, ENTRY_OF_LU))
        ]
    assert logged == ["entry.exit", "entry.join", "entry.separate"]
    assert "One visit or two?" in ben.get("/desk/entries/", headers=EN).text


@pytest.mark.rule("J7")
def test_what_is_plain_is_joined_by_the_server_once(app, ben, contractor, phone, new_phone):
    begun = {"unit": FLAT, "purpose": "repair", "worker": "Lu", "contractor": FIRM}
    phone.send_op("entry.begin", ENTRY_OF_ANA, begun, by=CHU)
    new_phone().send_op("entry.exit", ENTRY_OF_LU, exit_op(), by=BEN)
    with app.app_context():
        assert home_entries.join_plain_pairs(HOME_SITE, datetime.now(UTC)) == 1
    assert stored_entry(app, ENTRY_OF_LU).joined_to == ENTRY_OF_ANA
    assert phone.get_record("entry", ENTRY_OF_ANA)["state"] == "out"
    ben.post(f"/desk/entries/{ENTRY_OF_LU}/separate")
    with app.app_context():
        assert home_entries.join_plain_pairs(HOME_SITE, datetime.now(UTC)) == 0
    assert stored_entry(app, ENTRY_OF_LU).joined_to is None, "the desk has decided"


def test_the_desk_cannot_join_what_does_not_fit(app, ben, desk_op):
    desk_op("entry.begin", ENTRY_OF_ANA, {"unit": FLAT, "purpose": "Check"}, by=ANA)
    answer = ben.post(f"/desk/entries/{ENTRY_OF_ANA}/join", {"into": ENTRY_OF_ANA})
    assert answer.status_code == 422
    assert stored_entry(app, ENTRY_OF_ANA).joined_to is None


@pytest.mark.clause("E1")
def test_an_entry_is_shown_at_its_ticket_and_its_visit(ben, desk_op):
    ticket, visit = fixed_id("leak"), fixed_id("plumber")
    opened = {"channel": "phone", "matter": "report", "contact": "138 0013 8000", "details": "Leak"}
    desk_op("ticket.open", ticket, {**opened, "unit": FLAT}, by=BEN)
    arrived = {"visitor": "Lu", "purpose": "service", "host_unit": FLAT, "phone": "13900139000"}
    desk_op("visit.arrive", visit, arrived, by=CHU)
    payload = {"unit": FLAT, "purpose": "repair", "worker": "Lu", "ticket": ticket, "visit": visit}
    desk_op("entry.begin", ENTRY_OF_LU, payload, by=CHU)
    for page in (f"/desk/tickets/{ticket}", f"/desk/visits/{visit}"):
        assert f"/record/entry/{ENTRY_OF_LU}" in ben.get(page).text
    assert 'href="tel:13800138000"' in ben.get(f"/desk/tickets/{ticket}").text
    assert 'href="tel:13900139000"' in ben.get(f"/desk/visits/{visit}").text
    page = ben.get("/desk/entries/", headers=EN).text
    assert f"/desk/tickets/{ticket}" in page and f"/desk/visits/{visit}" in page
    assert "repair" in page
    assert "维修" in ben.get("/desk/entries/", headers={"Accept-Language": "zh"}).text
