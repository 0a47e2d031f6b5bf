"""Desk pages: visits, tickets, phones, the landing page, the language switch."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models.access import Device
from server.models.oplog import LoggedOp
from server.models.tickets import Ticket
from server.models.visits import Visit
from tests import seed_data
from tests.server.conftest import is_refused

TICKET_PAYLOAD = {
    "channel": "phone",
    "matter": "report",
    "contact": "1203",
    "details": "A lamp is dark",
}
TICKET_ID, VISIT_ID, SCHEDULE_ID = (
    seed_data.fixed_id(word) for word in ("ticket", "visit", "standard")
)
EN = {"Accept-Language": "en"}


@pytest.fixture
def ticket(desk_op):
    return desk_op("ticket.open", TICKET_ID, TICKET_PAYLOAD, by=seed_data.CHU)["version"]


@pytest.fixture
def visit_inside(desk_op):
    desk_op("visit.arrive", VISIT_ID, {"visitor": "Mr Wang", "purpose": "family"}, by=seed_data.CHU)


def ticket_form(ticket_version: int, **changed: str) -> dict[str, str]:
    """The ticket's form as a browser sends it back."""
    was = {"details": "A lamp is dark", "contact": "1203", "area": "", "urgency": "normal"}
    return {
        "base": str(ticket_version),
        **{f"was.{name}": text for name, text in was.items()},
        **was,
        **changed,
    }


def stored_ticket(app) -> Ticket:
    with app.app_context():
        return db.session.get(Ticket, (seed_data.HOME_SITE, TICKET_ID))


def test_the_desk_logs_a_visitor_out(app, ben, visit_inside):
    assert "Mr Wang" in ben.get("/desk/visits/").text
    assert ben.post(f"/desk/visits/{VISIT_ID}/depart").status_code == 303
    assert "Mr Wang" not in ben.get("/desk/visits/").text
    with app.app_context():
        assert (
            db.session.get(Visit, (seed_data.HOME_SITE, VISIT_ID)).departed_by_id == seed_data.BEN
        )


def test_another_site_cannot_log_a_visitor_out(app, dao, visit_inside):
    assert dao.post(f"/desk/visits/{VISIT_ID}/depart").status_code == 404
    with app.app_context():
        assert db.session.get(Visit, (seed_data.HOME_SITE, VISIT_ID)).departed_at is None


def test_a_revision_has_only_changed_fields(app, ben, ticket):
    ben.post(
        f"/desk/tickets/{TICKET_ID}/revise", ticket_form(ticket, details="A lamp\r\nby the lift")
    )
    assert stored_ticket(app).details == "A lamp\nby the lift"
    with app.app_context():
        op = db.session.scalars(select(LoggedOp).where(LoggedOp.kind == "ticket.revise")).one()
        assert list(op.payload) == ["details"]


def test_an_unchanged_form_is_refused(app, ben, ticket):
    answer = ben.post(f"/desk/tickets/{TICKET_ID}/revise", ticket_form(ticket))
    assert is_refused(answer, "nothing-changed")


def test_a_transfer_does_not_change_the_first_responder(app, ben, ticket):
    form = {"to": f"person:{seed_data.EVE}"}
    ben.post(f"/desk/tickets/{TICKET_ID}/hand-over", form)
    now = stored_ticket(app)
    assert (now.first_responder_id, now.handler_id) == (seed_data.CHU, seed_data.EVE)


def test_a_ticket_cannot_be_transferred_to_another_site(app, ben, ticket):
    form = {"to": f"person:{seed_data.DAO}"}
    assert ben.post(f"/desk/tickets/{TICKET_ID}/hand-over", form).status_code == 404
    assert stored_ticket(app).handler_id == seed_data.CHU


@pytest.mark.asvs("8.2.2", "8.4.1")
def test_another_site_cannot_see_or_change_a_ticket(app, dao, ticket):
    assert dao.get(f"/desk/tickets/{TICKET_ID}").status_code == 404
    changed = ticket_form(ticket, details="Mine now")
    assert dao.post(f"/desk/tickets/{TICKET_ID}/revise", changed).status_code == 404
    form = {"to": f"person:{seed_data.DAO}"}
    assert dao.post(f"/desk/tickets/{TICKET_ID}/hand-over", form).status_code == 404
    assert stored_ticket(app).details == "A lamp is dark"


def test_a_form_without_its_base_is_rejected(ben, ticket):
    form = ticket_form(ticket, details="Changed")
    del form["base"]
    assert ben.post(f"/desk/tickets/{TICKET_ID}/revise", form).status_code == 400


def test_another_site_cannot_cancel_a_task(dao):
    form = {"reason": "Rain", "base": "1"}
    assert dao.post(f"/desk/task/{seed_data.TASK}/cancel", form).status_code == 404


@pytest.mark.asvs("6.4.1")
def test_a_setup_code_is_shown_once(ben):
    page = ben.post("/desk/people/phones/code").text
    assert "data:image/svg+xml" in page and "/field/enrol#" in page
    assert "/field/enrol#" not in ben.get("/desk/people/phones/new").text


def test_block_a_phone(app, ben, dao, phone):
    assert dao.post(f"/desk/people/phones/{phone.device}/revoke").status_code == 404
    assert dao.post(f"/desk/people/phones/{phone.device}/lost").status_code == 404
    with app.app_context():
        assert db.session.get(Device, phone.device).revoked_at is None
    ben.post(f"/desk/people/phones/{phone.device}/revoke")
    with app.app_context():
        assert db.session.get(Device, phone.device).revoked_at
    assert "Block" not in ben.get("/desk/people/phones", headers=EN).text


def test_the_landing_page_of_a_real_server_shows_no_names(client):
    page = client.get("/").text
    assert "Ana" not in page and "/field/enrol#" not in page and "/sign-in" in page


def test_change_the_language(ben):
    there = {"Referer": "http://localhost/desk/visits/"}
    for lang, word in (("en", "Visitors"), ("zh", '<html lang="zh">')):
        answer = ben.post("/language", {"lang": lang}, headers=there)
        assert answer.location == "/desk/visits/"
        assert word in ben.get(answer.location).text


@pytest.mark.asvs("3.7.2")
def test_an_unknown_language_and_a_foreign_referrer_are_ignored(ben):
    elsewhere = {"Referer": "http://evil.example/desk/"}
    answer = ben.post("/language", {"lang": "../x"}, headers=elsewhere)
    assert answer.location == "/" and "Set-Cookie" not in answer.headers


@pytest.mark.asvs("7.4.4")
def test_every_page_has_a_sign_out_button(ben):
    for page in ("/desk/", "/desk/settle/", "/desk/visits/", "/desk/tickets/", "/desk/people/"):
        assert 'action="/sign-out"' in ben.get(page).text


@pytest.mark.asvs("3.4.3")
def test_pages_have_no_inline_script_or_style(ben, ticket, visit_inside):
    pages = ["/", "/sign-in", "/desk/", "/desk/settle/", "/desk/visits/", "/desk/tickets/"]
    pages += [
        f"/desk/tickets/{TICKET_ID}",
        "/desk/people/",
        "/desk/people/phones",
        "/desk/standards/",
    ]
    for page in pages:
        text = ben.get(page).text
        assert " style=" not in text and "<style" not in text and "onclick" not in text
        assert "<script>" not in text
