"""A drawn form is taken once; what its author typed comes back to nobody else."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from server.auth.sessions import IDLE_TIMEOUT
from server.db.engine import db, write_transaction
from server.desk import submit as desk_submit
from server.desk.field_errors import FormRefused
from server.models.access import LoginSession
from server.models.desk_forms import TakenForm, UnsavedForm
from server.models.tickets import Ticket
from server.oplog.receive import make_op
from sync.protocol.op import SERVER_AUTHOR_ID
from tests.seed_data import BEN, EVE, HOME_SITE, OTHER_SITE
from tests.server.conftest import PASSWORD, DeskBrowser

EN = {"Accept-Language": "en"}
TICKETS = "/desk/tickets/"
NEW_TICKET = "/desk/tickets/new"
"""The page with the form that is sent to TICKETS."""
FORM = {"channel": "phone", "matter": "report", "contact": "1203", "details": "A lamp is dark"}


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


def token_of(page: str, address: str) -> str:
    """The token of the form that is sent to an address."""
    form = re.search(
        rf'action="{re.escape(address)}".*?name="form_token" value="([^"]+)"', page, re.DOTALL
    )
    assert form
    return html.unescape(form[1])


def drawn_form(browser: DeskBrowser) -> dict[str, str]:
    """The form for a new ticket, as it is drawn and filled in."""
    return {**FORM, "form_token": token_of(browser.get(NEW_TICKET).text, TICKETS)}


def ticket_count(app: Flask) -> int:
    with app.app_context():
        query = select(func.count()).select_from(Ticket).where(Ticket.site_id == HOME_SITE)
        return db.session.scalar(query) or 0


def test_a_form_that_is_sent_twice_is_saved_once(app, ben):
    form = drawn_form(ben)
    first, second = (ben.post(TICKETS, form) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    assert ticket_count(app) == 1


def test_two_drawn_forms_are_two(app, ben):
    for _ in range(2):
        assert ben.post(TICKETS, drawn_form(ben)).status_code == 303
    assert ticket_count(app) == 2


def test_other_text_in_a_saved_form_is_not_lost_and_not_saved_by_itself(app, ben):
    form = drawn_form(ben)
    ben.post(TICKETS, form)
    again = ben.post(TICKETS, {**form, "details": "Another lamp"}, headers=EN)
    assert again.status_code == 409 and "Another lamp" in again.text
    assert "already saved" in again.text and ticket_count(app) == 1
    fresh = {**form, "details": "Another lamp", "form_token": token_of(again.text, TICKETS)}
    assert ben.post(TICKETS, fresh).status_code == 303
    assert ticket_count(app) == 2


def test_a_refused_form_is_saved_once_it_is_right(app, ben):
    form = drawn_form(ben)
    answer = ben.post(TICKETS, {**form, "contact": "x" * 900}, headers=EN)
    assert answer.status_code == 422 and "At most" in answer.text
    assert 'aria-invalid="true"' in answer.text and "autofocus" in answer.text
    fresh = {**form, "form_token": token_of(answer.text, TICKETS)}
    assert ben.post(TICKETS, fresh).status_code == 303
    assert ticket_count(app) == 1


def test_a_form_whose_outcome_is_unknown_is_saved_once(app, ben, monkeypatch):
    """The op was stored, but the answer failed: sent again, it is the same op."""
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)

    def fail(_):
        raise RuntimeError("after the commit")

    monkeypatch.setattr(desk_submit, "_say_outcome", fail)
    answer = ben.post(TICKETS, drawn_form(ben), headers=EN)
    assert answer.status_code == 500 and "A lamp is dark" in answer.text
    monkeypatch.undo()
    again = {**FORM, "form_token": token_of(answer.text, TICKETS)}
    assert ben.post(TICKETS, again).status_code == 303
    assert ticket_count(app) == 1


def test_saved_is_said_once(ben):
    answer = ben.post(TICKETS, drawn_form(ben))
    assert "data-saved" in ben.get(answer.location, headers=EN).text
    assert "data-saved" not in ben.get(answer.location, headers=EN).text


def test_a_session_that_ends_loses_nothing(app, ben, bens_password):
    form = {**drawn_form(ben), "details": "Typed for twelve hours"}
    with app.app_context(), write_transaction():
        for session in db.session.scalars(select(LoginSession)):
            session.seen_at -= IDLE_TIMEOUT + timedelta(minutes=1)
    answer = ben.post(TICKETS, form, headers=EN)
    assert answer.status_code == 401 and "Typed for" not in answer.text
    assert "will be back" in answer.text
    assert ben.sign_in("ben").location == NEW_TICKET
    page = ben.get(NEW_TICKET, headers=EN).text
    assert "Typed for twelve hours" in page and "Not saved yet" in page
    fresh = {**form, "form_token": token_of(page, TICKETS)}
    assert ben.post(TICKETS, fresh).status_code == 303
    assert "Typed for twelve hours" not in ben.get("/desk/tickets/?state=nudged").text
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(UnsavedForm)) == 0


@pytest.mark.parametrize("page", ["/desk/", "/desk/arrears/import", "/desk/tickets/gone"])
def test_what_was_typed_into_a_form_that_is_gone_is_shown(app, ben, signed_in, page):
    """Its page has no such form, takes no GET, or is not there any more."""
    fields = [["details", "Typed in vain"], ["channel", "phone"], ["matter", "report"]]
    form = {"id": str(uuid7()), "address": TICKETS, "page": page, "fields": fields}
    with app.app_context(), write_transaction():
        kept = {**form, "person_id": BEN, "site_id": HOME_SITE, "at": datetime.now(UTC)}
        db.session.add(UnsavedForm(**kept))
    first = ben.get(page, headers=EN)
    shown = "/desk/unsaved"
    assert first.location == shown if first.status_code == 303 else shown in first.text
    assert "Typed in vain" not in signed_in(EVE).get(shown).text
    text = ben.get(shown, headers=EN).text
    assert "Typed in vain" in text and "Try again" in text
    again = {**dict(fields), "form_token": token_of(text, TICKETS)}
    assert [ben.post(TICKETS, again).status_code for _ in range(2)] == [303, 303]
    assert ticket_count(app) == 1
    assert (
        shown not in ben.get("/desk/").text and "Nothing waiting" in ben.get(shown, headers=EN).text
    )


def test_what_one_person_typed_is_not_shown_to_another(app, ben, signed_in):
    """Eve signs in on another tab of the same browser; then the form of Ben's tab is sent."""
    form = {**drawn_form(ben), "details": "Only for Ben"}
    eve = signed_in(EVE)
    answer = eve.post(TICKETS, form)
    assert answer.status_code == 409 and "Only for Ben" not in answer.text
    assert "Only for Ben" not in eve.get(NEW_TICKET).text
    assert ticket_count(app) == 0, "nobody says it in Eve's name"
    page = ben.get(NEW_TICKET).text
    assert "Only for Ben" in page
    discard = re.search(r'action="(/desk/unsaved/[^"]+)"', page)[1]
    assert eve.post(discard).status_code == 303
    assert "Only for Ben" in ben.get(NEW_TICKET).text, "it is not Eve's to discard"
    assert ben.post(discard).location == NEW_TICKET
    assert "Only for Ben" not in ben.get(NEW_TICKET).text


