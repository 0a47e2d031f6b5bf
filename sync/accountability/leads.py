"""Leads: facts that somebody should answer for, and beside each the facts that speak for that
person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.accountability.case_payloads import IMAGE_FACTS
from sync.protocol.clock import parse_time
from sync.quality.scores import official_inspections
from sync.work.board import (
    SENT_LATE_AFTER,
    BoardPhone,
    BoardTask,
    active_phones,
    task_deadline,
    task_status,
)
from sync.work.patrol_report import ReportedRound, missed_points

SCAN_FLAGS = ("fast", "copied")
"""The flags of a scan that somebody is asked about."""

MISSED_CODES = ("missed", "missed_point")
"""Leads about work that nobody did."""

RECEPTION_CHECKLIST = "IT-09"
POOR_SCORE = 600
"""An inspection with fewer than so many per mille is a poor result (our choice)."""


class LeadRound(ReportedRound, Protocol):
    """The fields of a patrol round that leads read."""

    id: str
    label: dict[str, str]
    responsible_id: str | None


class LeadInspection(Protocol):
    """The fields of an inspection that leads read."""

    id: str
    code: str
    label: dict[str, str]
    person: str | None
    results: dict[str, str]
    score: int | None
    inspected_at: datetime


class LeadTicket(Protocol):
    """The fields of a ticket that leads read."""

    id: str
    number: str
    matter: str
    opened_at: datetime
    promised_at: datetime | None
    first_responder_id: str
    steward_id: str
    reaction: str | None
    feedback_at: datetime | None
    marks: dict[str, str]
    merged_into: str | None


class LeadShift(Protocol):
    """The fields of a shift that leads read."""

    id: str
    person_id: str
    opened_at: datetime
    closed_at: datetime | None
    handed_over_at: datetime | None
    uniform: bool
    note: str | None


class LeadWeather(Protocol):
    """The fields of a weather report that leads read."""

    id: str
    reported_at: datetime
    areas: list[str]


class LeadCase(Protocol):
    """The field of a case that leads read: the facts that it already contains."""

    facts: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Lead:
    """A fact that somebody could be asked about. `code` is one of
    `case_payloads.ACCUSING_FACTS`, and `reason` the one that the person gave."""

    code: str
    type: str
    id: str
    at: datetime
    person_id: str | None
    record: Any = field(compare=False)
    text: str = ""
    reason: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.code, self.type, self.id)


def missed_task_leads(
    tasks: Iterable[BoardTask], phones: Iterable[BoardPhone], now: datetime
) -> list[Lead]:
    """A17: confirmed missed tasks that are not decided, or decided as a case."""
    active = active_phones(phones)
    return [
        Lead("missed", "task", task.id, task_deadline(task), task.responsible_id, task)
        for task in tasks
        if task.disposition in (None, "case") and task_status(task, active, now) == "missed"
    ]


def missed_point_leads(
    rounds: Iterable[LeadRound], phones: Sequence[BoardPhone], now: datetime
) -> list[Lead]:
    """A17: patrols with confirmed missed checkpoints that are not decided, or decided as a case.

    The text is the numbers of these checkpoints.
    """
    leads = []
    for round_ in rounds:
        codes = [
            point["code"]
            for point in missed_points(round_, phones, now)
            if round_.disposed.get(point["checkpoint"], {}).get("disposition") in (None, "case")
        ]
        if codes:
            person, text = round_.responsible_id, ", ".join(codes)
            end = round_.window_end
            leads.append(Lead("missed_point", "round", round_.id, end, person, round_, text))
    return leads


def flagged_scan_leads(rounds: Iterable[LeadRound]) -> list[Lead]:
    """A17: scans that were too fast or of an invalid label."""
    return [
        Lead(flag, "round", round_.id, parse_time(scan["at"]), scan["by_id"], round_)
        for round_ in rounds
        for scan in round_.scans.values()
        for flag in SCAN_FLAGS
        if flag in scan.get("flags", ())
    ]


def broken_promise_leads(tickets: Iterable[LeadTicket]) -> list[Lead]:
    """A17: promised feedback that was not given in time; whoever is responsible is asked."""
    return [
        Lead("breach", "ticket", ticket.id, ticket.promised_at, ticket.steward_id, ticket)
        for ticket in tickets
        if ticket.promised_at
    ]


def uniform_leads(shifts: Iterable[LeadShift]) -> list[Lead]:
    """A17: shifts without work clothes, with the note that was given."""
    return [
        Lead(
            "no_uniform",
            "shift",
            shift.id,
            shift.opened_at,
            shift.person_id,
            shift,
            reason=shift.note or "",
        )
        for shift in shifts
        if not shift.uniform
    ]


def image_leads(tickets: Iterable[LeadTicket], inspections: Iterable[LeadInspection]) -> list[Lead]:
    """A19: what residents complained about or rated poorly, failed checks of the reception, and
    poor results of official inspections. No person is guessed where nobody named one."""
    leads = []
    for ticket in tickets:
        if ticket.merged_into:
            continue
        if ticket.matter == "complaint":
            leads.append(Lead("complaint", "ticket", ticket.id, ticket.opened_at, None, ticket))
        poor = {quality for quality, rating in ticket.marks.items() if rating == "poor"}
        if ticket.feedback_at and (poor or ticket.reaction == "unsatisfied"):
            person = ticket.first_responder_id if "reception" in poor else ticket.steward_id
            at = ticket.feedback_at
            leads.append(Lead("poor_rating", "ticket", ticket.id, at, person, ticket))
    for inspection in official_inspections(inspections):
        code = _inspection_code(inspection)
        if code:
            at, person = inspection.inspected_at, inspection.person
            leads.append(Lead(code, "inspection", inspection.id, at, person, inspection))
    return leads


def _inspection_code(inspection: LeadInspection) -> str | None:
    if inspection.code == RECEPTION_CHECKLIST and "fail" in inspection.results.values():
        return "reception"
    is_poor = inspection.score is not None and inspection.score < POOR_SCORE
    return "poor_mark" if is_poor else None


def is_about_image(lead: Lead) -> bool:
    """Whether a lead may concern the category of damage to the company's image [G6]."""
    return lead.code in IMAGE_FACTS


