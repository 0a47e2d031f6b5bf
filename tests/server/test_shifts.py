"""Shifts over the wire and at the desk."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models import Conflict, LoggedOp, Shift
from server.oplog.replay import find_faults
from tests.cast import ANA, AWAY, BEN, CHU, DAO, HOME, TASK, named

EN = {"Accept-Language": "en"}
SHIFT = named("shift")
ITEMS = {f"task:{TASK}": "Mop · Stairs"}


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME) == find_faults(AWAY) == []


def ago(**span):
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def begin(phone, by=ANA, shift=SHIFT, at=None, **said):
    return phone.verdict("shift.open", shift, {"uniform": True, **said}, by=by, at=at)


def flags(app):
    with app.app_context():
        return sorted(db.session.scalars(select(Conflict.rule).where(Conflict.site_id == HOME)))


@pytest.mark.clause("D1")
def test_no_uniform_and_no_note_still_begins_the_shift_and_asks_the_desk(app, ben, phone):
    assert begin(phone, uniform=False)["status"] == "applied"
    assert phone.record("shift", SHIFT)["state"] == "open"
    assert flags(app) == ["note-missing"]
    page = ben.get("/desk/shifts/", headers=EN).text
    assert "Ana" in page and "no reason given" in page
    assert "work clothes" in ben.get("/desk/settle/", headers=EN).text
    begin(phone, by=CHU, shift=named("other"), uniform=False, note="in the wash")
    assert flags(app) == ["note-missing"]
    assert "in the wash" in ben.get("/desk/shifts/", headers=EN).text


def test_a_shift_is_handed_over_and_signed_each_by_its_own_author(app, ben, phone):
    opened = phone.op("shift.open", SHIFT, {"uniform": True}, by=ANA)
    given = {"to": CHU, "items": ITEMS}
    phone.op("shift.hand_over", SHIFT, given, by=ANA, after=opened["id"])
    phone.op("shift.take_over", SHIFT, by=CHU, after=opened["id"])
    assert {verdict["status"] for verdict in phone.send().values()} == {"applied"}
    shift = phone.record("shift", SHIFT)
    assert (shift["state"], shift["handed_to"], shift["taken_over_by"]) == ("closed", "Chu", "Chu")
    assert shift["items"] == ITEMS
    page = ben.get("/desk/shifts/", headers=EN).text
    assert "signed" in page and "Mop · Stairs" in page and "1 open item" in page
    history = ben.get(f"/desk/record/shift/{SHIFT}", headers=EN).text
    assert "signed for it" in history and "Mop · Stairs" in history
    assert flags(app) == []


def test_a_signature_of_somebody_else_is_kept_and_does_not_count(app, ben, phone):
    begin(phone)
    phone.verdict("shift.hand_over", SHIFT, {"to": CHU}, by=ANA)
    assert phone.verdict("shift.take_over", SHIFT, by=BEN)["status"] == "applied"
    assert phone.record("shift", SHIFT)["state"] == "handed_over"
    assert flags(app) == ["signed-by-another"]
    assert "not signed yet" in ben.get("/desk/shifts/", headers=EN).text


def test_twice_is_the_same_as_once(phone):
    op = phone.op("shift.open", SHIFT, {"uniform": True}, by=ANA)
    first = phone.push(op).told()["verdicts"]
    assert phone.push(op).told()["verdicts"] == first
    close = phone.op("shift.close", SHIFT, {"unsent": 0}, by=ANA)
    first = phone.push(close).told()["verdicts"]
    assert phone.push(close).told()["verdicts"] == first
    assert phone.record("shift", SHIFT)["state"] == "closed"


def test_a_shift_that_arrives_days_late_is_kept_with_its_own_times(phone):
    phone.op("shift.open", SHIFT, {"uniform": True}, by=ANA, at=ago(days=3), mono=None)
    phone.op("shift.close", SHIFT, {"unsent": 2}, by=ANA, at=ago(days=2, hours=16), mono=None)
    assert {verdict["status"] for verdict in phone.send().values()} == {"applied"}
    shift = phone.record("shift", SHIFT)
    assert shift["unsent"] == 2
    assert shift["opened_at"] < shift["closed_at"] < ago(days=2)


@pytest.mark.rule("S6")
def test_a_second_shift_on_another_phone_is_kept_and_marked(ben, phone, new_phone):
    begin(phone)
    begin(phone, by=CHU, shift=named("chus"))
    assert "two phones" not in ben.get("/desk/shifts/", headers=EN).text
    assert begin(new_phone(), shift=named("second"))["status"] == "applied"
    assert ben.get("/desk/shifts/", headers=EN).text.count("on two phones at once") == 2


def test_a_shift_that_was_never_closed_is_closed_at_the_desk_by_name(app, ben, phone):
    phone.op("shift.open", SHIFT, {"uniform": True}, by=ANA, at=ago(hours=30), mono=None)
    phone.send()
    page = ben.get("/desk/shifts/", headers=EN).text
    assert "Never closed" in page and "Nobody has an open shift" in page
    assert ben.post(f"/desk/shifts/{SHIFT}/close").status_code == 303
    assert "Never closed" not in ben.get("/desk/shifts/", headers=EN).text
    with app.app_context():
        assert db.session.get(Shift, (HOME, SHIFT)).closed_by_id == BEN


def test_dao_may_not(app, dao, phone):
    begin(phone)
    assert "Ana" not in dao.get("/desk/shifts/").text
    assert dao.post(f"/desk/shifts/{SHIFT}/close").status_code == 404
    told = phone.verdict("shift.hand_over", SHIFT, {"to": CHU}, by=DAO)
    assert told["status"] == "held"
    assert phone.record("shift", SHIFT)["state"] == "open"


def test_the_field_sees_no_list_of_shifts(sat):
    assert sat(ANA, HOME).get("/desk/shifts/").status_code == 403


def test_what_is_no_hand_over_is_kept_for_the_desk(app, phone):
    begin(phone)
    told = phone.verdict("shift.hand_over", SHIFT, {"to": "nobody"}, by=ANA)
    assert (told["status"], told["code"]) == ("quarantined", "malformed")
    with app.app_context():
        kept = db.session.scalars(select(LoggedOp).where(LoggedOp.kind == "shift.hand_over")).one()
        assert kept.status == "quarantined"
