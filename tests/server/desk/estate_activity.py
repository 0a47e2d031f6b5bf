"""Records of every type, made through the write path: what the pages of a busy estate show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask

from server.auth.devices import revoke_device
from server.db.engine import db
from server.jobs import scheduler
from server.models.conflicts import Conflict
from server.models.patrol import PatrolRound
from server.oplog.receive import make_op, submit_many
from sync.accountability.categories import category_id
from sync.accountability.categories_content import CATEGORIES
from sync.quality.checklists_content import CHECKLISTS, checklist_id
from sync.training.cards import card_id
from sync.training.handbook import load_handbook
from tests.phone_client import PhoneClient
from tests.seed_data import (
    ANA,
    BEN,
    CHU,
    EVE,
    FLAT,
    GATE,
    HOME_SITE,
    STAIRS,
    TASKS,
    fixed_id,
    label,
    task_payload,
)

Step = tuple[str, str, str, dict[str, Any]]
"""An op: its author, kind, record and payload."""

NOW = datetime.now(UTC)
CATEGORY = category_id(HOME_SITE, "AC-1")
CARD = card_id(HOME_SITE, "CASE-01")
CARD_CONTENT = next(card for card in load_handbook().cards if card["code"] == "CASE-01")
CHECKLIST = checklist_id(HOME_SITE, "IT-01")
TICKET = {"channel": "in_person", "matter": "report", "contact": "1203", "details": "Lamp dark"}
FIRM, ENTRY, LOST, FOUND = map(fixed_id, ("firm", "entry", "lost", "found"))
CASE, SHIFT, SESSION = map(fixed_id, ("case", "shift", "session"))
ROUTE, NORTH, ACCOUNT = map(fixed_id, ("route", "north", "account"))
WANG, LI, FROM_GATE = map(fixed_id, ("wang", "li", "pass"))
LAMP, VALVE, DOOR = map(fixed_id, ("lamp", "valve", "door"))


def hours(number: float) -> str:
    """The time so many hours from now; a negative number is in the past."""
    return (NOW + timedelta(hours=number)).isoformat()


def ticket_steps() -> Iterator[Step]:
    """Three tickets: escalated, closed with ratings, and one for a role."""
    for ticket in (LAMP, VALVE, DOOR):
        yield CHU, "ticket.open", ticket, {**TICKET, "urgency": "urgent", "area": STAIRS}
    yield CHU, "ticket.hold", LAMP, {"for_id": ANA}
    yield CHU, "ticket.escalate", LAMP, {"to_id": BEN, "reason": "major", "note": "water"}
    yield BEN, "ticket.accept", LAMP, {}
    yield BEN, "ticket.give_back", LAMP, {"reason": "not ours"}
    yield BEN, "ticket.escalate", LAMP, {"to_id": EVE, "reason": "unclear"}
    yield BEN, "ticket.promise", LAMP, {"promised_at": hours(1)}
    yield CHU, "ticket.hand_over", VALVE, {"handler_id": ANA, "reason": "pipes"}
    yield ANA, "ticket.accept", VALVE, {}
    yield ANA, "ticket.register", VALVE, {"item": "valve", "condition": "cracked"}
    yield ANA, "ticket.pass_on", VALVE, {"item": "valve", "to": "the smith"}
    yield ANA, "ticket.follow", VALVE, {"text": "looked"}
    yield CHU, "ticket.enquire", VALVE, {"who": "Mr Fir", "answered": "tomorrow"}
    yield ANA, "ticket.resolve", VALVE, {"how": "new valve"}
    yield ANA, "ticket.return_item", VALVE, {"item": "valve", "to": "resident"}
    marks = {"reception": "good", "patience": "fair", "guidance": "poor"}
    yield (
        CHU,
        "ticket.feed_back",
        VALVE,
        {"reaction": "unsatisfied", "because": "x", "marks": marks},
    )
    yield CHU, "ticket.reopen", VALVE, {"reason": "drips"}
    yield CHU, "ticket.hand_over", DOOR, {"role": "service_desk"}


def gate_steps() -> Iterator[Step]:
    """Visits, a gate pass, home entries."""
    yield CHU, "visit.arrive", WANG, {"visitor": "Mr Wang", "purpose": "service", "plate": "A1"}
    yield CHU, "visit.attend", WANG, {"step": "greeted"}
    yield CHU, "visit.presume_left", WANG, {}
    yield CHU, "visit.expect", LI, {"visitor": "Ms Li", "purpose": "family", "host_unit": FLAT}
    yield CHU, "visit.admit", LI, {"id_checked": True}
    yield BEN, "visit.hold", LI, {"reason": "court"}
    yield CHU, "release.record", FROM_GATE, {"what": "Sofa", "host_unit": FLAT}
    yield BEN, "contractor.add", FIRM, {"name": "Spruce", "service": "tv", "accountable_id": EVE}
    yield (
        CHU,
        "entry.begin",
        ENTRY,
        {"unit": FLAT, "purpose": "Cable", "worker": "Lu"} | {"contractor": FIRM},
    )
    yield CHU, "entry.end", ENTRY, {"resident_present": True, "acknowledgement": "verbal"}


def service_steps() -> Iterator[Step]:
    """A lost item, a found item, an arrears account."""
    yield CHU, "lost.open", LOST, {"item": "Organiser", "unit": FLAT, "contact": "1203"}
    yield CHU, "lost.compile", LOST, {"since": hours(-9), "before": hours(1), "unit": FLAT}
    yield CHU, "lost.state", LOST, {"party": f"{FIRM}|Lu", "name": "Lu", "declined": True}
    yield CHU, "lost.offer_police", LOST, {"answer": "undecided"}
    yield CHU, "lost.tell", LOST, {"said": "all we know"}
    yield BEN, "lost.contract_out", LOST, {"contractor": FIRM}
    yield ANA, "find.record", FOUND, {"what": "A key", "place": "办公室", "area": STAIRS}
    yield CHU, "find.notify", FOUND, {"told_whom": "1203"}
    yield CHU, "find.keep", FOUND, {"keeper": "Chu", "place": "岗亭"}
    lines = [{"what": "Fee", "period": "2026-10", "cents": 12345}]
    yield BEN, "arrears.list", ACCOUNT, {"unit": FLAT, "lines": lines, "batch": "nov"}
    yield BEN, "arrears.assign", ACCOUNT, {"collector_id": BEN}
    yield BEN, "arrears.call", ACCOUNT, {"outcome": "wrong_number", "override_reason": "x"}
    yield BEN, "arrears.dispute", ACCOUNT, {"details": "not ours", "contact": "1203"}


def work_steps() -> Iterator[Step]:
    """Tasks done, skipped, undone and assigned; a schedule, a route, a shift, the weather."""
    yield ANA, "task.complete", TASKS[0], {"note": "two buckets"}
    yield ANA, "task.undo", TASKS[0], {}
    yield ANA, "task.skip", TASKS[1], {"reason": "wet"}
    yield BEN, "task.cancel", TASKS[2], {"reason": "twice"}
    assigned = {"label": "Sweep", "area_id": GATE, "responsible_id": ANA, "reason": "Wind"}
    yield BEN, "task.assign", fixed_id("sweep"), {**assigned, "window_end": hours(2)}
    schedule = {"code": "CL-09", "clause": "C10", "label": label("杀虫", "Pests"), "grace": 5}
    when = {"rrule": "FREQ=DAILY", "window": "P1D", "dtstart": "2026-01-01T00:00:00+08:00"}
    kind = {"area_kind": "stairwell", "role": "service_desk", "needs_confirmation": True}
    yield EVE, "schedule.add", fixed_id("schedule"), {**schedule, **when, **kind}
    point = {"label": label("点", "Point"), "area_id": GATE, "route": label("夜", "Night")}
    yield EVE, "checkpoint.add", NORTH, point
    route = {"label": label("夜巡", "Night round"), "points": [NORTH], "fastest": 0}
    yield EVE, "route.add", ROUTE, {**route, **when, "responsible_id": CHU, "active": True}
    yield CHU, "scan.record", fixed_id("walk"), {"checkpoint": NORTH, "method": "code"}
    yield CHU, "shift.open", SHIFT, {"uniform": False}
    yield CHU, "shift.hand_over", SHIFT, {"to": ANA, "items": {f"task:{TASKS[3]}": "Mop"}}
    yield CHU, "weather.report", fixed_id("snow"), {"sort": "snow", "areas": [STAIRS]}


def review_steps() -> Iterator[Step]:
    """An inspection, a training session, a certificate, a case that waits for a statement."""
    yield EVE, "template.add", CHECKLIST, CHECKLISTS[0]
    results = {"template_id": CHECKLIST, "edition": 1, "area": STAIRS, "rest": "fail"}
    actions = {"rest_action": "rectify", "performers": [ANA], "notes": {"piled": "Sofa"}}
    yield BEN, "inspection.record", fixed_id("inspection"), results | actions
    noted = {**results, "actions": {"corners": "noted"}}
    yield EVE, "inspection.record", fixed_id("another inspection"), noted
    yield EVE, "card.add", CARD, {**CARD_CONTENT, "pack": "handbook 1"}
    prompts = [prompt["zh"] for prompt in CARD_CONTENT["prompts"]]
    payload = {"case": CARD, "cards": [f"cases:{CARD}"], "prompts": prompts, "attendees": [ANA]}
    yield BEN, "session.begin", SESSION, payload
    answer = {"person": ANA, "prompt": 0, "approach": "A", "text": "Write it down"}
    yield BEN, "session.answer", SESSION, answer
    yield BEN, "readiness.attest", fixed_id("attested"), {"person": ANA, "item": "etiquette"}
    yield EVE, "category.add", CATEGORY, CATEGORIES[0]
    yield EVE, "category.publish", CATEGORY, {}
    yield ANA, "category.acknowledge", CATEGORY, {}
    facts = [{"code": "told_against", "at": hours(0), "text": "Bins"}]
    raised = {"category_id": CATEGORY, "sub": "1a", "subject_kind": "person", "answers_id": ANA}
    yield BEN, "case.raise", CASE, {**raised, "facts": facts}
    yield BEN, "case.ask", CASE, {"answer_until": hours(48)}
    team = fixed_id("team")
    yield BEN, "team.add", team, {"name": "Night watch", "leader_id": CHU, "member_ids": [ANA]}
    yield BEN, "team.change", team, {"leader_id": ANA, "member_ids": [CHU]}
    about = {**raised, "subject_kind": "team", "subject_id": team, "facts": facts}
    yield BEN, "case.raise", fixed_id("case of a team"), about


ALL_STEPS = (ticket_steps, gate_steps, service_steps, work_steps, review_steps)


def make_activity(app: Flask, desk_op: Callable[..., Any], phone: PhoneClient) -> None:
    """Submit every step; then patrols, a missed task, a conflict, and ops in quarantine."""
    for steps in ALL_STEPS:
        for by, kind, subject, payload in steps():
            verdict = desk_op(kind, subject, payload, by=by, at=_time_of(kind))
            assert verdict["status"] == "applied", (kind, verdict)
    over = {"window_start": hours(-30), "window_end": hours(-24)}
    with app.app_context():
        missed = make_op("task.plan", fixed_id("missed"), {**task_payload(), **over})
        submit_many(HOME_SITE, [missed])
        scheduler.plan(HOME_SITE, datetime.now(UTC))
    _skip_a_checkpoint(app, desk_op)
    _contest_a_ticket(app, desk_op)
    _quarantine_ops(app, phone)


def _time_of(kind: str) -> datetime:
    """Routes were added two days ago, so that there is a round today."""
    return datetime.now(UTC) - timedelta(days=2 if kind == "route.add" else 0)


def _skip_a_checkpoint(app: Flask, desk_op: Callable[..., Any]) -> None:
    with app.app_context():
        rounds = PatrolRound.between(HOME_SITE, NOW, NOW + timedelta(minutes=1))
        round_id = db.session.scalars(rounds).one().id
    desk_op("round.scan", round_id, {"checkpoint": NORTH, "method": "manual"}, by=CHU)
    to = {"to": round_id, "because": "was on it"}
    assert desk_op("scan.move", fixed_id("walk"), to, by=BEN)["status"] == "applied"


def _contest_a_ticket(app: Flask, desk_op: Callable[..., Any]) -> None:
    """Two conflicts about the details of tickets; one of them is resolved."""
    for ticket in (DOOR, VALVE):
        for by, details in ((EVE, "By the lift"), (BEN, "By the stairs")):
            desk_op(
                "ticket.revise", ticket, {"details": details, "urgency": "normal"}, by=by, base=1
            )
    with app.app_context():
        conflicts = db.session.scalars(Conflict.unsettled(HOME_SITE)).all()
    assert len(conflicts) > 1
    desk_op("merge.settle", conflicts[0].id, {"take": "incoming"})


def _quarantine_ops(app: Flask, phone: PhoneClient) -> None:
    """An op that cannot be read, one that waits for another, one of a blocked phone, a refused."""
    phone.add_op("ticket.open", fixed_id("q"), {**TICKET, "channel": "smoke", "mood": "x"}, by=CHU)
    phone.add_op("task.complete", TASKS[2], {}, by=ANA)
    phone.add_op("task.complete", TASKS[4], {}, by=ANA, after=fixed_id("never sent"))
    phone.send_outbox()
    with app.app_context():
        revoke_device(HOME_SITE, phone.device, lost=False)
    phone.add_op("ticket.open", fixed_id("h"), {**TICKET, "channel": "on_round"}, by=CHU)
    phone.send_outbox()