def leads_without_case(leads: Iterable[Lead], cases: Iterable[LeadCase]) -> list[Lead]:
    """A17: leads that no case contains yet, without duplicates, the newest first."""
    in_cases = {(fact["code"], fact["type"], fact["id"]) for case in cases for fact in case.facts}
    open_leads = {lead.key: lead for lead in leads if lead.key not in in_cases}
    return sorted(open_leads.values(), key=lambda lead: (lead.at, lead.id), reverse=True)


@dataclass(frozen=True, slots=True)
class LeadContext:
    """Other records of the site from about the time of a lead."""

    tasks: Sequence[Any] = ()
    shifts: Sequence[LeadShift] = ()
    weather: Sequence[LeadWeather] = ()
    phones: Sequence[BoardPhone] = ()
    rounds: Sequence[LeadRound] = ()


def excusing_facts(lead: Lead, context: LeadContext) -> list[dict[str, Any]]:
    """A18: what speaks for the person: skips with a reason, late phones, being off duty, and so
    on."""
    if lead.person_id is None:
        return []
    facts = [
        *_skipped_facts(lead, context),
        *_late_phone_facts(lead, context),
        *_helper_facts(lead),
        *_satisfied_facts(lead),
    ]
    if lead.code in MISSED_CODES:
        facts += [
            *_lost_phone_facts(lead, context),
            *_off_duty_facts(lead, context),
            *_weather_facts(lead, context),
        ]
    return facts


