"""The numbers of tickets: blocks of phones, and that none is ever given or taken twice."""

import copy
from itertools import count

import pytest
from sqlalchemy import delete, func, select, update

from server.db.engine import db, write_transaction
from server.models.access import Device
from server.models.conflicts import Conflict
from server.models.ticket_numbers import TicketNumber
from server.models.tickets import Ticket
from server.oplog.replay import find_faults
from server.oplog.ticket_numbers import BLOCK_SIZE
from sync.service.tickets import ticket_number
from tests.seed_data import ANA, HOME_SITE, OTHER_SITE, fixed_id

EN = {"Accept-Language": "en"}
IDS = (fixed_id(f"numbered {n}") for n in count())


@pytest.fixture(autouse=True)
def numbers_are_unique_and_the_log_agrees(app):
    yield
    with app.app_context():
        many = func.count()
        shared = select(Ticket.number).group_by(Ticket.site_id, Ticket.number).having(many > 1)
        assert db.session.scalars(shared).all() == []
        assert find_faults(HOME_SITE) == []


def block(phone):
    return phone.hello().expect_ok()["sites"][phone.site]["numbers"]


def open_ticket(app, phone, by=ANA, **given):
    """The ticket that a phone opens with what is given of its block."""
    payload = {"channel": "phone", "details": "A leak", **given}
    subject = phone.add_op("ticket.open", next(IDS), payload, by=by)["subject"]
    phone.send_outbox()
    with app.app_context():
        return db.session.get(Ticket, (phone.site, subject))


def flagged(app):
    with app.app_context():
        rows = select(Conflict.subject).where(Conflict.rule == "number-changed")
        return set(db.session.scalars(rows))


def resident_sees(client, number, slip):
    typed = client.get("/r/", query_string={"number": number, "digits": slip[:4]}, headers=EN)
    scanned = client.get(f"/r/{number}/{slip}", headers=EN)
    assert (typed.status_code, typed.text) == (scanned.status_code, scanned.text)
    return scanned.text


@pytest.mark.rule("K23")
def test_a_phone_has_twenty_unused_numbers_and_its_tickets_take_them(app, client, phone):
    numbers = block(phone)
    assert len({each["number"] for each in numbers}) == BLOCK_SIZE == 20
    assert block(phone) == numbers  # the same until they are used
    ticket = open_ticket(app, phone, **numbers[0])
    assert (ticket.number, ticket.slip) == (numbers[0]["number"], numbers[0]["slip"])
    assert ticket.numbers == [ticket.number] and not flagged(app)
    assert "We have received it" in resident_sees(client, ticket.number, ticket.slip)
    phone.pull_all()
    assert phone.get_record("ticket", ticket.id)["slip"] == ticket.slip
    refilled = block(phone)
    assert len(refilled) == BLOCK_SIZE and numbers[0] not in refilled
    assert [each for each in numbers if each not in refilled] == numbers[:1]


@pytest.mark.rule("K23")
def test_without_a_number_the_phone_keeps_the_old_form_and_the_desk_gets_one(app, phone, desk_op):
    old = open_ticket(app, phone)
    assert (old.number, old.slip) == (ticket_number(old.id), None)
    subject = next(IDS)
    desk_op("ticket.open", subject, {"details": "A lamp"}, by=ANA)
    with app.app_context():
        at_desk = db.session.get(Ticket, (HOME_SITE, subject))
    assert len(at_desk.number) == 7 and at_desk.number.isdecimal() and len(at_desk.slip) == 20


@pytest.mark.rule("K23")
def test_no_phone_takes_a_number_that_is_not_of_its_block(app, client, phone, new_phone):
    victim, numbers = new_phone(), block(phone)
    used, unused = block(victim)[:2]
    theirs = open_ticket(app, victim, **used)
    never_given = next(n for n in map(str, count(1_000_000)) if n not in str(numbers))
    for wanted in (used["number"], unused["number"], never_given):
        for slip in ({}, {"slip": "0000" + "A" * 16}, {"slip": numbers[0]["slip"]}):
            ticket = open_ticket(app, phone, number=wanted, **slip)
            assert ticket.number != wanted and ticket.numbers == [ticket.number, wanted]
            assert ticket.id in flagged(app)
    assert "We have received it" in resident_sees(client, theirs.number, theirs.slip)
    assert open_ticket(app, victim, **unused).number == unused["number"]


@pytest.mark.rule("K23")
@pytest.mark.parametrize(
    "number", ["0123456", "123456", "12345678", "T-ABCD2345", "１２３４５６７", 7]
)
def test_what_is_no_number_is_quarantined(app, phone, number):
    payload = {"details": "A leak", "number": number}
    verdict = phone.send_op("ticket.open", next(IDS), payload, by=ANA)
    assert (verdict["status"], verdict["code"]) == ("quarantined", "malformed")
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(TicketNumber)) == 0


@pytest.mark.rule("K23")
def test_a_copied_phone_gives_a_number_twice_and_the_later_ticket_gets_another(app, client, phone):
    numbers = block(phone)
    clone = copy.copy(phone)
    clone.lineage, clone.outbox = fixed_id("clone"), []
    first = open_ticket(app, phone, **numbers[0])
    second = open_ticket(app, clone, **numbers[0])
    assert first.number == numbers[0]["number"] != second.number
    assert second.numbers == [second.number, first.number] and flagged(app) == {second.id}
    assert "Two requests have this number" in resident_sees(client, first.number, first.slip)
    assert "We have received it" in resident_sees(client, second.number, second.slip)


@pytest.mark.rule("K23")
def test_a_restored_server_knows_its_own_numbers_and_gives_none_twice(app, phone, new_phone):
    kept, taken, bare = block(phone)[:3]
    with app.app_context(), write_transaction():
        db.session.execute(delete(TicketNumber))
    other = new_phone()
    block(other)
    with app.app_context(), write_transaction():  # by chance the same number once more
        one = select(TicketNumber.number).where(TicketNumber.device_id == other.device).limit(1)
        again = db.session.scalars(one).one()
        row = update(TicketNumber).where(TicketNumber.number == again)
        db.session.execute(row.values(number=taken["number"]))
    assert open_ticket(app, other, **taken).number == taken["number"]
    assert open_ticket(app, phone, **kept).number == kept["number"]
    late = open_ticket(app, phone, **taken)
    assert late.numbers == [late.number, taken["number"]] and late.id in flagged(app)
    assert open_ticket(app, phone, number=bare["number"]).number != bare["number"]
    assert open_ticket(app, other, **kept).number != kept["number"]


@pytest.mark.rule("K21", "K23")
def test_numbers_and_slips_are_bound_to_their_site(app, client, phone, new_phone):
    away = new_phone(OTHER_SITE)
    mine, theirs = block(phone)[0], block(away)[0]
    assert open_ticket(app, phone, **theirs).number != theirs["number"]
    ticket = open_ticket(app, phone, **mine)
    assert client.get(f"/r/{ticket.number}/{theirs['slip']}").status_code == 404


@pytest.mark.rule("K23")
def test_a_blocked_phone_gets_no_numbers(app, phone):
    with app.app_context(), write_transaction():
        db.session.execute(update(Device).values(revoked_at=func.now()))
    assert block(phone) == []