def test_a_form_of_another_site_is_kept_for_that_site(app, ben, desk_op, signed_in):
    hired = {"name": "Ben", "roles": ["supervisor"]}
    desk_op("person.add", BEN, hired, by=SERVER_AUTHOR_ID, site=OTHER_SITE)
    form = {**drawn_form(ben), "details": "About this site"}
    elsewhere = signed_in(BEN, OTHER_SITE)
    assert elsewhere.post(TICKETS, form).status_code == 409
    assert "About this site" not in elsewhere.get(NEW_TICKET).text
    assert "About this site" in ben.get(NEW_TICKET).text


def test_passwords_are_never_shown_again(app, ben, bens_password):
    page = ben.get("/desk/account").text
    token = token_of(
        page.replace('<form class="stack card narrow"', 'action="/desk/account"'), "/desk/account"
    )
    form = {"password": "secret-one", "new": "secret-two", "form_token": token}
    answer = ben.post("/desk/account", form)
    assert answer.status_code == 400
    nobody = DeskBrowser(app.test_client()).post("/desk/account", form)
    for text in (answer.text, nobody.text, ben.get("/desk/account").text):
        assert "secret-one" not in text and "secret-two" not in text
    assert PASSWORD not in answer.text


def test_the_page_of_an_error_does_without_the_database(app, ben, monkeypatch):
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    form = drawn_form(ben)
    answer = ben.post(f"{TICKETS}not-an-id/revise", {**form, "details": "Kept all the same"})
    assert answer.status_code == 404 and "Kept all the same" in answer.text


def test_programs_get_a_problem_and_no_page(ben):
    answer = ben.post(TICKETS, {}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")


def test_the_end_of_the_session_is_told(app, ben):
    told = ben.get("/desk/session", headers={"HX-Request": "true"}).json
    assert 29 * 60 < told["idle"] <= 30 * 60 and 11 * 3600 < told["total"] <= 12 * 3600
    with app.app_context(), write_transaction():
        for session in db.session.scalars(select(LoginSession)):
            session.seen_at -= timedelta(minutes=20)
    assert ben.get("/desk/session", headers={"HX-Request": "true"}).json["idle"] <= 600
    assert ben.get("/desk/session").json["idle"] > 29 * 60, "asking by hand is activity"


def test_former_forms_are_forgotten(app, ben):
    ben.post(TICKETS, drawn_form(ben))
    with app.app_context(), write_transaction():
        for taken in db.session.scalars(select(TakenForm)):
            taken.at -= timedelta(days=4)
    ben.post(TICKETS, drawn_form(ben))
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(TakenForm)) == 1


@pytest.mark.asvs("2.3.3")
def test_of_several_ops_all_are_saved_or_none(app, ben, monkeypatch):
    """The second op is refused: the first leaves nothing behind."""
    opened = {"channel": "phone", "matter": "report", "details": "Saved with the other"}
    ben_at_home = SimpleNamespace(site_id=HOME_SITE, person_id=BEN)
    monkeypatch.setattr(desk_submit, "current_user", lambda: ben_at_home)
    with app.test_request_context():
        first = make_op("ticket.open", str(uuid7()), opened, by=BEN)
        second = make_op("person.leave", str(uuid7()), {}, by=BEN)
        with pytest.raises(FormRefused):
            desk_submit.submit_ops([first, second], {}, TICKETS)
    assert ticket_count(app) == 0
    with app.test_request_context():
        desk_submit.submit_ops(
            [first, {**first, "id": str(uuid7()), "subject": str(uuid7())}], {}, ""
        )
    assert ticket_count(app) == 2
