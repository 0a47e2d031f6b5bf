"""The page of the security log."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from server.auth.access import access_rule
from server.db.engine import db
from server.models.security_log import AccessCount, AccessEntry
from server.oplog.hash_chain import log_head
from server.oplog.security_log import log_access
from tests.seed_data import ANA, BEN, CHU, DAO, EVE, HOME_SITE, OTHER_SITE

EN = {"Accept-Language": "en"}
PAGE = "/desk/security-log/"
CELL = r"<t[dh][^>]*>(.*?)</t[dh]>"


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def eve(signed_in):
    return signed_in(EVE, HOME_SITE)


def rows(browser, **filters):
    """Event, who and about of each entry on the page."""
    text = browser.get(PAGE, headers=EN, query_string=filters).text
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    cells = [
        re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in body.split("</tr>")
    ]
    plain = [[" ".join(re.sub("<[^>]+>", "", c).split()) for c in row] for row in cells if row]
    return [(event, who, about) for _, event, who, about, *_ in plain]


@pytest.mark.rule("A20")
@pytest.mark.asvs("16.3.2", "8.3.1")
def test_managers_see_who_was_denied_what_and_nobody_else_sees_it(app, eve, ben):
    assert ben.get(PAGE).status_code == 403
    assert ("Access denied", "Ben", "") in rows(eve)
    page = eve.get(PAGE, headers=EN).text
    assert "/desk/security-log/" in page and "127.0.0.1" in page
    assert "security-log" not in ben.get("/desk/", headers=EN).text


@pytest.mark.rule("A20")
@pytest.mark.asvs("16.3.2", "8.3.1")
def test_every_denial_is_in_the_log(app, ben):
    denied = {
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in rule.methods & {"GET", "POST"}
        for roles in [access_rule(app, rule.endpoint)]
        if isinstance(roles, frozenset) and "supervisor" not in roles
    }
    logged = 0
    for rule, method in denied:
        address, before = re.sub(r"<[^>]+>", ANA, rule), logged
        answer = ben.get(address) if method == "GET" else ben.post(address)
        assert answer.status_code == 403, (method, rule)
        with app.app_context():
            counted = select(func.sum(AccessCount.count)).where(AccessCount.event == "denied")
            logged = db.session.scalar(counted) or 0
        assert logged > before, (method, rule)
    with app.app_context():
        entries = db.session.scalars(AccessEntry.newest(HOME_SITE)).all()
    named = {each.details.get("page", "many") for each in entries if each.event == "denied"}
    assert len(named) > 15 and named <= {"many", *(rule for rule, _ in denied)}
    assert {each.by_id for each in entries if each.event == "denied"} == {BEN}


def test_the_page_is_searched_by_person_event_and_time(app, eve):
    with app.app_context():
        log_access("pin", site_id=HOME_SITE, by=BEN, about=ANA)
        log_access("export", site_id=HOME_SITE, by=CHU, details={"about_type": "lost"})
        log_access("sign_out", site_id=OTHER_SITE, by=DAO, about=DAO)
    pin, export = ("PIN changed", "Ben", "Ana"), ("Data exported", "Chu", "")
    assert rows(eve) == [export, pin]
    assert rows(eve, person=ANA) == rows(eve, person=BEN) == rows(eve, event="pin") == [pin]
    assert rows(eve, kind="reading") == [export] and rows(eve, kind="alarming") == []
    assert rows(eve, at_since="2099-01-01") == rows(eve, at_until="2020-01-01") == []
    assert rows(eve, at_since="2020-01-01", at_until="2099-01-01") == [export, pin]


@pytest.mark.rule("A15")
@pytest.mark.asvs("16.4.3")
@pytest.mark.parametrize("page", ["security-log", "disclosure", "months"])
def test_a_page_for_printing_shows_the_newest_link(app, eve, page):
    with app.app_context():
        link = log_head(HOME_SITE).link
    assert link and link in eve.get(f"/desk/{page}/").text


def test_old_entries_are_on_further_pages(app, eve):
    with app.app_context():
        for _ in range(101):
            log_access("code", site_id=HOME_SITE, by=BEN)
    assert len(rows(eve, rows=50)) == 50 and len(rows(eve, rows=50, page=3)) == 1
    assert (
        eve.get(PAGE, query_string={"page": "-3", "person": "\x00", "since": "x"}).status_code
        == 200
    )


def test_an_entry_is_no_record_that_supervisors_may_open(app, eve, ben):
    with app.app_context():
        log_access("pin", site_id=HOME_SITE, by=BEN, about=ANA)
        id_ = db.session.scalars(AccessEntry.newest(HOME_SITE)).first().id
    assert ben.get(f"/desk/record/access/{id_}").status_code == 404
    assert eve.get(f"/desk/record/access/{id_}").status_code == 200


@pytest.mark.asvs("16.3.1")
def test_codes_blocked_phones_and_exports_are_logged(app, eve, ben, phone):
    ben.post("/desk/people/phones/code")
    ben.post(f"/desk/people/phones/{phone.device}/lost")
    ben.post(f"/desk/people/phones/{phone.device}/lost")
    assert [(event, who) for event, who, _ in rows(eve)] == [
        ("Phone set up, changed or blocked", "Ben"),
        ("Setup code issued", "Ben"),
        ("Phone set up, changed or blocked", "Ben"),
    ]
