"""Shifts: start, handover, end, and what the desk sees of them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models.conflicts import Conflict
from server.models.oplog import LoggedOp
from server.models.shifts import Shift
from server.oplog.replay import find_faults
from tests.seed_data import ANA, BEN, CHU, DAO, HOME_SITE, OTHER_SITE, TASK, fixed_id

EN = {"Accept-Language": "en"}
SHIFT_ID = fixed_id("shift")
OPEN_ITEMS = {f"task:{TASK}": "Mop · Stairs"}


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == find_faults(OTHER_SITE) == []


def time_ago(**span):
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def open_shift(phone, by=ANA, shift=SHIFT_ID, at=None, **said):
    return phone.send_op("shift.open", shift, {"uniform": True, **said}, by=by, at=at)


def logged_flags(app):
    with app.app_context():
        return sorted(
            db.session.scalars(select(Conflict.rule).where(Conflict.site_id == HOME_SITE))
        )


@pytest.mark.clause("D1")
def test_a_shift_without_uniform_or_note_makes_a_conflict(app, ben, phone):
    assert open_shift(phone, uniform=False)["status"] == "applied"
    assert phone.get_record("shift", SHIFT_ID)["state"] == "open"
    assert logged_flags(app) == ["note-missing"]
    page = ben.get("/desk/shifts/", headers=EN).text
    assert "Ana" in page and "no reason given" in page
    assert "work clothes" in ben.get("/desk/settle/", headers=EN).text
    open_shift(phone, by=CHU, shift=fixed_id("other"), uniform=False, note="in the wash")
    assert logged_flags(app) == ["note-missing"]
    assert "in the wash" in ben.get("/desk/shifts/", headers=EN).text


def test_a_handover_is_signed_by_the_receiver(app, ben, phone):
    opened = phone.add_op("shift.open", SHIFT_ID, {"uniform": True}, by=ANA)
    given = {"to": CHU, "items": OPEN_ITEMS}
    phone.add_op("shift.hand_over", SHIFT_ID, given, by=ANA, after=opened["id"])
    phone.add_op("shift.take_over", SHIFT_ID, by=CHU, after=opened["id"])
    assert {verdict["status"] for verdict in phone.send_outbox().values()} == {"applied"}
    shift = phone.get_record("shift", SHIFT_ID)
    assert (shift["state"], shift["handed_to"], shift["taken_over_by"]) == ("closed", "Chu", "Chu")
    assert shift["items"] == OPEN_ITEMS
    page = ben.get("/desk/shifts/?state=ended&columns=person,state,items", headers=EN).text
    assert "ended" in page and "Mop · Stairs" in page
    assert "1 open item" in ben.get("/desk/shifts/?state=any", headers=EN).text
    history = ben.get(f"/desk/record/shift/{SHIFT_ID}", headers=EN).text
    assert "took the shift over" in history and "Mop · Stairs" in history
    assert logged_flags(app) == []


def test_a_signature_by_another_person_makes_a_conflict(app, ben, phone):
    open_shift(phone)
    phone.send_op("shift.hand_over", SHIFT_ID, {"to": CHU}, by=ANA)
    assert phone.send_op("shift.take_over", SHIFT_ID, by=BEN)["status"] == "applied"
    assert phone.get_record("shift", SHIFT_ID)["state"] == "handed_over"
    assert logged_flags(app) == ["signed-by-another"]
    page = ben.get("/desk/shifts/?state=unsigned", headers=EN).text
    assert "Chu · not signed yet" in page


def test_a_shift_op_sent_twice_counts_once(phone):
    op = phone.add_op("shift.open", SHIFT_ID, {"uniform": True}, by=ANA)
    first = phone.push(op).expect_ok()["verdicts"]
    assert phone.push(op).expect_ok()["verdicts"] == first
    close = phone.add_op("shift.close", SHIFT_ID, {"unsent": 0}, by=ANA)
    first = phone.push(close).expect_ok()["verdicts"]
    assert phone.push(close).expect_ok()["verdicts"] == first
    assert phone.get_record("shift", SHIFT_ID)["state"] == "closed"


def test_a_shift_sent_days_late_keeps_its_own_times(app, phone):
    """It is over for too long to be on the phone."""
    phone.add_op("shift.open", SHIFT_ID, {"uniform": True}, by=ANA, at=time_ago(days=3), mono=None)
    phone.add_op(
        "shift.close", SHIFT_ID, {"unsent": 2}, by=ANA, at=time_ago(days=2, hours=16), mono=None
    )
    assert {verdict["status"] for verdict in phone.send_outbox().values()} == {"applied"}
    assert ("shift", SHIFT_ID) not in phone.pull_all()
    with app.app_context():
        shift = db.session.get_one(Shift, (HOME_SITE, SHIFT_ID))
        assert shift.unsent == 2
        assert shift.opened_at < shift.closed_at < datetime.now(UTC) - timedelta(days=2)


@pytest.mark.rule("S6")
def test_overlapping_shifts_on_two_phones_are_marked(ben, phone, new_phone):
    open_shift(phone)
    open_shift(phone, by=CHU, shift=fixed_id("chus"))
    assert SHIFT_ID not in ben.get("/desk/shifts/?state=twice", headers=EN).text
    assert open_shift(new_phone(), shift=fixed_id("second"))["status"] == "applied"
    page = ben.get("/desk/shifts/?state=twice", headers=EN).text
    assert page.count("on two phones at once") == 2 and fixed_id("chus") not in page


def test_the_desk_ends_a_forgotten_shift(app, ben, phone):
    phone.add_op(
        "shift.open", SHIFT_ID, {"uniform": True}, by=ANA, at=time_ago(hours=30), mono=None
    )
    phone.send_outbox()
    assert "Nobody is on duty" in ben.get("/desk/shifts/", headers=EN).text
    assert SHIFT_ID in ben.get("/desk/shifts/?state=forgotten").text
    assert ben.post("/desk/shifts/bulk/close", {"row": [SHIFT_ID]}).status_code == 303
    assert SHIFT_ID not in ben.get("/desk/shifts/?state=forgotten").text
    with app.app_context():
        assert db.session.get(Shift, (HOME_SITE, SHIFT_ID)).closed_by_id == BEN


def test_another_site_cannot_see_or_change_shifts(app, dao, phone):
    open_shift(phone)
    assert SHIFT_ID not in dao.get("/desk/shifts/?state=any").text
    assert dao.post(f"/desk/shifts/{SHIFT_ID}/close").status_code == 404
    verdict = phone.send_op("shift.hand_over", SHIFT_ID, {"to": CHU}, by=DAO)
    assert verdict["status"] == "held"
    assert phone.get_record("shift", SHIFT_ID)["state"] == "open"


def test_cleaners_cannot_see_the_list_of_shifts(signed_in):
    assert signed_in(ANA, HOME_SITE).get("/desk/shifts/").status_code == 403


def test_an_invalid_handover_is_quarantined(app, phone):
    open_shift(phone)
    verdict = phone.send_op("shift.hand_over", SHIFT_ID, {"to": "nobody"}, by=ANA)
    assert (verdict["status"], verdict["code"]) == ("quarantined", "malformed")
    with app.app_context():
        record = db.session.scalars(
            select(LoggedOp).where(LoggedOp.kind == "shift.hand_over")
        ).one()
        assert record.status == "quarantined"


@pytest.mark.rule("S7")
def test_a_handover_note_and_what_was_unsent_then_are_shown(ben, phone):
    open_shift(phone)
    said = {"to": CHU, "handover_note": "The pump hums"}
    phone.send_op("shift.hand_over", SHIFT_ID, said, by=ANA)
    phone.send_op("shift.close", SHIFT_ID, {"unsent": 3}, by=ANA)
    assert phone.get_record("shift", SHIFT_ID)["handover_note"] == "The pump hums"
    page = ben.get("/desk/shifts/?state=ended", headers=EN).text
    assert "The pump hums" in page and "3 to send at that time" in page
