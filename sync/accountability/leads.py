"""Leads: facts that somebody should answer for, and beside each the facts that speak for that
person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sync.protocol.clock import parse_time
from sync.work.board import (
    SENT_LATE_AFTER,
    BoardPhone,
    BoardTask,
    active_phones,
    task_deadline,
    task_status,
)

SCAN_FLAGS = ("fast", "copied")
"""The flags of a scan that somebody is asked about."""


class LeadRound(Protocol):
    """The fields of a patrol round that leads read."""

    id: str
    label: dict[str, str]
    scans: dict[str, dict[str, Any]]


class LeadTicket(Protocol):
    """The fields of a ticket with a broken promise that leads read."""

    id: str
    number: str
    promised_at: datetime | None
    steward_id: str


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
    `case_payloads.ACCUSING_FACTS`."""

    code: str
    type: str
    id: str
    at: datetime
    person_id: str | None
    record: Any = field(compare=False)
    text: str = ""

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
            shift.note or "",
        )
        for shift in shifts
        if not shift.uniform
    ]


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


def excusing_facts(lead: Lead, context: LeadContext) -> list[dict[str, Any]]:
    """A18: what speaks for the person: skips with a reason, late phones, being off duty, and so
    on."""
    if lead.person_id is None:
        return []
    facts = [
        *_skipped_facts(lead, context),
        *_late_phone_facts(lead, context),
        *_helper_facts(lead),
    ]
    if lead.code == "missed":
        facts += [
            *_lost_phone_facts(lead, context),
            *_off_duty_facts(lead, context),
            *_weather_facts(lead, context),
        ]
    return facts


def _fact_item(code: str, type_: str, id_: str, at: datetime, text: str = "") -> dict[str, Any]:
    return {"code": code, "type": type_, "id": id_, "at": at, "text": text}


def _is_within_a_day(lead: Lead, moment: datetime) -> bool:
    return abs(moment - lead.at) < timedelta(hours=24)


def _skipped_facts(lead: Lead, context: LeadContext) -> list[dict[str, Any]]:
    own_skips = [
        task for task in context.tasks if task.responsible_id == lead.person_id and task.skipped_at
    ]
    return [
        _fact_item("skipped", "task", task.id, task.skipped_at, task.skip_reason or "")
        for task in own_skips
        if _is_within_a_day(lead, task.skipped_at)
    ]


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
    ticked = getattr(lead.record, "ticked", None) or {}
    return [
        _fact_item("helped", "task", lead.id, parse_time(tick["at"]))
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
    return [] if on_duty else [_fact_item("off_duty", "task", lead.id, begins)]


def _weather_facts(lead: Lead, context: LeadContext) -> list[dict[str, Any]]:
    area = lead.record.area_id
    return [
        _fact_item("weather", "weather", event.id, event.reported_at)
        for event in context.weather
        if area in event.areas and _is_within_a_day(lead, event.reported_at)
    ]
