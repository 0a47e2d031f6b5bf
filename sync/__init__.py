"""What people do in the field, and what we make of it. Imports no web, no database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from marshmallow import ValidationError

from sync.accountability import cases, categories, months
from sync.estate import contractors, people, places
from sync.gate import frequent_visitors, gate_passes, home_entries, visits
from sync.protocol import photos
from sync.protocol.conflict_resolution import merge_decision
from sync.protocol.op import (
    Accepted,
    Contested,
    Fold,
    HistoryEntry,
    Kind,
    Merged,
    Op,
    Quarantined,
    Refused,
    Verdict,
)
from sync.protocol.roles import (
    ALL_ROLES,
    DESK_ONLY_AUDIENCE,
    DESK_ROLES,
    FRONT_DESK_ROLES,
    role_mask,
)
from sync.quality import checklists, inspections, rectifications
from sync.review import conflicts, outbox_imports, quarantine
from sync.service import arrears, found_items, lost_property, tickets
from sync.training import cards, readiness, training_sessions
from sync.work import patrol, schedules, shifts, tasks, weather

KINDS: dict[str, Kind] = {
    **places.KINDS,
    **people.KINDS,
    **contractors.KINDS,
    **schedules.KINDS,
    **tasks.KINDS,
    **patrol.KINDS,
    **visits.KINDS,
    **gate_passes.KINDS,
    **frequent_visitors.KINDS,
    **tickets.KINDS,
    **arrears.KINDS,
    **weather.KINDS,
    **checklists.KINDS,
    **inspections.KINDS,
    **rectifications.KINDS,
    **photos.KINDS,
    **conflicts.KINDS,
    **quarantine.KINDS,
    **outbox_imports.KINDS,
    **shifts.KINDS,
    **cards.KINDS,
    **home_entries.KINDS,
    **lost_property.KINDS,
    **found_items.KINDS,
    **categories.KINDS,
    **cases.KINDS,
    **months.KINDS,
    **training_sessions.KINDS,
    **readiness.KINDS,
}

RolesLookup = Callable[[str], frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordType:
    """A type of record: how facts add up to it, its state word, when and to whom it matters.

    Before `opens` and after `until` no page of a phone shows it.
    """

    state: Callable[[Mapping[str, Any]], str]
    visible_until: Callable[[Mapping[str, Any]], str]
    fold: Fold = lambda _, __: {}
    visible_from: Callable[[Mapping[str, Any]], str] = lambda _: ""
    audience: Callable[[Mapping[str, Any], RolesLookup], int] = lambda _, __: role_mask(ALL_ROLES)
    redacted_values: Mapping[str, Any] = field(default_factory=dict)
    """What stands in place of personal data once a record of the type is purged."""

    allows_photos: bool = True
    """Whether photos may belong to it. Of a visit at somebody's home there are none."""


RECTIFYING_ROLES = frozenset({"cleaner", "contractor_worker"})
"""Whoever may put a place right."""

PLACE_TYPE = RecordType(state=places.state, visible_until=places.visible_until)

