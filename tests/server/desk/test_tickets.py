"""Tickets: all steps from phones and desk, lists, merging, and the resident's page."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models.conflicts import Conflict
from server.models.oplog import LoggedOp
from server.models.tickets import Ticket
from server.oplog.replay import find_faults
from sync.service.tickets import ticket_number
from tests.seed_data import ANA, BEN, CHU, EVE, FLAT, HOME_SITE, fixed_id
from tests.server.conftest import is_refused

TICKET_PAYLOAD = {"channel": "phone", "matter": "report", "contact": "gate", "details": "A leak"}
TICKET_ID, OTHER_TICKET_ID, FIRM = fixed_id("matter"), fixed_id("other matter"), fixed_id("firm")
EN = {"Accept-Language": "en"}


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def ticket(desk_op):
    desk_op("ticket.open", TICKET_ID, TICKET_PAYLOAD, by=CHU)


def stored_ticket(app, id_=TICKET_ID):
    with app.app_context():
        return db.session.get(Ticket, (HOME_SITE, id_))


def ticket_page(browser, id_=TICKET_ID, path=""):
    return browser.get(f"/desk/tickets/{id_}{path}", headers=EN).text


@pytest.mark.rule("K23")
def test_no_phone_takes_the_number_of_another_ticket_by_its_id(app, client, phone, new_phone):
    other, twin = new_phone(), str(UUID(bytes=bytes(11) + UUID(TICKET_ID).bytes[-5:]))
    phone.add_op("ticket.open", TICKET_ID, TICKET_PAYLOAD, by=ANA)
    other.add_op("ticket.open", twin, {**TICKET_PAYLOAD, "details": "A lamp"}, by=CHU)
    phone.send_outbox()
    other.send_outbox()
    first, second = stored_ticket(app), stored_ticket(app, twin)
    assert first.number == ticket_number(TICKET_ID) and first.slip is None
    assert second.number.isdecimal() and second.numbers == [second.number, first.number]
    with app.app_context():
        flags = select(Conflict).where(Conflict.rule == "number-changed")
        assert [conflict.subject for conflict in db.session.scalars(flags)] == [twin]
    page = client.get(f"/r/{first.number}", headers=EN)
    assert page.status_code == 200 and "We have received it" in page.text


@pytest.mark.rule("K10")
@pytest.mark.clause("F5")
def test_a_ticket_on_two_phones_closes_when_the_resident_is_satisfied(phone, new_phone):
    """Sends `ticket.accept`, `ticket.give_back`, `ticket.follow` and the other steps."""
    other = new_phone()
    phone.add_op("ticket.open", TICKET_ID, TICKET_PAYLOAD, by=ANA)
    phone.add_op("ticket.hand_over", TICKET_ID, {"handler_id": CHU, "reason": "pipes"}, by=ANA)
    phone.send_outbox()
    for kind, said in [
        ("ticket.accept", {}),
        ("ticket.register", {"item": "valve", "condition": "cracked"}),
        ("ticket.pass_on", {"item": "valve", "to": "the smith"}),
        ("ticket.resolve", {"how": "new valve"}),
        ("ticket.return_item", {"item": "valve", "to": "resident"}),
    ]:
        other.add_op(kind, TICKET_ID, said, by=CHU)
    for kind, said in [
        ("ticket.follow", {"text": "looked"}),
        ("ticket.inform", {"said": "the plumber is here"}),
        ("ticket.enquire", {"who": "Mr Fir", "answered": "tomorrow"}),
        ("ticket.promise", {"promised_at": "2030-01-01T08:00:00+08:00"}),
    ]:
        phone.add_op(kind, TICKET_ID, said, by=ANA)
    assert {
        v["status"] for v in [*phone.send_outbox().values(), *other.send_outbox().values()]
    } == {"applied"}
    asked = phone.get_record("ticket", TICKET_ID)
    assert (asked["state"], asked["handler"], asked["first_responder"]) == (
        "resolved",
        "Chu",
        "Ana",
    )
    phone.send_op("ticket.feed_back", TICKET_ID, {"reaction": "satisfied"}, by=ANA)
    assert phone.get_record("ticket", TICKET_ID)["state"] == "closed"
    phone.send_op("ticket.reopen", TICKET_ID, {"reason": "drips again"}, by=ANA)
    story = phone.get_record("ticket", TICKET_ID)["timeline"]
    assert story[-1] == {**story[-1], "kind": "reopen", "by": "Ana", "text": "drips again"}


@pytest.mark.rule("K9", "K11", "K12")
def test_ops_that_do_not_fit_the_ticket_are_marked(app, phone, ticket):
    odd = phone.send_op("ticket.accept", TICKET_ID, {}, by=ANA)
    back = phone.send_op("ticket.give_back", TICKET_ID, {"reason": "x"}, by=ANA)
    assert (odd["status"], back["status"]) == ("applied", "applied")
    phone.send_op("ticket.hold", TICKET_ID, {"for_id": BEN}, by=CHU)
    phone.send_op("ticket.escalate", TICKET_ID, {"to_id": BEN, "reason": "major"}, by=CHU)
    row = stored_ticket(app)
    assert (row.handler_id, row.first_responder_id) == (BEN, CHU)
    assert [line.get("aside", False) for line in row.timeline] == [False, True, True, False, False]
    assert len(phone.records_of("ticket")) == 1


@pytest.mark.rule("K7")
@pytest.mark.clause("E3")
def test_a_transfer_to_a_contractor_names_our_manager(app, ben, desk_op, ticket):
    desk_op("contractor.add", FIRM, {"name": "Spruce", "service": "tv", "accountable_id": EVE})
    ben.post(f"/desk/tickets/{TICKET_ID}/hand-over", {"to": f"firm:{FIRM}", "reason": "cable"})
    row = stored_ticket(app)
    assert (row.contractor_id, row.accountable_id, row.handler_id) == (FIRM, EVE, EVE)
    assert "Spruce" in ticket_page(ben) and "not accepted yet" in ticket_page(ben)
    ben.post(f"/desk/tickets/{TICKET_ID}/hand-over", {"to": "role:cleaner"})
    assert stored_ticket(app).asked_role == "cleaner"


@pytest.mark.rule("K10")
@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        ("do the work", []),
        ("follow up", [("resolve", {"how": "mended"})]),
        ("inform the resident", [("inform", {"said": "soon"}), ("resolve", {})]),
        ("return the item", [("register", {"item": "key"}), ("resolve", {"how": "mended"})]),
    ],
)
def test_missing_steps_keep_a_ticket_open(app, ben, ticket, lacking, told):
    ben.post(f"/desk/tickets/{TICKET_ID}/hand-over", {"to": f"person:{ANA}"})
    for kind, said in told:
        ben.post(f"/desk/tickets/{TICKET_ID}/tell/{kind}", said)
    assert lacking in ticket_page(ben) and stored_ticket(app).closed_at is None


@pytest.mark.rule("K13")
def test_feedback_on_behalf_needs_a_reason(app, ben, ticket):
    ben.post(f"/desk/tickets/{TICKET_ID}/tell/resolve", {"how": "mended"})
    ben.post(f"/desk/tickets/{TICKET_ID}/tell/feed_back", {"reaction": "satisfied"})
    assert stored_ticket(app).closed_at is None
    payload = {"reaction": "satisfied", "because": "Chu is ill", "marks.patience": "good"}
    ben.post(f"/desk/tickets/{TICKET_ID}/tell/feed_back", payload)
    row = stored_ticket(app)
    assert row.closed_at and row.marks == {"patience": "good"} and row.feedback_by_id == BEN
    ben.post(f"/desk/tickets/{TICKET_ID}/tell/reopen", {"reason": "again"})
    assert stored_ticket(app).closed_at is None
    assert ben.post(f"/desk/tickets/{TICKET_ID}/tell/search", {}).status_code == 404


@pytest.mark.rule("K17")
@pytest.mark.clause("F16")
def test_merged_tickets_share_their_numbers(app, ben, phone, ticket):
    phone.add_op("ticket.open", OTHER_TICKET_ID, {**TICKET_PAYLOAD, "details": "Water"}, by=ANA)
    phone.send_outbox()
    first, later = stored_ticket(app), stored_ticket(app, OTHER_TICKET_ID)
    assert f"{later.number}" in ticket_page(ben)
    assert f"/desk/tickets/same/?ticket={TICKET_ID}" in ticket_page(ben)
    merger = {"take": "same", "base": "1", "other_id": OTHER_TICKET_ID}
    assert ben.post(f"/desk/tickets/same/{TICKET_ID}", merger).status_code == 303
    assert (
        stored_ticket(app).co_receiver_ids == [ANA]
        and stored_ticket(app, OTHER_TICKET_ID).merged_into == TICKET_ID
    )
    for address in (f"{first.number}/{first.slip}", later.number):
        assert "We have received it" in ben.get(f"/r/{address}", headers=EN).text
    back = {"take": "same", "base": "2", "other_id": TICKET_ID}
    again = ben.post(f"/desk/tickets/same/{OTHER_TICKET_ID}", back)
    assert is_refused(again, "already-merged")
    by_phone = phone.send_op(
        "ticket.merge", OTHER_TICKET_ID, {"other_id": TICKET_ID}, by=ANA, base=2
    )
    assert by_phone["code"] == "not-allowed"


@pytest.mark.rule("K18")
@pytest.mark.clause("F4")
def test_a_leaving_person_names_a_successor(app, signed_in, ticket):
    """Sends `ticket.succeed` and `person.leave`."""
    eve = signed_in(EVE, HOME_SITE)
    assert eve.post(f"/desk/people/{CHU}/leave", {"heir": ""}).status_code == 404
    eve.post(f"/desk/people/{CHU}/leave", {"heir": ANA})
    row = stored_ticket(app)
    assert (row.first_responder_id, row.steward_id, row.handler_id) == (CHU, ANA, ANA)
    with app.app_context():
        last = db.session.scalars(LoggedOp.for_subject(HOME_SITE, TICKET_ID)).all()[-1]
    assert (last.kind, last.status) == ("ticket.succeed", "applied")
    assert "Staff member leaves" in eve.get(f"/desk/people/{ANA}/work", headers=EN).text
    assert "Staff member leaves" not in eve.get(f"/desk/people/{CHU}/work", headers=EN).text
    again = eve.post(f"/desk/people/{CHU}/leave", {})
    assert is_refused(again, "already-left")


@pytest.mark.rule("K19", "K20")
@pytest.mark.clause("E4")
def test_the_ticket_lists_select_by_state_and_person(app, ben, desk_op, phone):
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    desk_op("ticket.open", TICKET_ID, {**TICKET_PAYLOAD, "promised_at": past}, by=BEN)
    desk_op("ticket.hold", TICKET_ID, {"for_id": ANA}, by=BEN)
    phone.add_op("shift.open", None, {"uniform": True}, by=ANA)
    phone.send_outbox()
    number = stored_ticket(app).number
    full = ("open", "breached", "nudged", "held", "answering", "handling", "any")
    for state in (*full, "soon", "waiting", "escalated", "contractor", "closed", "merged"):
        listed = ben.get(f"/desk/tickets/?state={state}", headers=EN).text
        assert (number in listed) == (state in full), state
    assert "Ana is now on duty" in ticket_page(ben)


def test_a_ticket_opened_at_the_desk_has_its_author_as_first_responder(app, ben):
    form = {**TICKET_PAYLOAD, "promised_at": "2030-01-02T09:00", "item": "umbrella", "reaction": ""}
    ben.post("/desk/tickets/", form)
    with app.app_context():
        row = db.session.scalars(Ticket.newest(HOME_SITE)).one()
    assert (row.first_responder_id, list(row.things)) == (BEN, ["umbrella"])
    assert row.promised_at == datetime(2030, 1, 2, 1, tzinfo=UTC)
    slip = ticket_page(ben, row.id, "/slip")
    assert f"{row.number[:3]} {row.number[3:]}" in slip and f"<b>{row.slip[:4]}</b>" in slip
    assert f"/r/{row.number}/{row.slip}" in slip


@pytest.mark.rule("K21")
@pytest.mark.clause("F7")
def test_the_resident_page_shows_progress_without_personal_data(app, ben, new_browser, ticket):
    anybody, row = new_browser(), stored_ticket(app)
    spaced = f" {row.number[:3]} {row.number[3:]} "
    for typed in (row.number, spaced, "".join(chr(ord(c) + 0xFEE0) for c in row.number)):
        query = {"number": typed, "digits": row.slip[:4]}
        response = anybody.get("/r/", query_string=query, headers=EN).text
        assert "We have received it" in response and spaced.strip() in response
    for secret in ("A leak", "gate", "Chu", TICKET_ID):
        assert secret not in response
    ben.post(f"/desk/tickets/{TICKET_ID}/tell/resolve", {"how": "mended"})
    assert "The work is done" in anybody.get(f"/r/{row.number}/{row.slip}", headers=EN).text


@pytest.mark.rule("K21")
def test_a_number_without_its_slip_shows_nothing(app, new_browser, ticket):
    anybody, row = new_browser(), stored_ticket(app)
    other = str(int(row.number) % 8_999_999 + 1_000_001)
    other_digits = f"{(int(row.slip[:4]) + 1) % 10_000:04}"
    for number in (row.number, other):
        asked = anybody.get(f"/r/{number}", headers=EN)
        assert asked.status_code == 200 and "Type the four check digits" in asked.text
        for wrong in (other_digits, "0000" if row.slip[:4] != "0000" else "0001"):
            answer = anybody.get(
                "/r/", query_string={"number": number, "digits": wrong}, headers=EN
            )
            assert answer.status_code == 404 and "not found" in answer.text
        for code in (row.slip[:4], row.slip[:-1], "é" * 20, f"{other_digits}{row.slip[4:]}"):
            assert anybody.get(f"/r/{number}/{code}").status_code == 404


@pytest.mark.rule("K21")
@pytest.mark.clause("F7")
def test_a_slip_with_an_old_number_works_for_ever(app, new_browser, phone):
    phone.add_op("ticket.open", TICKET_ID, TICKET_PAYLOAD, by=ANA)
    phone.send_outbox()
    anybody, number = new_browser(), stored_ticket(app).number
    assert number == ticket_number(TICKET_ID)
    for typed in (number, number.lower(), number.replace("-", " "), number[2:]):
        assert "We have received it" in anybody.get(f"/r/{typed}", headers=EN).text
    moved = anybody.get("/r/", query_string={"number": number})
    assert moved.location.endswith(f"/r/{number}")
    assert anybody.get("/r/T-AAAAAAAA").status_code == 404


@pytest.mark.rule("K21")
@pytest.mark.asvs("2.4.1")
def test_ticket_numbers_cannot_be_guessed(app, new_browser, ticket):
    anybody, row = new_browser(), stored_ticket(app)
    assert [anybody.get("/r/T-AAAAAAAA").status_code for _ in range(32)].count(429) == 2
    tried = []
    for client in range(13):
        query = {"number": row.number, "digits": f"{client:04}"}
        where = {"REMOTE_ADDR": f"192.0.2.{client}"}
        tried.append(anybody.get("/r/", query_string=query, environ_base=where).status_code)
    assert tried.count(429) == 3
    scanned = anybody.get(f"/r/{row.number}/{row.slip}", environ_base={"REMOTE_ADDR": "192.0.2.99"})
    assert scanned.status_code == 200


def test_the_home_of_a_ticket_is_typed_by_its_number(app, ben, ticket):
    page = ben.get(f"/desk/tickets/{TICKET_ID}", headers=EN).text
    base = re.search(r'name="base" value="(\d+)"', page)[1]
    address = f"/desk/tickets/{TICKET_ID}/revise"
    form = {"base": base, "was.unit": "", "was.area": "", "area": ""}
    refused = ben.post(address, {**form, "unit": "99-9"}, headers=EN)
    assert refused.status_code == 422 and "No home is called 99-9" in refused.text
    assert 'value="99-9"' in refused.text
    assert stored_ticket(app).unit is None
    ben.post(address, {**form, "unit": "1203"})
    assert stored_ticket(app).unit == FLAT
    assert f'href="/desk/homes/{FLAT}"' in ben.get(f"/desk/tickets/{TICKET_ID}").text
