"""Tickets that may be one matter: compared, merged, told apart, and together again."""

from __future__ import annotations

import pytest

from server.db.engine import db
from server.models.tickets import Ticket
from server.oplog.replay import find_faults
from tests import seed_data
from tests.server.conftest import is_refused

FIRST, SECOND = seed_data.fixed_id("first call"), seed_data.fixed_id("second call")
OPENING = {"channel": "phone", "matter": "report", "contact": "1203", "details": "Lamp dark"}
PAGE = "/desk/tickets/same/"
EN = {"Accept-Language": "en"}


@pytest.fixture(autouse=True)
def two_tickets(app, desk_op):
    """Two tickets of one contact about another problem; the log still fits the records."""
    desk_op("ticket.open", FIRST, {**OPENING, "category": "broken"}, by=seed_data.CHU)
    desk_op("ticket.open", SECOND, {**OPENING, "category": "dirty", "details": "Lamp"})
    yield
    with app.app_context():
        assert find_faults(seed_data.HOME_SITE) == []


def stored(app, id_=FIRST) -> Ticket:
    with app.app_context():
        return db.session.get(Ticket, (seed_data.HOME_SITE, id_))


def test_a_pair_says_what_speaks_against_it_and_for_it(ben):
    page = ben.get(PAGE, headers=EN).text
    assert page.count('<form class="q"') == 1
    against, in_favour = page.index("another problem"), page.index("same contact")
    assert against < in_favour and "same words" in page
    assert 'href="/desk/tickets/same/"' in ben.get("/desk/tickets/").text
    assert ben.get(f"{PAGE}?ticket={FIRST}").text.count('<form class="q"') == 1


@pytest.mark.rule("K25")
def test_tickets_told_apart_are_not_proposed_again_until_that_is_undone(app, ben, phone):
    answer = ben.post(PAGE + FIRST, {"other_id": SECOND, "take": "apart"})
    page = ben.get(answer.location, headers=EN).text
    assert '<form class="q"' not in page and "are two matters" in page
    assert stored(app).apart_ids == [SECOND]
    assert "May be the same matter" not in ben.get(f"/desk/tickets/{SECOND}", headers=EN).text
    phone.pull_all()
    assert "apart_ids" not in phone.get_record("ticket", FIRST)
    again = ben.post(PAGE + FIRST, {"other_id": SECOND, "take": "apart"})
    assert is_refused(again, "nothing-changed")
    ben.post(PAGE + FIRST, {"other_id": SECOND, "take": "together"})
    assert stored(app).apart_ids == [] and '<form class="q"' in ben.get(PAGE).text


def test_a_pair_is_merged_into_the_earlier_ticket(app, ben):
    answer = ben.post(PAGE + FIRST, {"other_id": SECOND, "take": "same", "base": "1"})
    assert answer.location == PAGE and stored(app, SECOND).merged_into == FIRST
    late = ben.post(PAGE + FIRST, {"other_id": SECOND, "take": "apart"})
    assert is_refused(late, "already-merged")


def test_only_tickets_of_the_own_site_are_decided_about(dao):
    assert dao.get(f"{PAGE}?ticket={FIRST}").status_code == 404
    assert dao.post(PAGE + FIRST, {"other_id": SECOND, "take": "apart"}).status_code == 404


@pytest.mark.rule("K25")
def test_the_op_is_not_for_phones_nor_about_other_records(desk_op, phone):
    sent = {"other_id": seed_data.TASK}
    assert desk_op("ticket.keep_apart", FIRST, sent)["code"] == "no-such-record"
    by_phone = phone.send_op("ticket.keep_apart", FIRST, {"other_id": SECOND}, by=seed_data.BEN)
    assert by_phone["code"] == "not-for-phones"
