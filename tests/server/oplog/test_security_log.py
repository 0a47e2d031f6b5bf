"""The security log: what is written, by whom, from where, and what keeps it short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from server.auth.credentials import set_password
from server.auth.pins import set_pin
from server.db.engine import db, write_transaction
from server.models.access import Account, Device
from server.models.oplog import LoggedOp
from server.models.security_log import AccessEntry
from server.oplog import security_log
from server.oplog.replay import find_faults
from server.oplog.sealed_rows import row_faults
from server.oplog.security_log import flush_counts, log_access
from tests.seed_data import ANA, BEN, CHU, DAO, EVE, HOME_SITE, OTHER_SITE, fixed_id
from tests.server.conftest import PASSWORD


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def entries(app):
    """The entries of a site, oldest first."""

    def read(site=HOME_SITE, event=None):
        with app.app_context():
            found = db.session.scalars(AccessEntry.newest(site)).all()[::-1]
            return [entry for entry in found if event in (None, entry.event)]

    return read


@pytest.mark.rule("A20")
@pytest.mark.asvs("16.2.1", "16.3.1")
def test_signing_in_and_out_is_logged_with_who_and_from_where(
    app, entries, new_browser, bens_password
):
    browser = new_browser()
    where = {"environ_overrides": {"REMOTE_ADDR": "203.0.113.9"}}
    browser.sign_in("ben", "wrong", **where)
    browser.sign_in("ben", **where)
    browser.post("/sign-out", **where)
    written = [(e.event, e.by_id, e.about_id, e.address, e.origin) for e in entries()]
    assert written == [
        ("sign_in_failed", None, BEN, "203.0.113.9", "desk"),
        ("sign_in", BEN, BEN, "203.0.113.9", "desk"),
        ("sign_out", BEN, BEN, "203.0.113.9", "desk"),
    ]
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.mark.rule("A20")
def test_a_user_name_that_nobody_has_is_not_kept(app, entries, new_browser):
    new_browser().sign_in("my-secret-password")
    assert [(e.about_id, e.details) for e in entries(OTHER_SITE)] == [(None, {})]
    with app.app_context():
        assert not any("my-secret" in body for body in db.session.scalars(select(LoggedOp.body)))


@pytest.mark.rule("A21")
def test_a_guesser_cannot_fill_the_log(app, entries, new_browser, bens_password):
    with app.app_context():
        before = len(db.session.scalars(select(LoggedOp.id)).all())
        for n in range(200):
            with app.test_request_context(environ_overrides={"REMOTE_ADDR": f"10.0.0.{n % 50}"}):
                log_access("sign_in_failed", site_id=HOME_SITE, by=None, about=BEN)
        assert len(db.session.scalars(select(LoggedOp.id)).all()) - before <= 21
        assert flush_counts(HOME_SITE, datetime.now(UTC)) == 0
        assert flush_counts(HOME_SITE, datetime.now(UTC) + timedelta(minutes=11)) == 21
        counted = [entry.count for entry in entries()]
        assert sum(counted) == 200 and max(counted) > 50
        assert find_faults(HOME_SITE) == []


@pytest.mark.rule("A21")
def test_the_count_is_written_before_the_next_window_begins(app, entries, monkeypatch):
    with app.app_context():
        for _ in range(3):
            log_access("denied", site_id=HOME_SITE, by=ANA, details={"page": "cases"})
        monkeypatch.setattr(security_log, "WINDOW", timedelta(0))
        log_access("denied", site_id=HOME_SITE, by=ANA, details={"page": "cases"})
        assert [entry.count for entry in entries()] == [3, 1]


@pytest.mark.rule("A20")
@pytest.mark.asvs("16.5.3")
def test_nothing_happens_without_its_entry(app, monkeypatch):
    """A failing log stops what it would have logged."""
    with app.app_context():
        with pytest.raises(KeyError):
            _set_password_with_failing_log()
        assert db.session.scalar(Account.by_username("ben")) is None


def _set_password_with_failing_log():
    with write_transaction():
        set_password(BEN, "ben", PASSWORD)
        log_access("no_such_event", site_id=HOME_SITE, by=BEN, about=BEN)


@pytest.mark.rule("A20")
@pytest.mark.asvs("16.4.1")
def test_details_stay_one_short_line(app, entries):
    with app.app_context():
        nasty = "a\r\nb\u2028\x1b[31m\ud800" + "x" * 500
        log_access("export", site_id=HOME_SITE, by=BEN, details={"what": nasty, "rows": 3})
    (entry,) = entries()
    assert entry.details["rows"] == 3
    assert entry.details["what"].isprintable() and len(entry.details["what"]) == 200


@pytest.mark.rule("A20")
def test_no_phone_receives_or_writes_an_entry(app, phone, entries):
    with app.app_context():
        log_access("lookup", site_id=HOME_SITE, by=BEN, details={"what": "visits"})
    assert phone.pull_all() and phone.records_of("access") == []
    payload = {"origin": "phone"}
    forged = phone.add_op("access.sign_in", None, payload, by=BEN)
    phone.push(forged)
    assert [entry.event for entry in entries()] == ["device", "lookup"]


@pytest.mark.rule("A28")
@pytest.mark.asvs("16.2.1")
def test_a_phone_tells_who_looked_at_which_number(app, phone, entries, signed_in):
    looked = {"about_type": "visit", "record": fixed_id("visit-1")}
    assert phone.send_op("access.number", None, looked, by=CHU)["status"] == "applied"
    (entry,) = entries(event="number")
    (enrolled,) = entries(event="device")
    assert (entry.by_id, entry.device_id, entry.origin) == (CHU, enrolled.device_id, "phone")
    assert entry.details == looked
    assert phone.pull_all() and phone.records_of("access") == []
    with app.app_context():
        assert find_faults(HOME_SITE) == []
    eve = signed_in(EVE, HOME_SITE)
    for page in ("/desk/security-log/?event=number", "/desk/personal_data/"):
        assert "Chu" in eve.get(page).text
        assert "Phone number shown" in eve.get(page, headers={"Accept-Language": "en"}).text


@pytest.mark.rule("A28")
def test_a_phone_says_nothing_else_in_the_security_log(app, phone, entries):
    looked = {"about_type": "visit", "record": fixed_id("visit-1")}
    for more in ({"by_id": BEN}, {"event": "sign_in"}, {"device_id": fixed_id("other")}):
        assert phone.send_op("access.number", None, looked | more, by=CHU)["status"] != "applied"
    assert entries(event="number") == []


@pytest.mark.rule("A22")
@pytest.mark.asvs("16.4.2")
def test_a_row_changed_by_hand_is_found(app, phone):
    with app.app_context():
        with write_transaction():
            set_pin(ANA, "2468")
            log_access("pin", site_id=None, by=None, about=ANA)
        with write_transaction():
            set_password(DAO, "dao", PASSWORD)
            log_access("password", site_id=None, by=None, about=DAO)
        assert list(row_faults()) == []
        with write_transaction():
            set_pin(ANA, "1357")
        assert [fault.split(":")[0] for fault in row_faults()] == [f"account/{ANA}"]
        with write_transaction():
            log_access("pin", site_id=None, by=BEN, about=ANA)
            db.session.execute(update(Device).values(token_hash="0" * 64))
            db.session.execute(delete(Account).where(Account.person_id == DAO))
            db.session.add(Account(person_id=BEN, username="ben"))
        found = [fault.split(":")[0] for fault in row_faults()]
        assert sorted(found) == sorted(
            [f"account/{BEN}", f"account/{DAO}", f"device/{phone.device}"]
        )
