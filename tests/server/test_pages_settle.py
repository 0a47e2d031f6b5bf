"""Settling: both sides, two clicks, undone by one more; and what was kept aside."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models import Conflict, LoggedOp, Task, Ticket
from tests import cast

OPENING = {"channel": "phone", "matter": "report", "contact": "1203", "details": "A lamp is dark"}
TICKET = cast.named("ticket")
EN = {"Accept-Language": "en"}


@pytest.fixture
def contested(app, desk):
    """Ben and Eve rewrote the same words, and neither saw the other."""
    base = desk("ticket.open", TICKET, OPENING)["version"]
    desk("ticket.revise", TICKET, {"details": "A lamp on floor 2"}, by=cast.EVE, base=base)
    verdict = desk("ticket.revise", TICKET, {"details": "A lamp by the lift"}, base=base)
    assert verdict["status"] == "contested"
    with app.app_context():
        return db.session.scalars(Conflict.unsettled(cast.HOME)).one().id


def details(app) -> str:
    with app.app_context():
        return db.session.get(Ticket, (cast.HOME, TICKET)).details


def test_both_sides_are_shown_with_who_and_what(ben, contested):
    page = ben.get("/desk/settle/", headers=EN).text
    for word in ("A lamp on floor 2", "A lamp by the lift", "Ben", "Eve", "neither saw the other"):
        assert word in page


@pytest.mark.parametrize(
    ("form", "after"),
    [
        ({"take": "theirs"}, "A lamp on floor 2"),
        ({"take": "incoming"}, "A lamp by the lift"),
        ({"take": "both"}, "A lamp on floor 2\nA lamp by the lift"),
        ({"take": "value", "details": "The lamp upstairs"}, "The lamp upstairs"),
    ],
)
def test_one_click_settles_and_one_more_undoes_it(app, ben, contested, form, after):
    answer = ben.post(f"/desk/settle/{contested}", form)
    assert answer.location == f"/desk/settle/?settled={contested}"
    assert details(app) == after
    page = ben.get(answer.location, headers=EN).text
    assert f"/desk/settle/{contested}/reopen" in page
    ben.post(f"/desk/settle/{contested}/reopen")
    assert details(app) == "A lamp on floor 2"
    assert "A lamp by the lift" in ben.get("/desk/settle/").text, "it waits again"


def test_what_was_settled_stays_to_be_seen(ben, contested):
    ben.post(f"/desk/settle/{contested}", {"take": "incoming"})
    page = ben.get("/desk/settle/history", headers=EN).text
    assert "A lamp on floor 2" in page and "Ben took what came in" in page


def test_settling_twice_says_that_it_is_settled(ben, contested):
    ben.post(f"/desk/settle/{contested}", {"take": "incoming"})
    again = ben.post(f"/desk/settle/{contested}", {"take": "theirs"})
    assert "said=already-settled" in again.location
    assert "settled it already" in ben.get(again.location, headers=EN).text


def test_dao_may_not_settle_what_is_not_hers(app, dao, contested):
    assert dao.post(f"/desk/settle/{contested}", {"take": "incoming"}).status_code == 404
    assert dao.post(f"/desk/settle/{contested}/reopen").status_code == 404
    assert details(app) == "A lamp on floor 2"


def test_a_tick_after_a_cancel_is_told_with_its_phone_and_how_late(app, ben, desk, phone):
    ben.post(f"/desk/task/{cast.TASK}/cancel", {"reason": "Rain", "base": "1"})
    phone.op("task.complete", cast.TASK, {"note": "Done all the same"}, by=cast.ANA)
    phone.send()
    page = ben.get("/desk/settle/", headers=EN).text
    for word in ("Rain", "Done all the same", "Ana", "Test phone", "after it had been cancelled"):
        assert word in page
    with app.app_context():
        merge = db.session.scalars(Conflict.unsettled(cast.HOME)).one().id
    ben.post(f"/desk/settle/{merge}", {"take": "incoming"})
    with app.app_context():
        task = db.session.get(Task, (cast.HOME, cast.TASK))
        assert task.done_by_id == cast.ANA and task.cancelled_at is None


def test_a_record_tells_everything_that_happened_to_it(ben, desk):
    desk("task.complete", cast.TASK, {"note": "Two buckets"}, by=cast.ANA)
    desk("task.undo", cast.TASK, by=cast.ANA)
    page = ben.get(f"/desk/record/task/{cast.TASK}", headers=EN).text
    for word in ("planned", "done", "taken back", "Two buckets", "Ana", "Lodge itself"):
        assert word in page


def test_what_was_kept_aside_can_be_seen_with_its_payload(ben, phone):
    phone.op("task.complete", cast.TASK, {"nonsense": "what I did"}, by=cast.ANA)
    phone.op("no.such_kind", cast.TASK, {"more": "deferred words"}, by=cast.ANA)
    phone.send()
    page = ben.get("/desk/aside", headers=EN).text
    assert "what I did" in page and "could not be read" in page


def test_nobody_sees_more_of_a_record_than_their_role_needs(desk, sat):
    sue = cast.named("sue")
    desk("person.add", sue, {"name": "Sue", "roles": ["service_desk"]}, by=cast.EVE)
    assert sat(sue).get(f"/desk/record/task/{cast.TASK}").status_code == 200
    assert sat(sue).get(f"/desk/record/person/{cast.ANA}").status_code == 404
    assert sat(sue).get("/desk/aside").status_code == 403


@pytest.mark.parametrize("id_", ["nonsense", "%00", "'; DROP TABLE op", "x" * 4000])
def test_an_address_that_names_nothing_is_not_found(ben, id_):
    assert ben.get(f"/desk/record/task/{id_}").status_code == 404


def test_a_script_in_a_name_is_only_text(ben, desk):
    desk("visit.arrive", None, {"visitor": "<script>alert(1)</script>", "purpose": "other"})
    assert "<script>alert" not in ben.get("/desk/visits/").text


def test_every_edit_at_the_desk_stands_in_the_log_under_its_author(app, ben):
    ben.post(f"/desk/task/{cast.TASK}/cancel", {"reason": "Rain", "base": "1"})
    with app.app_context():
        op = db.session.scalars(select(LoggedOp).where(LoggedOp.kind == "task.cancel")).one()
        assert (op.by, op.status, op.base) == (cast.BEN, "applied", 1)