def _fact_item(
    code: str, type_: str, id_: str, at: datetime, text: str = "", **reason: str
) -> dict[str, Any]:
    return {"code": code, "type": type_, "id": id_, "at": at, "text": text, **reason}


def _is_within_a_day(lead: Lead, moment: datetime) -> bool:
    return abs(moment - lead.at) < timedelta(hours=24)


def _skipped_facts(lead: Lead, context: LeadContext) -> list[dict[str, Any]]:
    own_skips = [
        task for task in context.tasks if task.responsible_id == lead.person_id and task.skipped_at
    ]
    return [
        _fact_item("skipped", "task", task.id, task.skipped_at, reason=task.skip_reason or "")
        for task in own_skips
        if _is_within_a_day(lead, task.skipped_at)
    ] + _skipped_point_facts(lead, context)


def _skipped_point_facts(lead: Lead, context: LeadContext) -> list[dict[str, Any]]:
    """Checkpoints that the person skipped with a reason, each with its number."""
    facts = []
    for round_ in context.rounds:
        codes = {point["checkpoint"]: point["code"] for point in round_.points}
        for id_, skip in round_.skips.items():
            at = parse_time(skip["at"])
            if skip["by_id"] == lead.person_id and _is_within_a_day(lead, at):
                number, reason = codes.get(id_, ""), skip["reason"]
                facts.append(_fact_item("skipped", "round", round_.id, at, number, reason=reason))
    return facts


def _satisfied_facts(lead: Lead) -> list[dict[str, Any]]:
    """The resident of a ticket was satisfied in the end."""
    if lead.type != "ticket" or lead.record.reaction != "satisfied":
        return []
    return [_fact_item("satisfied", "ticket", lead.id, lead.record.feedback_at)]


def _late_phone_facts(lead: Lead, context: LeadContext) -> list[dict[str, Any]]:
    """The person's work that was done in time but arrived late, because the phone had no signal."""
    return [
        _fact_item("late_phone", "task", task.id, task.done_at)
        for task in context.tasks
        if task.done_at
        and task.done_by_id == lead.person_id
        and _is_within_a_day(lead, task.done_at)
        if (task.done_received_at or task.done_at) - task.done_at > SENT_LATE_AFTER
    ]


def _helper_facts(lead: Lead) -> list[dict[str, Any]]:
    """Parts of the missed work that somebody else did."""
    name = {"missed": "ticked", "missed_point": "scans"}.get(lead.code, "")
    ticked = getattr(lead.record, name, None) or {}
    return [
        _fact_item("helped", lead.type, lead.id, parse_time(tick["at"]))
        for tick in ticked.values()
        if tick["by_id"] != lead.person_id
    ]


def _lost_phone_facts(lead: Lead, context: LeadContext) -> list[dict[str, Any]]:
    """Phones that were lost or revoked and may have held the missing record."""
    phones = [
        phone
        for phone in context.phones
        if phone.enrolled_at < lead.at and (phone.lost_at or phone.revoked_at)
    ]
    return [_fact_item("late_phone", "device", phone.id, lead.at, phone.label) for phone in phones]


def _off_duty_facts(lead: Lead, context: LeadContext) -> list[dict[str, Any]]:
    """The person had no shift in the time window of the task."""
    begins = lead.record.window_start
    on_duty = [
        shift
        for shift in context.shifts
        if shift.person_id == lead.person_id and shift.opened_at < lead.at
        if (shift.closed_at or shift.handed_over_at or lead.at) > begins
    ]
    return [] if on_duty else [_fact_item("off_duty", lead.type, lead.id, begins)]


def _weather_facts(lead: Lead, context: LeadContext) -> list[dict[str, Any]]:
    areas = (
        {point["area_id"] for point in lead.record.points}
        if lead.type == "round"
        else {lead.record.area_id}
    )
    return [
        _fact_item("weather", "weather", event.id, event.reported_at)
        for event in context.weather
        if areas & set(event.areas) and _is_within_a_day(lead, event.reported_at)
    ]
