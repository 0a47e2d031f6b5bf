"""What the phone pages show to repair workers, to contractors' workers, and to leaders."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.phone_templates import render_macro, render_page

NOW = "2026-11-24T08:00:00.000Z"
EARLIER, LATER = "2026-11-24T04:00:00.000Z", "2026-11-24T12:00:00.000Z"
LEI = {"id": "lei", "name": "Lei", "roles": ["repair"], "trades": ["plumber"]}


def render(page: str, me: dict[str, Any], records: dict[str, Any], **more: Any) -> str:
    every = ("task", "area", "ticket", "unit", "person", "shift", "category", "case")
    known = {name: [] for name in (*every, "contractor", "rectification", "card", "template")}
    context = {
        **{"records": {**known, **records}, "me": me, "args": {}, "now": NOW, "page": page},
        **{"lang": "en", "people": [me], "phone": {}, "sending": {"state": "all_sent"}},
    }
    return render_page(page, {**context, **more})


def ticket(id_: str, **more: Any) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("asked_role", "asked_trade", "resolved_at", "reaction", "contact", "category", "unit")
    )
    fields = {"state": "in_progress", "handler_id": "lei", "number": "3047128", "things": {}}
    times = {"opened_at": EARLIER, "promised_at": None, "proxy_for": None, "unit_label": None}
    said = {"details": "A leak", "urgency": "normal", "channel": "phone", "area_label": None}
    people = {"first_responder": "Qin", "first_responder_id": "qin", "contractor": None}
    more = {"has_items": False, "merged_into": None, "handler": None, "area": None} | more
    return {"id": id_, **empty, **fields, **times, **said, **people, **more}


def jobs(html: str) -> list[tuple[str, str]]:
    """The jobs of a page, each with its next step."""
    cards = re.findall(r'id="job-(\w+)".*?action="/field/ops/ticket\.(\w+)/', html, re.DOTALL)
    return [(id_, kind) for id_, kind in cards]


def handed(id_: str, trade: str | None = None, role: str = "repair") -> dict[str, Any]:
    asked = {"asked_role": role, "asked_trade": trade, "handler_id": "qin"}
    return ticket(id_, state="handed_over", **asked)


@pytest.mark.rule("K24")
def test_a_repair_worker_sees_what_waits_and_what_is_to_be_done_with_its_next_step() -> None:
    tickets = [
        handed("mine", "plumber"),
        handed("anybody"),
        handed("other", "lifts"),
        handed("guards", role="guard"),
        ticket("begun"),
        ticket("unhappy", resolved_at=EARLIER, reaction="unsatisfied"),
        ticket("repaired", state="resolved", resolved_at=EARLIER),
        ticket("over", state="closed"),
        ticket("somebody", handler_id="gao"),
    ]
    html = render("jobs", LEI, {"ticket": tickets})
    waiting = [("mine", "accept"), ("anybody", "accept")]
    assert jobs(html) == [*waiting, ("begun", "resolve"), ("unhappy", "resolve")]
    assert re.findall(r'id="ticket-(\w+)"', html) == ["repaired"]
    everything = {**LEI, "trades": []}
    assert ("other", "accept") in jobs(render("jobs", everything, {"ticket": tickets}))


def test_a_repair_worker_without_jobs_is_told_so() -> None:
    assert "No jobs waiting." in render("jobs", LEI, {})


def test_a_job_says_where_and_whom_to_call() -> None:
    where = {"unit_label": {"en": "3-301"}, "area_label": {"en": "Building 3"}}
    html = render("jobs", LEI, {"ticket": [ticket("a", contact="13800000000", **where)]})
    assert "3-301" in html and "Building 3" in html and "138****0000" in html


@pytest.mark.rule("K24")
def test_a_ticket_is_handed_to_a_trade_on_the_phone() -> None:
    qin = {"id": "qin", "name": "Qin", "roles": ["service_desk"]}
    records = {"ticket": [ticket("a", handler_id="qin", steward="Qin")]}
    html = render("ticket_transfer", qin, records, args={"id": "a"})
    assert re.findall(r'name="trade"\s+value="(\w+)"', html)[:2] == ["electrician", "plumber"]
    assert 'name="role" value="repair"' in html


def task(id_: str, responsible: str | None, role: str = "cleaner") -> dict[str, Any]:
    empty = dict.fromkeys(("unit", "assigned_by_id", "skip_reason", "planned_at", "note"))
    more = {"code": "CL-05", "label": {"en": "Sweep"}, "area_id": "a", "area": {"en": "Stairs"}}
    lists = {"items": [], "photos": [], "ticked": {}, "confirmed": [], "standing": False}
    times = {"window_start": EARLIER, "window_end": LATER, "until": LATER, "done_by_id": None}
    state = {"state": "open", "responsible_id": responsible, "responsible": responsible}
    return {"id": id_, **empty, **more, **lists, **times, **state, "role": role}


AREA = {"id": "a", "label": {"en": "Stairs"}, "ordinal": 1}
TASKS = [
    *(task("own", "wei"), task("colleague", "xia"), task("ana", "ana")),
    *(task("free", None), task("ours", None, "contractor_worker")),
]
WORKERS = [
    {"id": "wei", "name": "Wei", "roles": ["contractor_worker"], "contractor_id": "f"},
    {"id": "xia", "name": "Xia", "roles": ["contractor_worker"], "contractor_id": "f"},
    {"id": "ana", "name": "Ana", "roles": ["cleaner"], "contractor_id": None},
]


def listed(me: dict[str, Any], tasks: list[dict[str, Any]] = TASKS, **args: str) -> set[str]:
    records = {"task": tasks, "area": [AREA]}
    return set(
        re.findall(r'id="task-(\w+)"', render("tasks", me, records, args=args, people=WORKERS))
    )


@pytest.mark.rule("W8")
def test_a_contractors_worker_sees_and_ticks_the_work_of_their_contractor_alone() -> None:
    wei, _, ana = WORKERS
    assert listed(wei) == {"own"}
    assert listed(wei, who="all") == {"own", "colleague"}
    assert listed({**wei, "contractor_id": None}, who="all") == {"own"}
    records = {"task": TASKS, "area": [AREA]}
    for id_, is_shown in [("colleague", True), ("ana", False), ("ours", False)]:
        html = render("task", wei, records, args={"id": id_}, people=WORKERS)
        assert ("task.complete" in html) == is_shown, id_
    assert listed(ana) == {"ana", "free"}
    assert listed(ana, who="all") == {each["id"] for each in TASKS}


def test_nobody_is_shown_the_work_of_others_as_their_own() -> None:
    bao = {"id": "bao", "name": "Bao", "roles": ["guard"]}
    assert listed(bao) == set()
    html = render("tasks", bao, {"task": TASKS, "area": [AREA]}, people=WORKERS)
    assert "No tasks of your own right now." in html
    assert 'href="/field/tasks?who=all"' in html
    assert listed({**bao, "roles": ["supervisor"]}) == {each["id"] for each in TASKS}


def test_a_leader_begins_with_what_is_late_and_what_waits() -> None:
    ben = {"id": "ben", "name": "Ben", "roles": ["supervisor"]}
    late = {**task("late", "ana"), "until": EARLIER, "window_end": EARLIER}
    tickets = [
        handed("asked", role="supervisor"),
        ticket("promised", promised_at=EARLIER, feedback_at=None),
        ticket("fine"),
    ]
    html = render("board", ben, {"task": [late, *TASKS], "area": [AREA], "ticket": tickets})
    assert 'href="/field/tasks?who=all#area-a"' in html
    assert re.findall(r'id="ticket-(\w+)"', html) == ["asked", "promised"]
    assert "Nothing waiting." in render("board", ben, {})


def test_a_line_of_the_timeline_names_the_trade() -> None:
    event = {"at": NOW, "by": "Qin", "by_id": "qin", "kind": "hand_over"}
    event |= {"role": "repair", "trade": "lifts"}
    ticket = {"certainty": {"qin": "claimed", f"qin {NOW}": "person"}}
    line = render_macro("_parts/ticket.html", "timeline_line", {**event, "to": None}, ticket)
    assert 'data-certainty="person"' in line
    assert "→ Repair worker · Lifts" in line