RECORD_TYPES: dict[str, RecordType] = {
    "site": PLACE_TYPE,
    "area": PLACE_TYPE,
    "unit": PLACE_TYPE,
    "checkpoint": PLACE_TYPE,
    "person": RecordType(state=people.state, visible_until=people.visible_until),
    "contractor": RecordType(state=contractors.state, visible_until=contractors.visible_until),
    "schedule": RecordType(
        state=schedules.state,
        visible_until=schedules.visible_until,
        audience=lambda _, __: DESK_ONLY_AUDIENCE,
    ),
    "task": RecordType(
        state=tasks.state,
        visible_until=tasks.visible_until,
        visible_from=tasks.visible_from,
        fold=tasks.fold,
        audience=lambda task, _: role_mask(FRONT_DESK_ROLES | {task["role"]}),
    ),
    "route": RecordType(
        state=patrol.route_state,
        visible_until=patrol.route_visible_until,
        audience=lambda _, __: DESK_ONLY_AUDIENCE,
    ),
    "round": RecordType(
        state=patrol.state,
        visible_until=patrol.visible_until,
        visible_from=patrol.visible_from,
        fold=patrol.fold,
        audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
    ),
    "visit": RecordType(
        state=visits.state,
        visible_until=visits.visible_until,
        fold=visits.fold,
        audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
        redacted_values=visits.REDACTED_VALUES,
    ),
    "release": RecordType(
        state=gate_passes.state,
        visible_until=gate_passes.visible_until,
        fold=gate_passes.fold,
        audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
        redacted_values=gate_passes.REDACTED_VALUES,
    ),
    "regular": RecordType(
        state=frequent_visitors.state,
        visible_until=frequent_visitors.visible_until,
        audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
        redacted_values=frequent_visitors.REDACTED_VALUES,
    ),
    "ticket": RecordType(
        state=tickets.state,
        visible_until=tickets.visible_until,
        fold=tickets.fold,
        audience=lambda ticket, roles_of: role_mask(
            FRONT_DESK_ROLES.union(
                {ticket["asked_role"]}, *map(roles_of, tickets.involved_person_ids(ticket))
            )
        ),
    ),
    "arrears": RecordType(
        state=arrears.state,
        visible_until=arrears.visible_until,
        fold=arrears.fold,
        audience=lambda _, __: role_mask(FRONT_DESK_ROLES),
        allows_photos=False,
    ),
    "shift": RecordType(
        state=shifts.state,
        visible_until=shifts.visible_until,
        fold=shifts.fold,
        audience=lambda shift, roles_of: role_mask(
            FRONT_DESK_ROLES | roles_of(shift["person_id"]) | roles_of(shift["handed_to_id"] or "")
        ),
    ),
    "entry": RecordType(
        state=home_entries.state,
        visible_until=home_entries.visible_until,
        fold=home_entries.fold,
        audience=lambda entry, roles_of: role_mask(
            FRONT_DESK_ROLES
            | {"guard"}
            | roles_of(entry["recorded_by_id"])
            | roles_of(entry["worker_id"] or "")
        ),
    ),
    "lost": RecordType(
        state=lost_property.state,
        visible_until=lost_property.visible_until,
        fold=lost_property.fold,
        audience=lambda case, roles_of: role_mask(
            FRONT_DESK_ROLES | {"guard"} | roles_of(case["first_responder_id"])
        ),
    ),
    "find": RecordType(
        state=found_items.state,
        visible_until=found_items.visible_until,
        fold=found_items.fold,
        audience=lambda find, roles_of: role_mask(
            FRONT_DESK_ROLES | {"guard"} | roles_of(find["found_by_id"])
        ),
    ),
    "card": RecordType(
        state=cards.state,
        visible_until=cards.visible_until,
        audience=lambda card, _: (
            DESK_ONLY_AUDIENCE if card["withdrawn_at"] else role_mask(ALL_ROLES)
        ),
    ),
    "session": RecordType(
        state=training_sessions.state,
        visible_until=training_sessions.visible_until,
        fold=training_sessions.fold,
        audience=lambda session, roles_of: role_mask(
            FRONT_DESK_ROLES.union(
                *map(roles_of, [session["facilitator_id"], *session["attendees"]])
            )
        ),
    ),
    "readiness": RecordType(
        state=readiness.state,
        visible_until=readiness.visible_until,
        audience=lambda found, roles_of: role_mask(DESK_ROLES | roles_of(found["person"])),
    ),
    "weather": RecordType(state=weather.state, visible_until=weather.visible_until),
    "template": RecordType(
        state=checklists.state,
        visible_until=checklists.visible_until,
        audience=lambda _, __: role_mask(DESK_ROLES),
    ),
    "inspection": RecordType(
        state=inspections.state,
        visible_until=inspections.visible_until,
        fold=inspections.fold,
        audience=lambda _, __: role_mask(DESK_ROLES),
    ),
    "rectification": RecordType(
        state=rectifications.state,
        visible_until=rectifications.visible_until,
        fold=rectifications.fold,
        audience=lambda found, roles_of: role_mask(
            DESK_ROLES
            | roles_of(found["responsible_id"] or "")
            | (RECTIFYING_ROLES if found["area"] else roles_of(found["person"] or ""))
        ),
    ),
    "category": RecordType(
        state=categories.state,
        visible_until=categories.visible_until,
        fold=categories.fold,
        audience=lambda category, _: categories.audience(category),
    ),
    "case": RecordType(
        state=cases.state,
        visible_until=cases.visible_until,
        fold=cases.fold,
        audience=cases.audience,
    ),
    "month": RecordType(
        state=months.state,
        visible_until=months.visible_until,
        audience=lambda _, __: DESK_ONLY_AUDIENCE,
    ),
    "merge": RecordType(
        state=conflicts.state,
        visible_until=conflicts.visible_until,
        audience=lambda _, __: DESK_ONLY_AUDIENCE,
    ),
    "aside": RecordType(
        state=quarantine.state,
        visible_until=quarantine.visible_until,
        audience=lambda _, __: DESK_ONLY_AUDIENCE,
    ),
    "parcel": RecordType(
        state=outbox_imports.state,
        visible_until=outbox_imports.visible_until,
        audience=lambda _, __: DESK_ONLY_AUDIENCE,
    ),
}

