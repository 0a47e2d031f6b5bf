"""Builders for the tests of the rules: ops, and the records that they are applied to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

from sync import KINDS, Accepted, HistoryEntry, Merged, Op, judge, to_history_entry
from sync.service.tickets.ticket_state import FOLDED_FIELDS

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ANA, BEN, CHU = (str(uuid4()) for _ in range(3))


def make_op(
    kind, subject="", *, by=ANA, minutes=0, payload=None, base=None, delay_minutes=0, v=None
):
    """An op made `minutes` after noon and received `delay_minutes` after that.

    Its payload has the newest version of its kind, unless `v` says another.
    """
    occurred_at = NOON + timedelta(minutes=minutes)
    return Op(
        id=str(uuid4()),
        kind=kind,
        subject=subject or str(uuid4()),
        by=by,
        occurred_at=occurred_at,
        received_at=occurred_at + timedelta(minutes=delay_minutes),
        payload=payload or {},
        base=base,
        v=v or (KINDS[kind].payload_version if kind in KINDS else 1),
    )


@dataclass
class InMemoryRecord:
    """A record to which ops are applied as the server does it, without a database."""

    type: str
    row: SimpleNamespace | None = None
    history: list[HistoryEntry] = field(default_factory=list)
    version: int = 0

    def apply(self, op):
        verdict = judge(self.type, self.row, op, self.history)
        if isinstance(verdict, Accepted | Merged):
            self.row = self.row or self._new_row(op)
            vars(self.row).update(verdict.changes)
            self.version += 1
            self.history.append(to_history_entry(op, self.version, verdict.changes))
        return verdict

    def _new_row(self, op):
        fields = dict.fromkeys(COLUMNS[self.type])
        return SimpleNamespace(**fields | ({"id": op.subject} if "id" in fields else {}))


COLUMNS = {
    "task": (
        *("done_at", "done_by_id", "done_received_at", "helper_ids", "note", "photos"),
        *("skipped_at", "skip_reason", "cancelled_at", "cancelled_by_id", "cancel_reason"),
        *("responsible_id", "photos_here", "items", "standing", "grace", "ticked", "confirmed"),
        *("agent", "dose", "method", "firm", "notice"),
        *("area_id", "window_start", "planned_at", "reassigned_by_id"),
        *("window_end", "disposition", "disposition_note", "disposed_at", "disposed_by_id"),
    ),
    "visit": (
        *("visitor", "host_unit", "host_person", "firm", "phone", "plate", "note", "party_size"),
        *("expected_at", "expected_from", "expected_until", "expected_minutes", "arrived_at"),
        *("departed_at", "departed_by_id", "presumed", "refused_at", "steps", "photos"),
        *("held_at", "purged_at", "photos_here"),
    ),
    "release": ("quantity", "passed_at", "recorded_at", "purged_at", "photos", "photos_here"),
    "regular": ("purged_at",),
    "ticket": (
        *("id", "details", "urgency", "area", "unit", "contact", "photos", "photos_here"),
        *(
            "category",
            "voices",
            "number",
            "numbers",
            "about_type",
            "about",
            "steward_id",
            "successions",
        ),
        *("co_receiver_ids", "merged_into", "merged_at", "apart_ids", "timeline"),
        *FOLDED_FIELDS,
    ),
    "arrears": (
        *("id", "unit", "lines", "batch", "ledger_at", "collector_id", "windows", "do_not_call"),
        *("calls", "called_at", "appointment_at", "paused_by", "visit_reason", "visit_asked_at"),
        *("visit_asked_by_id", "visit_approved_at", "visited_at", "paid_cents", "handed_at"),
        "visit_went_in",
    ),
    "weather": ("sort", "areas", "event"),
    "template": (
        *("label", "about", "area_kinds", "roles", "items", "versions", "edition", "retired_at"),
    ),
    "inspection": (
        *("id", "slot", "of_self", "official_at", "official_by_id", "photos", "photos_here"),
        *("actions", "performers", "task_id"),
    ),
    "rectification": (
        *("responsible_id", "due_at", "critical", "failed_at", "failures", "finding", "before"),
        *("after", "done_at", "done_by_id", "note", "verified_at", "verified_by_id", "photos"),
    ),
    "merge": ("taken", "settled_at", "settled_by_id", "result", "more_op_ids", "note"),
    "person": ("active_to",),
    "area": ("label",),
    "unit": ("occupied",),
    "shift": (
        *("person_id", "opened_at", "uniform", "note", "closed_at", "closed_by_id", "unsent"),
        *("open_items", "handed_over_at", "handed_to_id", "items", "taken_over_at"),
        *("taken_over_by_id", "handover_note"),
    ),
    "entry": (
        *("unit", "purpose", "worker_id", "worker", "contractor", "in_at", "out_at", "out_by_id"),
        *("afterwards", "recorded_at", "recorded_by_id", "received_at", "remarks"),
        *("resident_present", "second_person", "acknowledgement", "ticket", "visit"),
        *("id", "struck_at", "struck_by_id", "struck_because"),
        *("joined_to", "joined_at", "joined_by_id"),
    ),
    "lost": (
        *("item", "urgency", "unit", "ticket", "opened_at", "first_responder_id", "lists"),
        *("asked", "statements", "offers", "handed", "found", "returned", "told", "steps"),
        *("next_action", "next_action_at", "next_by_id", "contractor_id", "accountable_id"),
        *("contracted_at", "outcome", "closing_note", "closed_at", "closed_by_id", "photos"),
    ),
    "find": (
        *("what", "found_at", "found_by_id", "notices", "chain", "ended_at", "ended_by_id"),
        *("ended_how", "ended_with", "receipt", "photos"),
    ),
    "card": (
        *("group", "code", "title", "body", "phrase", "order", "clause", "status", "edition"),
        *("pack", "withdrawn_at", "prompts", "approaches"),
    ),
    "category": ("published_at", "deactivated_at", "acknowledged"),
    "case": (
        *("answers_id", "subject_kind", "facts", "happened_at", "found_at", "asked_at"),
        *("answer_until", "statements", "stated_at", "heard_at", "finding", "measures"),
        *("decided_at", "decisions", "acknowledged_at", "appeals", "appealed_at", "closed_at"),
        *("because", "category_id", "decided_by_id", "statement_hours"),
    ),
    "session": (
        *("facilitator_id", "begun_at", "cards", "case", "prompts", "approaches", "attendees"),
        *("answers", "summary", "acknowledged", "closed_at", "late"),
    ),
    "readiness": ("person", "item", "refresh_on", "of_self"),
}


def planned_task(**more):
    """A task of today."""
    task = InMemoryRecord("task")
    task.apply(
        make_op(
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


def opened_ticket(**payload):
    """A ticket that Ana opened at noon. What she found herself has no contact."""
    ticket = InMemoryRecord("ticket")
    default = {"channel": "phone", "matter": "report", "details": "A leak"}
    if payload.get("channel") != "on_round":
        default["contact"] = "gate"
    ticket.apply(make_op("ticket.open", payload={**default, **payload}))
    return ticket
