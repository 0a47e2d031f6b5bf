"""What tests of the pure rules share: ops and the records that they are judged against."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

from sync import Accepted, Entry, Merged, Op, entry, judge

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ANA, BEN, CHU = (str(uuid4()) for _ in range(3))


def op(kind, subject="", *, by=ANA, minutes=0, payload=None, base=None, late=0):
    """An op made `minutes` after noon, received `late` minutes after that."""
    occurred_at = NOON + timedelta(minutes=minutes)
    return Op(
        id=str(uuid4()),
        kind=kind,
        subject=subject or str(uuid4()),
        by=by,
        occurred_at=occurred_at,
        received_at=occurred_at + timedelta(minutes=late),
        payload=payload or {},
        base=base,
    )


@dataclass
class Record:
    """A record that ops are put on as the door does it, without a database."""

    type: str
    row: SimpleNamespace | None = None
    history: list[Entry] = field(default_factory=list)
    version: int = 0

    def take(self, op):
        verdict = judge(self.type, self.row, op, self.history)
        if isinstance(verdict, Accepted | Merged):
            self.row = self.row or SimpleNamespace(**dict.fromkeys(FIELDS[self.type]))
            vars(self.row).update(verdict.changes)
            self.version += 1
            self.history.append(entry(op, self.version, verdict.changes))
        return verdict


FIELDS = {
    "task": (
        *("done_at", "done_by_id", "done_received_at", "helper_ids", "note", "photos"),
        *("skipped_at", "skip_reason", "cancelled_at", "cancelled_by_id", "cancel_reason"),
        *("responsible_id", "photos_here", "items", "standing", "grace", "ticked", "confirmed"),
        *("window_end", "disposition", "disposition_note", "disposed_at", "disposed_by_id"),
    ),
    "visit": (
        *("visitor", "host_unit", "host_person", "firm", "phone", "plate", "note", "party_size"),
        *("expected_at", "expected_from", "expected_until", "expected_minutes", "arrived_at"),
        *("departed_at", "departed_by_id", "presumed", "refused_at", "steps", "photos"),
        *("held_at", "purged_at", "photos_here"),
    ),
    "release": ("passed_at", "recorded_at", "purged_at", "photos", "photos_here"),
    "regular": ("purged_at",),
    "ticket": (
        *("details", "urgency", "area", "contact", "handler_id", "photos", "photos_here"),
        *("settled_at", "settled_how"),
    ),
    "weather": ("sort", "areas", "event"),
    "template": (
        *("label", "about", "area_kinds", "roles", "items", "versions", "edition", "retired_at"),
    ),
    "inspection": (
        *("id", "slot", "of_self", "official_at", "official_by_id", "photos", "photos_here"),
    ),
    "rectification": (
        *("responsible_id", "due_at", "critical", "failed_at", "failures", "finding", "before"),
        *("after", "done_at", "done_by_id", "note", "verified_at", "verified_by_id", "photos"),
    ),
    "merge": ("taken", "settled_at", "settled_by_id", "result"),
    "person": ("active_to",),
    "area": ("label",),
    "unit": ("occupied",),
    "shift": (
        *("person_id", "opened_at", "uniform", "note", "closed_at", "closed_by_id", "unsent"),
        *("open_items", "handed_over_at", "handed_to_id", "items", "taken_over_at"),
        "taken_over_by_id",
    ),
    "card": (
        *("group", "code", "title", "body", "phrase", "order", "clause", "status", "edition"),
        *("pack", "withdrawn_at", "prompts", "approaches"),
    ),
    "session": (
        *("facilitator_id", "begun_at", "cards", "case", "prompts", "approaches", "attendees"),
        *("answers", "summary", "acknowledged", "closed_at"),
    ),
    "readiness": ("person", "item", "refresh_on", "of_self"),
}


def planned(**more):
    """A task of today."""
    task = Record("task")
    task.take(
        op(
            "task.plan",
            payload={
                "schedule_id": str(uuid4()),
                "code": "CL-05",
                "label": {"zh": "楼道清扫", "en": "Sweep the stairs"},
                "area_id": str(uuid4()),
                "window_start": "2026-11-24T00:00:00+08:00",
                "window_end": "2026-11-25T00:00:00+08:00",
                **more,
            },
        )
    )
    return task


def opened(**payload):
    """A ticket that Ana opened at noon."""
    ticket = Record("ticket")
    said = {"channel": "phone", "matter": "report", "contact": "gate", "details": "A leak"}
    ticket.take(op("ticket.open", payload={**said, **payload}))
    return ticket
