"""What the desk shows of each phone: unsent records, gaps, losses, silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from server.auth.devices import revoke_device
from server.db.engine import db, write_transaction
from server.models.access import Device
from server.models.oplog import LoggedOp
from tests import seed_data
from tests.seed_data import ANA, CHU, HOME_SITE, TASK
from tests.server.conftest import is_refused

EN = {"Accept-Language": "en"}


@pytest.fixture
def age_contacts(app):
    """A function that moves all contacts and received ops into the past."""

    def back(**span):
        moment = datetime.now(UTC) - timedelta(**span)
        with app.app_context(), write_transaction():
            db.session.execute(update(Device).values(seen_at=moment, enrolled_at=moment))
            db.session.execute(update(LoggedOp).values(received_at=moment))

    return back


def push_with_gaps(phone):
    """Five ops, of which the third never arrives and the fourth is reported lost."""
    for _ in range(5):
        phone.add_op("task.confirm", TASK, by=ANA)
    del phone.outbox[2:4]
    phone.push(lost=[4])


def test_a_phone_page_shows_its_unsent_records(ben, phone):
    for kind in ("task.confirm", "task.confirm", "task.complete"):
        phone.add_op(kind, TASK, by=ANA)
    report = {**phone.status_report(), "photos": 2}
    phone.hello(
        report={HOME_SITE: report}, storage={"usage": 800, "quota": 1000, "persisted": False}
    )
    for path in ("/desk/people/phones", f"/desk/people/phones/{phone.device}"):
        page = ben.get(path, headers=EN).text
        for word in ("3 to send", "2 photos", "oldest", "80 %"):
            assert word in page, (path, word)
    assert "the phone may delete it" in page and "Upkeep confirmed" in page


@pytest.mark.rule("D9")
def test_an_unsent_count_says_as_of_when_and_is_unknown_after_a_shift(ben, phone, age_contacts):
    phone.hello()
    paths = ("/desk/", "/desk/people/phones", f"/desk/people/phones/{phone.device}")
    age_contacts(hours=4)
    for path in paths:
        page = " ".join(ben.get(path, headers=EN).text.split())
        assert "as of 4 h ago" in page and "not known; then" not in page, path
    age_contacts(hours=9)
    for path in paths:
        page = " ".join(ben.get(path, headers=EN).text.split())
        assert "not known; then: nothing" in page and "as of 9 h ago" in page, path


@pytest.mark.rule("H3")
def test_missing_and_lost_records_are_distinguished(ben, phone):
    push_with_gaps(phone)
    page = ben.get(f"/desk/people/phones/{phone.device}", headers=EN).text
    assert "1 record is missing: 3" in page
    assert "The phone reports 1 record lost: 4" in page
    assert "is missing: 3" in ben.get("/desk/people/phones", headers=EN).text


@pytest.mark.rule("W3")
def test_a_blocked_phone_shows_whether_it_was_told_to_erase(app, ben, phone):
    with app.app_context():
        revoke_device(HOME_SITE, phone.device, lost=True)
    address = f"/desk/people/phones/{phone.device}"
    assert "still has its records" in ben.get(address, headers=EN).text
    phone.hello()
    phone.send_op("task.confirm", TASK, by=ANA)
    page = ben.get(address, headers=EN).text
    assert "There was contact since then" in page and "still has its records" in page
    phone.pull()
    with app.app_context():
        told_at = db.session.get(Device, phone.device).told_at
    phone.pull()
    assert "Told to erase its records" in ben.get(address, headers=EN).text
    with app.app_context():
        assert db.session.get(Device, phone.device).told_at == told_at, "the first time"


def test_a_phone_with_a_second_chain_is_shown(ben, phone):
    phone.send_op("task.confirm", TASK, by=ANA)
    phone.lineage, phone.n, phone.last_hash = "another life", 0, None
    phone.send_op("task.confirm", TASK, by=ANA)
    page = ben.get(f"/desk/people/phones/{phone.device}", headers=EN).text
    assert "cleared, copied or restored 1 time" in page and "Ana" in page


def test_another_site_cannot_see_a_phone(dao, phone):
    assert dao.get(f"/desk/people/phones/{phone.device}").status_code == 404
    assert dao.get("/desk/people/phones/%00").status_code == 404


@pytest.mark.rule("D7")
def test_a_silent_phone_with_tasks_today_is_on_the_board(ben, phone, age_contacts):
    phone.send_op("task.confirm", TASK, by=ANA)
    phone.add_op("task.complete", TASK, by=ANA)
    phone.hello()
    age_contacts(hours=3)
    assert "Please check" not in ben.get("/desk/", headers=EN).text
    age_contacts(hours=5)
    page = ben.get("/desk/", headers=EN).text
    for word in ("Please check", "Ana", "last contact 5 h ago", "tasks not sent yet", "1 to send"):
        assert word in page
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert "Please check" not in ben.get(f"/desk/?day={tomorrow}", headers=EN).text


@pytest.mark.rule("D7")
def test_set_the_silence_limit(ben, signed_in, phone, age_contacts):
    phone.send_op("task.confirm", TASK, by=ANA)
    age_contacts(hours=3)
    assert "Hours without contact" not in ben.get("/desk/people/phones", headers=EN).text
    assert ben.post("/desk/people/phones/silence", {"silent_hours": "2"}).status_code == 403
    eve = signed_in(seed_data.EVE)
    assert is_refused(eve.post("/desk/people/phones/silence", {"silent_hours": "0"}), "malformed")
    eve.post("/desk/people/phones/silence", {"silent_hours": "2"})
    assert 'value="2"' in eve.get("/desk/people/phones", headers=EN).text
    assert "Please check" in ben.get("/desk/", headers=EN).text


@pytest.mark.rule("D7")
def test_a_silent_phone_without_tasks_is_shown_only_on_duty(ben, desk_op, phone, age_contacts):
    phone.send_op("visit.arrive", None, {"visitor": "Mr Wang", "purpose": "other"}, by=CHU)
    age_contacts(hours=5)
    assert "Please check" not in ben.get("/desk/", headers=EN).text
    desk_op("shift.open", seed_data.fixed_id("shift"), {"uniform": True}, by=CHU)
    assert "Please check" in ben.get("/desk/", headers=EN).text


@pytest.mark.rule("D8")
def test_stale_records_are_shown_to_supervisors(ben, desk_op, signed_in, phone, age_contacts):
    phone.send_op("task.complete", TASK, {"nonsense": 1}, by=ANA)
    push_with_gaps(phone)
    phone.send_op("task.confirm", TASK, by=ANA, after=seed_data.fixed_id("never came"))
    age_contacts(days=4)
    assert "more than five days" not in ben.get("/desk/", headers=EN).text
    age_contacts(days=6)
    page = ben.get("/desk/", headers=EN).text
    assert "more than five days" in page and "1 record in quarantine" in page
    assert "1 record is missing: 5" in page
    assert "1 record is waiting for an earlier one" in page
    sue = seed_data.fixed_id("sue")
    desk_op("person.add", sue, {"name": "Sue", "roles": ["service_desk"]}, by=seed_data.EVE)
    assert "more than five days" not in signed_in(sue).get("/desk/", headers=EN).text
