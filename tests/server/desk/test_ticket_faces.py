"""One state of a ticket, one word: at the desk, on phones, and on the resident's page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask_babel import force_locale

from server.db.engine import db
from server.desk.labels import state_label
from server.i18n.filters import STATES
from server.models.tickets import Ticket
from sync.service.lost_property import loss_ticket_id
from sync.service.tickets import PROGRESS_BY_STATE
from sync.service.tickets.labels import STATES as TICKET_STATES
from tests.seed_data import ANA, BEN, CHU, HOME_SITE, fixed_id

TICKET_ID = fixed_id("faces")
OPEN = {"channel": "phone", "matter": "report", "contact": "gate", "details": "A leak"}
TO_CHU, ACCEPT = ("hand_over", {"handler_id": CHU}, ANA), ("accept", {}, CHU)
RESOLVE = ("resolve", {}, CHU)

WAYS: dict[str, list[tuple[str, dict[str, object], str]]] = {
    "draft": [],
    "received": [],
    "handed_over": [TO_CHU],
    "proxy_held": [("hold", {"for_id": BEN}, ANA)],
    "escalated": [("escalate", {"to_id": BEN, "reason": "major"}, ANA)],
    "in_progress": [TO_CHU, ACCEPT],
    "resolved": [TO_CHU, ACCEPT, RESOLVE],
    "informed": [
        ("register", {"item": "key"}, ANA),
        RESOLVE,
        ("feed_back", {"reaction": "satisfied"}, ANA),
    ],
    "closed": [TO_CHU, ACCEPT, RESOLVE, ("feed_back", {"reaction": "satisfied"}, ANA)],
}
"""What leads to each state."""


def test_every_state_is_reached_below():
    assert set(WAYS) == TICKET_STATES.keys() - {"merged"} == PROGRESS_BY_STATE.keys()
    assert STATES["ticket"] is TICKET_STATES, "phones draw their words from the same table"


@pytest.mark.rule("K8", "K21")
@pytest.mark.clause("F7")
@pytest.mark.parametrize("state", WAYS)
def test_desk_phone_and_resident_read_the_same_state(state, app, phone, ben):
    more = {"has_items": True} if state == "draft" else {}
    phone.add_op("ticket.open", TICKET_ID, {**OPEN, **more}, by=ANA)
    for kind, payload, by in WAYS[state]:
        phone.add_op(f"ticket.{kind}", TICKET_ID, payload, by=by, v=2 if kind == "feed_back" else 1)
    phone.send_outbox()
    assert phone.get_record("ticket", TICKET_ID)["state"] == state
    with app.app_context():
        number = db.session.get_one(Ticket, (HOME_SITE, TICKET_ID)).number
    for language in ("en", "zh"):
        headers = {"Accept-Language": language}
        with app.test_request_context(), force_locale(language):
            word = state_label("ticket", state)
        for page in (
            f"/desk/tickets/{TICKET_ID}",
            "/desk/tickets/?state=any&columns=number,state",
            f"/r/{number}",
        ):
            assert word in ben.get(page, headers=headers).text, (page, language)


@pytest.mark.rule("K21")
@pytest.mark.parametrize("state", ["handed_over", "escalated", "proxy_held"])
def test_a_resident_never_reads_that_work_began_before_somebody_accepted(state):
    assert PROGRESS_BY_STATE[state] == "received"


@pytest.mark.rule("K19")
@pytest.mark.parametrize("year", ["0001", "2020", "9999"])
def test_a_promise_out_of_range_is_refused_with_the_remedy(app, ben, desk_op, year):
    desk_op("ticket.open", TICKET_ID, OPEN, by=CHU)
    form = {"promised_at": f"{year}-01-01T09:00"}
    answer = ben.post(f"/desk/tickets/{TICKET_ID}/tell/promise", form)
    assert answer.status_code in (303, 422)
    ben.post("/desk/tickets/", {**OPEN, "details": "Another", **form})
    with app.app_context():
        tickets = db.session.scalars(Ticket.newest(HOME_SITE)).all()
        assert [(each.id, each.promised_at) for each in tickets] == [(TICKET_ID, None)]


@pytest.mark.rule("K22")
@pytest.mark.clause("E4")
def test_the_desk_gives_an_interim_answer_on_behalf_with_a_reason(app, ben, desk_op):
    desk_op("ticket.open", TICKET_ID, OPEN, by=CHU)
    year = datetime.now(UTC).year + 1
    form = {
        "said": "Tomorrow at ten",
        "because": "Chu is off",
        "promised_at": f"{year}-03-01T10:00",
    }
    ben.post(f"/desk/tickets/{TICKET_ID}/tell/inform", form)
    with app.app_context():
        ticket = db.session.get_one(Ticket, (HOME_SITE, TICKET_ID))
        assert ticket.promised_at == datetime(year, 3, 1, 2, tzinfo=UTC)
        assert ticket.timeline[-1]["text"] == "Tomorrow at ten · Chu is off"


@pytest.mark.rule("K17")
@pytest.mark.clause("F16")
def test_the_desk_names_tickets_that_are_alike_while_one_is_typed(app, ben, desk_op):
    desk_op("ticket.open", TICKET_ID, {**OPEN, "details": "301 漏水"}, by=CHU)
    with app.app_context():
        number = db.session.get_one(Ticket, (HOME_SITE, TICKET_ID)).number
    assert number in ben.post("/desk/tickets/alike", {"details": "301室漏水了"}).text
    assert number not in ben.post("/desk/tickets/alike", {"details": "302漏水"}).text
    assert ben.post("/desk/tickets/alike").status_code == 200


@pytest.mark.rule("K2")
@pytest.mark.clause("F12")
@pytest.mark.parametrize(
    ("contact", "is_doubted"),
    [
        *(("1380000111", True), ("138000011112", True), ("138 0000 1111", False)),
        *(("+86 13800001111", False), ("021-61234567", False), ("61234567", False)),
        *(
            ("1203", False),
            ("3-2-501", False),
            ("Mr Fir 138000", False),
            ("１３８００００１１１１", False),
        ),
    ],
)
def test_an_odd_telephone_number_is_accepted_with_a_hint(app, ben, desk_op, contact, is_doubted):
    told = desk_op("ticket.open", TICKET_ID, {**OPEN, "contact": contact}, by=CHU)
    assert told["status"] == "applied"
    headers, hint = {"Accept-Language": "en"}, "Check the telephone number"
    assert (hint in ben.get(f"/desk/tickets/{TICKET_ID}", headers=headers).text) == is_doubted
    typed = ben.post("/desk/tickets/alike", {"contact": contact}, headers=headers)
    assert (hint in typed.text) == is_doubted


@pytest.mark.rule("Q1", "Q11")
@pytest.mark.clause("F6")
def test_the_feedback_of_a_case_is_the_feedback_of_its_ticket(app, ben, desk_op):
    case = fixed_id("one act")
    desk_op("lost.open", case, {"item": "Phone", "holds_personal_data": False}, by=CHU)
    assert "not asked yet" in ben.get(f"/desk/lost/{case}", headers={"Accept-Language": "en"}).text
    desk_op("lost.contact", case, {"contact": "1203"}, by=CHU)
    desk_op("lost.return", case, {"to": "Mrs Ma"}, by=CHU)
    ben.post(f"/desk/lost/{case}/tell", {"said": "It is back"})
    ben.post(f"/desk/lost/{case}/close", {"outcome": "returned"})
    with app.app_context():
        ticket = db.session.get_one(Ticket, (HOME_SITE, loss_ticket_id(case)))
        assert (ticket.contact, ticket.reaction) == ("1203", "informed")
        assert ticket.closed_at and ticket.resolved_how == "returned"
        assert [line["kind"] for line in ticket.timeline] == ["open", "inform", "conclude"]
    ben.post(f"/desk/lost/{case}/reopen", {"reason": "the wrong one"})
    with app.app_context():
        assert not db.session.get_one(Ticket, (HOME_SITE, loss_ticket_id(case))).closed_at
