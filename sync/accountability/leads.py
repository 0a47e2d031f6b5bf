"""Leads: facts that ask for an answer, and beside each of them what speaks for whoever is asked."""

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
"""What a scan is flagged with that somebody is asked about."""


class LeadRound(Protocol):
    """What leads need to know of a round."""

    id: str
    label: dict[str, str]
    scans: dict[str, dict[str, Any]]


class LeadTicket(Protocol):
    """What leads need to know of a ticket whose promise was broken."""

    id: str
    number: str
    promised_at: datetime | None
    steward_id: str


class LeadShift(Protocol):
    """What leads need to know of a shift."""

    id: str
    person_id: str
    opened_at: datetime
    closed_at: datetime | None
    handed_over_at: datetime | None
    uniform: bool
    note: str | None


class LeadWeather(Protocol):
    """What leads need to know of rain or snow."""

    id: str
    reported_at: datetime
    areas: list[str]


class LeadCase(Protocol):
    """What leads need to know of a case: what it is about already."""

    facts: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Lead:
    """A fact that somebody could be asked about, in the words of `sync.asked`."""

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
    """A17: what is missed for certain and waits for a word, or was put down as a case."""
    able = active_phones(phones)
    return [
        Lead("missed", "task", task.id, task_deadline(task), task.responsible_id, task)
        for task in tasks
        if task.disposition in (None, "case") and task_status(task, able, now) == "missed"
    ]


def flagged_scan_leads(rounds: Iterable[LeadRound]) -> list[Lead]:
    """A17: points that were scanned faster than anybody walks, or from a copied label."""
    return [
        Lead(flag, "round", round_.id, parse_time(scan["at"]), scan["by_id"], round_)
        for round_ in rounds
        for scan in round_.scans.values()
        for flag in SCAN_FLAGS
        if flag in scan.get("flags", ())
    ]


def broken_promise_leads(tickets: Iterable[LeadTicket]) -> list[Lead]:
    """A17: promised answers that did not come in time; whoever answers for the matter is asked."""
    return [
        Lead("breach", "ticket", ticket.id, ticket.promised_at, ticket.steward_id, ticket)
        for ticket in tickets
        if ticket.promised_at
    ]


def uniform_leads(shifts: Iterable[LeadShift]) -> list[Lead]:
    """A17: shifts that began without work clothes, with the reason that was given."""
    return [
        Lead("no_uniform", "shift", s.id, s.opened_at, s.person_id, s, s.note or "")
        for s in shifts
        if not s.uniform
    ]


def leads_without_case(leads: Iterable[Lead], cases: Iterable[LeadCase]) -> list[Lead]:
    """A17: leads that are in no case yet, each once, the newest first."""
    known = {(f["code"], f["type"], f["id"]) for case in cases for f in case.facts}
    fresh = {lead.key: lead for lead in leads if lead.key not in known}
    return sorted(fresh.values(), key=lambda lead: (lead.at, lead.id), reverse=True)


@dataclass(frozen=True, slots=True)
class LeadContext:
    """What was going on at the site about the time of a lead."""

    tasks: Sequence[Any] = ()
    shifts: Sequence[LeadShift] = ()
    weather: Sequence[LeadWeather] = ()
    phones: Sequence[BoardPhone] = ()


def excusing_facts(lead: Lead, around: LeadContext) -> list[dict[str, Any]]:
    """A18: what speaks for whoever is asked: reasoned skips, late phones, who was not on duty."""
    if lead.person_id is None:
        return []
    found = [*_skipped_facts(lead, around), *_late_phone_facts(lead, around), *_helper_facts(lead)]
    if lead.code == "missed":
        found += [
            *_lost_phone_facts(lead, around),
            *_off_duty_facts(lead, around),
            *_weather_facts(lead, around),
        ]
    return found


def _fact_item(code: str, type_: str, id_: str, at: datetime, text: str = "") -> dict[str, Any]:
    return {"code": code, "type": type_, "id": id_, "at": at, "text": text}


def _is_within_a_day(lead: Lead, moment: datetime) -> bool:
    return abs(moment - lead.at) < timedelta(hours=24)


def _skipped_facts(lead: Lead, around: LeadContext) -> list[dict[str, Any]]:
    mine = [t for t in around.tasks if t.responsible_id == lead.person_id and t.skipped_at]
    return [
        _fact_item("skipped", "task", t.id, t.skipped_at, t.skip_reason or "")
        for t in mine
        if _is_within_a_day(lead, t.skipped_at)
    ]


def _late_phone_facts(lead: Lead, around: LeadContext) -> list[dict[str, Any]]:
    """Work of the same person that was done in time and came late: the phone had no signal."""
    return [
        _fact_item("late_phone", "task", task.id, task.done_at)
        for task in around.tasks
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


def _lost_phone_facts(lead: Lead, around: LeadContext) -> list[dict[str, Any]]:
    """A phone that was silent when it closed, and spoke only long after: it may have told more."""
    late = [
        phone
        for phone in around.phones
        if phone.enrolled_at < lead.at and (phone.lost_at or phone.revoked_at)
    ]
    return [_fact_item("late_phone", "device", phone.id, lead.at, phone.label) for phone in late]


def _off_duty_facts(lead: Lead, around: LeadContext) -> list[dict[str, Any]]:
    """Nobody does work in a shift that they did not have."""
    begins = lead.record.window_start
    on_duty = [
        shift
        for shift in around.shifts
        if shift.person_id == lead.person_id and shift.opened_at < lead.at
        if (shift.closed_at or shift.handed_over_at or lead.at) > begins
    ]
    return [] if on_duty else [_fact_item("off_duty", "task", lead.id, begins)]


def _weather_facts(lead: Lead, around: LeadContext) -> list[dict[str, Any]]:
    area = lead.record.area_id
    return [
        _fact_item("weather", "weather", event.id, event.reported_at)
        for event in around.weather
        if area in event.areas and _is_within_a_day(lead, event.reported_at)
    ]