_payload_schemas = {name: kind.payload() for name, kind in KINDS.items()}


def judge(type_: str, record: Any | None, op: Op, history: Sequence[HistoryEntry] = ()) -> Verdict:
    """Say what an op does to a record; the record is left untouched.

    `record` has the fields of its type as attributes; `history` is every op that stands in it.
    The payload is read here, so that a rule sees checked values only.
    """
    kind = KINDS[op.kind]
    misplaced = _subject_error(kind, type_, record)
    if misplaced:
        return misplaced
    try:
        op = replace(
            op, payload=_payload_schemas[op.kind].load(upcast_payload(op)), v=kind.payload_version
        )
    except (ValidationError, TypeError):
        return Quarantined("malformed")
    if kind.fact:
        return _apply_fold(type_, record, kind.rule(record, op), [*history, to_history_entry(op)])
    if kind.ignore_base:
        return kind.rule(record, op)
    unseen = [
        e for e in history if op.base is not None and e.version > op.base and _is_user_change(e)
    ]
    seen = [e for e in history if e not in unseen]
    return merge_decision(kind, record, op, unseen, seen)


def upcast_payload(op: Op) -> dict[str, Any]:
    """What an op says, in the newest version of its kind."""
    return KINDS[op.kind].upcast(op.v, op.payload)


def _subject_error(kind: Kind, type_: str, record: Any | None) -> Quarantined | Refused | None:
    if kind.type not in (None, type_) or (record is None and not kind.creates):
        return Quarantined("no-such-record")
    if kind.type is None and not RECORD_TYPES[type_].allows_photos:
        return Quarantined("no-photos-here")
    if record is not None and kind.creates:
        return Quarantined("already-exists") if kind.fact else Refused("already-exists")
    return None


def _is_user_change(entry: HistoryEntry) -> bool:
    """Whether an entry is somebody's doing: what the server notes by itself contests nothing."""
    return not KINDS[entry.kind].from_server_only


def _apply_fold(
    type_: str, record: Any | None, verdict: Accepted | Refused, history: Sequence[HistoryEntry]
) -> Accepted | Refused:
    """L1: facts add up in the order of (`occurred_at`, id), whatever order they arrived in."""
    if isinstance(verdict, Refused):
        return verdict
    facts = sorted((e for e in history if e.fact), key=lambda e: (e.occurred_at, e.id))
    folded = RECORD_TYPES[type_].fold(record, facts)
    news = {n: v for n, v in folded.items() if record is None or getattr(record, n) != v}
    return replace(verdict, changes={**verdict.changes, **news})


def to_history_entry(
    op: Op, version: int = 0, changes: Mapping[str, Any] | None = None
) -> HistoryEntry:
    """An op as it stands in its record's history."""
    return HistoryEntry(
        id=op.id,
        kind=op.kind,
        by=op.by,
        occurred_at=op.occurred_at,
        received_at=op.received_at,
        version=version,
        fact=KINDS[op.kind].fact,
        changes=dict(changes or {}),
        payload=upcast_payload(op),
    )


__all__ = [
    "KINDS",
    "RECORD_TYPES",
    "Accepted",
    "Contested",
    "HistoryEntry",
    "Kind",
    "Merged",
    "Op",
    "Quarantined",
    "RecordType",
    "Refused",
    "Verdict",
    "judge",
    "to_history_entry",
    "upcast_payload",
]
