"""Conflicts: both versions, settling and undoing; record history; the quarantine list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models.conflicts import Conflict
from server.models.oplog import LoggedOp
from server.models.tasks import Task
from server.models.tickets import Ticket
from server.oplog.replay import find_faults
from sync.protocol.clock import format_time
from tests import seed_data
from tests.server.conftest import is_refused

TICKET_PAYLOAD = {
    "channel": "phone",
    "matter": "report",
    "contact": "1203",
    "details": "A lamp is dark",
}
TICKET_ID = seed_data.fixed_id("ticket")
THREE_TASKS = [seed_data.fixed_id(f"stairs {n}") for n in range(3)]
EN = {"Accept-Language": "en"}


@pytest.fixture
def contested_revision(app, desk_op):
    """The id of a conflict: Ben and Eve changed the same text from the same version."""
    base = desk_op("ticket.open", TICKET_ID, TICKET_PAYLOAD)["version"]
    desk_op(
        "ticket.revise", TICKET_ID, {"details": "A lamp on floor 2"}, by=seed_data.EVE, base=base
    )
    verdict = desk_op("ticket.revise", TICKET_ID, {"details": "A lamp by the lift"}, base=base)
    assert verdict["status"] == "contested"
    with app.app_context():
        return db.session.scalars(Conflict.unsettled(seed_data.HOME_SITE)).one().id


def ticket_details(app) -> str:
    with app.app_context():
        return db.session.get(Ticket, (seed_data.HOME_SITE, TICKET_ID)).details


def test_a_conflict_shows_both_versions_and_authors(ben, contested_revision):
    page = ben.get("/desk/settle/", headers=EN).text
    for word in (
        "A lamp on floor 2",
        "A lamp by the lift",
        "Ben",
        "Eve",
        "without seeing each other",
    ):
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
def test_settle_and_reopen_a_conflict(app, ben, contested_revision, form, after):
    answer = ben.post(f"/desk/settle/{contested_revision}", form)
    assert answer.location.startswith("/desk/settle/?settled=")
    assert ticket_details(app) == after
    page = ben.get(answer.location, headers=EN).text
    assert f"/desk/settle/{contested_revision}/reopen" in page
    ben.post(f"/desk/settle/{contested_revision}/reopen")
    assert ticket_details(app) == "A lamp on floor 2"
    assert "A lamp by the lift" in ben.get("/desk/settle/").text, "it waits again"


def test_resolved_conflicts_are_listed(ben, contested_revision):
    ben.post(f"/desk/settle/{contested_revision}", {"take": "incoming"})
    page = ben.get("/desk/settle/history", headers=EN).text
    assert "A lamp on floor 2" in page and "chose A lamp by the lift" in page


def test_a_conflict_is_settled_only_once(ben, contested_revision):
    ben.post(f"/desk/settle/{contested_revision}", {"take": "incoming"})
    again = ben.post(f"/desk/settle/{contested_revision}", {"take": "theirs"})
    assert is_refused(again, "already-settled")


def test_another_site_cannot_settle_a_conflict(app, dao, contested_revision):
    assert dao.post(f"/desk/settle/{contested_revision}", {"take": "incoming"}).status_code == 404
    assert dao.post(f"/desk/settle/{contested_revision}/reopen").status_code == 404
    assert ticket_details(app) == "A lamp on floor 2"


def test_a_task_done_after_its_cancellation_makes_a_conflict(app, ben, desk_op, phone):
    ben.post(f"/desk/task/{seed_data.TASK}/cancel", {"reason": "Rain", "base": "1"})
    phone.add_op("task.complete", seed_data.TASK, {"note": "Done all the same"}, by=seed_data.ANA)
    phone.send_outbox()
    page = ben.get("/desk/settle/", headers=EN).text
    for word in (
        "Rain",
        "Done all the same",
        "Ana",
        "Test phone",
        "done after it had been cancelled",
    ):
        assert word in page
    with app.app_context():
        merge = db.session.scalars(Conflict.unsettled(seed_data.HOME_SITE)).one().id
    ben.post(f"/desk/settle/{merge}", {"take": "incoming"})
    with app.app_context():
        task = db.session.get(Task, (seed_data.HOME_SITE, seed_data.TASK))
        assert task.done_by_id == seed_data.ANA and task.cancelled_at is None


def test_a_record_page_shows_its_history(ben, desk_op):
    desk_op("task.complete", seed_data.TASK, {"note": "Two buckets"}, by=seed_data.ANA)
    desk_op("task.undo", seed_data.TASK, by=seed_data.ANA)
    page = ben.get(f"/desk/record/task/{seed_data.TASK}", headers=EN).text
    for word in ("The task was planned", "did it", "took that back", "Two buckets", "Ana"):
        assert word in page


def test_the_quarantine_list_shows_payloads(ben, phone):
    phone.add_op("task.complete", seed_data.TASK, {"nonsense": "what I did"}, by=seed_data.ANA)
    phone.add_op("no.such_kind", seed_data.TASK, {"more": "deferred words"}, by=seed_data.ANA)
    phone.send_outbox()
    page = ben.get("/desk/aside/", headers=EN).text
    assert "what I did" in page and "Could not be read" in page


def test_the_service_desk_sees_fewer_record_types(desk_op, signed_in):
    sue = seed_data.fixed_id("sue")
    desk_op("person.add", sue, {"name": "Sue", "roles": ["service_desk"]}, by=seed_data.EVE)
    assert signed_in(sue).get(f"/desk/record/task/{seed_data.TASK}").status_code == 200
    assert signed_in(sue).get(f"/desk/record/person/{seed_data.ANA}").status_code == 404
    assert signed_in(sue).get("/desk/aside/").status_code == 403


@pytest.mark.parametrize("id_", ["nonsense", "%00", "'; DROP TABLE op", "x" * 4000])
def test_an_invalid_record_id_is_not_found(ben, id_):
    assert ben.get(f"/desk/record/task/{id_}").status_code == 404


def test_a_script_in_a_name_is_escaped(ben, desk_op):
    desk_op("visit.arrive", None, {"visitor": "<script>alert(1)</script>", "purpose": "other"})
    assert "<script>alert" not in ben.get("/desk/visits/").text


def test_a_desk_edit_is_logged_under_its_author(app, ben):
    ben.post(f"/desk/task/{seed_data.TASK}/cancel", {"reason": "Rain", "base": "1"})
    with app.app_context():
        op = db.session.scalars(select(LoggedOp).where(LoggedOp.kind == "task.cancel")).one()
        assert (op.by, op.status, op.base) == (seed_data.BEN, "applied", 1)


@pytest.mark.rule("M8")
def test_three_items_of_a_cancelled_task_are_one_card(app, ben, desk_op, phone):
    task = seed_data.fixed_id("bins")
    items = [{"zh": "垃圾箱", "en": "Bins"}, {"zh": "垃圾车", "en": "Carts"}]
    home = {"items": items, "unit_id": seed_data.FLAT}
    desk_op("task.plan", task, seed_data.task_payload() | home)
    desk_op("task.cancel", task, {"reason": "Rain"}, base=1)
    for item in (0, 1, 0):
        phone.add_op("task.tick", task, {"item": item, "leaves": "partial"}, by=seed_data.ANA)
    phone.send_outbox()
    page = ben.get("/desk/settle/").text
    with app.app_context():
        conflict = db.session.scalars(Conflict.unsettled(seed_data.HOME_SITE)).one()
        assert len(conflict.more_op_ids) == 2
    assert page.count('<form class="q"') == 1
    assert "垃圾箱" in page and "垃圾车" in page and "分项 0" not in page
    assert "1203" in page
    note = {"take": "theirs", "settlement_note": "Ana did not know"}
    ben.post(f"/desk/settle/{conflict.id}", note)
    assert "Ana did not know" in ben.get("/desk/settle/history").text
    history = ben.get(f"/desk/record/task/{task}", headers=EN).text
    for words in (
        *("Two records do not agree", "One more record belongs to the same question"),
        *("Bins", "Ana did not know"),
    ):
        assert words in history


@pytest.mark.rule("M7")
def test_a_question_settles_itself_when_the_earlier_repair_arrives(app, ben, desk_op, phone):
    desk_op("ticket.open", TICKET_ID, TICKET_PAYLOAD)
    phone.add_op("ticket.resolve", TICKET_ID, {"how": "New lamp"}, by=seed_data.BEN)
    (repair,), phone.outbox = phone.outbox, []
    desk_op("ticket.feed_back", TICKET_ID, {"reaction": "satisfied"})
    assert "before the work was done" in ben.get("/desk/settle/", headers=EN).text
    phone.outbox = [repair]
    phone.send_outbox()
    page = ben.get("/desk/settle/", headers=EN).text
    assert '<form class="q"' not in page and "What arrived later answered it" in page
    assert "No decision was needed" in ben.get("/desk/settle/history", headers=EN).text
    history = ben.get(f"/desk/record/ticket/{TICKET_ID}", headers=EN).text
    assert "The question settled itself" in history and "Work done" in history
    with app.app_context():
        assert db.session.get(Ticket, (seed_data.HOME_SITE, TICKET_ID)).closed_at
        assert find_faults(seed_data.HOME_SITE) == []


@pytest.mark.rule("M7")
def test_what_somebody_said_of_themselves_is_answered_by_another_person(app, ben, desk_op):
    own, other = seed_data.fixed_id("own word"), seed_data.fixed_id("another word")
    skill = {"person": seed_data.BEN, "item": "etiquette"}
    desk_op("readiness.attest", own, skill, by=seed_data.BEN)
    desk_op("readiness.attest", None, {**skill, "item": "fees"}, by=seed_data.EVE)
    assert "confirmed their own skill" in ben.get("/desk/settle/", headers=EN).text
    desk_op("readiness.attest", other, skill, by=seed_data.EVE)
    page = ben.get("/desk/settle/", headers=EN).text
    assert '<form class="q"' not in page and "What arrived later answered it" in page
    history = ben.get(f"/desk/record/readiness/{own}", headers=EN).text
    assert "The question settled itself" in history
    with app.app_context():
        assert find_faults(seed_data.HOME_SITE) == []


@pytest.mark.rule("M8", "T3")
def test_work_before_and_after_a_cancellation_is_one_question(app, ben, desk_op, phone):
    phone.add_op("task.complete", seed_data.TASK, {}, by=seed_data.ANA)
    desk_op("task.cancel", seed_data.TASK, {"reason": "Rain"})
    phone.add_op("task.complete", seed_data.TASK, {"note": "Again"}, by=seed_data.CHU)
    phone.send_outbox()
    page = ben.get("/desk/settle/", headers=EN).text
    assert page.count('<form class="q"') == 1
    assert "done before it was cancelled" in page and "Chu" in page


@pytest.fixture
def cancelled_and_done(app, desk_op, phone):
    """The ids of three conflicts: tasks that Ben cancelled for the same reason and Ana did."""
    for n, task in enumerate(THREE_TASKS):
        desk_op("task.plan", task, seed_data.task_payload() | {"code": f"CL-05/{n}"})
        desk_op("task.cancel", task, {"reason": "Rain"})
        phone.add_op("task.complete", task, {}, by=seed_data.ANA)
    phone.send_outbox()
    with app.app_context():
        return [each.id for each in db.session.scalars(Conflict.unsettled(seed_data.HOME_SITE))]


def done_tasks(app) -> int:
    """How many of the three tasks count as done."""
    with app.app_context():
        tasks = [db.session.get(Task, (seed_data.HOME_SITE, id_)) for id_ in THREE_TASKS]
        return sum(task.cancelled_at is None for task in tasks)


def test_the_same_question_about_three_tasks_is_one_card_with_one_answer(
    app, ben, cancelled_and_done
):
    lead, *others = cancelled_and_done
    page = ben.get("/desk/settle/", headers=EN).text
    assert page.count('<form class="q"') == 1 and page.count('name="also"') == 2
    assert "cancelled or done?" in page and "The same question stands for 2 more" in page
    assert "from 3 records" in page and "No photo." in page
    answer = ben.post(
        f"/desk/settle/{lead}",
        {"take": "incoming", "also": others[:1], "settlement_note": "It stopped raining"},
    )
    assert answer.status_code == 303 and done_tasks(app) == 2
    page = ben.get(answer.location, headers=EN).text
    assert "and 1 more" in page and page.count('<form class="q"') == 1
    assert ben.get("/desk/settle/history").text.count("It stopped raining") == 2
    ben.post(f"/desk/settle/{lead}/reopen", {"also": others[:1]})
    assert done_tasks(app) == 0, "all that was decided at once is undone at once"
    assert 'name="also"' in ben.get("/desk/settle/").text


def test_of_several_answers_the_page_says_which_were_not_taken(app, ben, cancelled_and_done):
    lead, second, third = cancelled_and_done
    ben.post(f"/desk/settle/{second}", {"take": "theirs"})
    form = {"take": "incoming", "also": [second, third], "settlement_note": "Dry by nine"}
    answer = ben.post(f"/desk/settle/{lead}", form)
    assert done_tasks(app) == 2
    page = ben.get(answer.location, headers=EN).text
    for words in ("and 1 more", "1 not saved.", "already resolved"):
        assert words in page
    again = ben.post(f"/desk/settle/{lead}", form)
    assert is_refused(again, "already-settled") and "Dry by nine" in again.text


def test_questions_are_paged_and_chosen_by_type(ben, desk_op, contested_revision, phone):
    for n, task in enumerate(seed_data.TASKS[:9]):
        desk_op("task.cancel", task, {"reason": f"Rain {n}"})
        phone.add_op("task.complete", task, {}, by=seed_data.ANA)
    phone.send_outbox()
    first = ben.get("/desk/settle/", headers=EN).text
    assert "10 questions" in first and first.count('<form class="q"') == 8
    assert 'href="/desk/settle/?page=2"' in first
    assert ben.get("/desk/settle/?page=2").text.count('<form class="q"') == 2
    tickets = ben.get("/desk/settle/?type=ticket", headers=EN).text
    assert tickets.count('<form class="q"') == 1 and "A lamp by the lift" in tickets


def test_a_card_says_how_late_its_record_came(ben, desk_op, phone):
    desk_op("task.cancel", seed_data.TASK, {"reason": "Rain"})
    done_at = format_time(datetime.now(UTC) - timedelta(hours=2))
    phone.add_op("task.complete", seed_data.TASK, {}, by=seed_data.ANA, at=done_at, boot="before")
    phone.send_outbox()
    assert "2 h later" in ben.get("/desk/settle/", headers=EN).text
