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
from sync.protocol.conflict_resolution import weigh
from sync.protocol.digest import DESK, DESK_ONLY, EVERYONE, FRONT, mask
from sync.protocol.op import (
    Accepted,
    Contested,
    Entry,
    Fold,
    Kind,
    Merged,
    Op,
    Quarantined,
    Refused,
    Verdict,
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

RolesOf = Callable[[str], frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """A type of record: how facts add up to it, its state word, when and to whom it matters.

    Before `opens` and after `until` no page of a phone shows it.
    """

    state: Callable[[Mapping[str, Any]], str]
    until: Callable[[Mapping[str, Any]], str]
    fold: Fold = lambda _, __: {}
    opens: Callable[[Mapping[str, Any]], str] = lambda _: ""
    audience: Callable[[Mapping[str, Any], RolesOf], int] = lambda _, __: mask(EVERYONE)
    blanks: Mapping[str, Any] = field(default_factory=dict)
    """What stands in place of personal data once a record of the type is purged."""

    pictured: bool = True
    """Whether photos may belong to it. Of a visit at somebody's home there are none."""


HANDS = frozenset({"cleaner", "contractor_worker"})
"""Whoever may put a place right."""

PLACE = Type(state=places.state, until=places.until)

TYPES: dict[str, Type] = {
    "site": PLACE,
    "area": PLACE,
    "unit": PLACE,
    "checkpoint": PLACE,
    "person": Type(state=people.state, until=people.until),
    "contractor": Type(state=contractors.state, until=contractors.until),
    "schedule": Type(
        state=schedules.state, until=schedules.until, audience=lambda _, __: DESK_ONLY
    ),
    "task": Type(
        state=tasks.state,
        until=tasks.until,
        opens=tasks.opens,
        fold=tasks.fold,
        audience=lambda task, _: mask(FRONT | {task["role"]}),
    ),
    "route": Type(
        state=patrol.route_state, until=patrol.route_until, audience=lambda _, __: DESK_ONLY
    ),
    "round": Type(
        state=patrol.state,
        until=patrol.until,
        opens=patrol.opens,
        fold=patrol.fold,
        audience=lambda _, __: mask(FRONT | {"guard"}),
    ),
    "visit": Type(
        state=visits.state,
        until=visits.until,
        fold=visits.fold,
        audience=lambda _, __: mask(FRONT | {"guard"}),
        blanks=visits.BLANKS,
    ),
    "release": Type(
        state=gate_passes.state,
        until=gate_passes.until,
        fold=gate_passes.fold,
        audience=lambda _, __: mask(FRONT | {"guard"}),
        blanks=gate_passes.BLANKS,
    ),
    "regular": Type(
        state=frequent_visitors.state,
        until=frequent_visitors.until,
        audience=lambda _, __: mask(FRONT | {"guard"}),
        blanks=frequent_visitors.BLANKS,
    ),
    "ticket": Type(
        state=tickets.state,
        until=tickets.until,
        fold=tickets.fold,
        audience=lambda ticket, roles_of: mask(
            FRONT.union({ticket["asked_role"]}, *map(roles_of, tickets.concerned(ticket)))
        ),
    ),
    "arrears": Type(
        state=arrears.state,
        until=arrears.until,
        fold=arrears.fold,
        audience=lambda _, __: mask(FRONT),
        pictured=False,
    ),
    "shift": Type(
        state=shifts.state,
        until=shifts.until,
        fold=shifts.fold,
        audience=lambda shift, roles_of: mask(
            FRONT | roles_of(shift["person_id"]) | roles_of(shift["handed_to_id"] or "")
        ),
    ),
    "entry": Type(
        state=home_entries.state,
        until=home_entries.until,
        fold=home_entries.fold,
        audience=lambda entry, roles_of: mask(
            FRONT
            | {"guard"}
            | roles_of(entry["recorded_by_id"])
            | roles_of(entry["worker_id"] or "")
        ),
    ),
    "lost": Type(
        state=lost_property.state,
        until=lost_property.until,
        fold=lost_property.fold,
        audience=lambda case, roles_of: mask(
            FRONT | {"guard"} | roles_of(case["first_responder_id"])
        ),
    ),
    "find": Type(
        state=found_items.state,
        until=found_items.until,
        fold=found_items.fold,
        audience=lambda find, roles_of: mask(FRONT | {"guard"} | roles_of(find["found_by_id"])),
    ),
    "card": Type(
        state=cards.state,
        until=cards.until,
        audience=lambda card, _: DESK_ONLY if card["withdrawn_at"] else mask(EVERYONE),
    ),
    "session": Type(
        state=training_sessions.state,
        until=training_sessions.until,
        fold=training_sessions.fold,
        audience=lambda session, roles_of: mask(
            FRONT.union(*map(roles_of, [session["facilitator_id"], *session["attendees"]]))
        ),
    ),
    "readiness": Type(
        state=readiness.state,
        until=readiness.until,
        audience=lambda found, roles_of: mask(DESK | roles_of(found["person"])),
    ),
    "weather": Type(state=weather.state, until=weather.until),
    "template": Type(
        state=checklists.state, until=checklists.until, audience=lambda _, __: mask(DESK)
    ),
    "inspection": Type(
        state=inspections.state,
        until=inspections.until,
        fold=inspections.fold,
        audience=lambda _, __: mask(DESK),
    ),
    "rectification": Type(
        state=rectifications.state,
        until=rectifications.until,
        fold=rectifications.fold,
        audience=lambda found, roles_of: mask(
            DESK
            | roles_of(found["responsible_id"] or "")
            | (HANDS if found["area"] else roles_of(found["person"] or ""))
        ),
    ),
    "category": Type(
        state=categories.state,
        until=categories.until,
        fold=categories.fold,
        audience=lambda category, _: categories.audience(category),
    ),
    "case": Type(state=cases.state, until=cases.until, fold=cases.fold, audience=cases.audience),
    "month": Type(state=months.state, until=months.until, audience=lambda _, __: DESK_ONLY),
    "merge": Type(state=conflicts.state, until=conflicts.until, audience=lambda _, __: DESK_ONLY),
    "aside": Type(state=quarantine.state, until=quarantine.until, audience=lambda _, __: DESK_ONLY),
    "parcel": Type(
        state=outbox_imports.state, until=outbox_imports.until, audience=lambda _, __: DESK_ONLY
    ),
}

_schemas = {name: kind.payload() for name, kind in KINDS.items()}


def judge(type_: str, record: Any | None, op: Op, history: Sequence[Entry] = ()) -> Verdict:
    """Say what an op does to a record; the record is left untouched.

    `record` has the fields of its type as attributes; `history` is every op that stands in it.
    The payload is read here, so that a rule sees checked values only.
    """
    kind = KINDS[op.kind]
    misplaced = _misplaced(kind, type_, record)
    if misplaced:
        return misplaced
    try:
        op = replace(op, payload=_schemas[op.kind].load(newest(op)), v=kind.v)
    except (ValidationError, TypeError):
        return Quarantined("malformed")
    if kind.fact:
        return _with_fold(type_, record, kind.rule(record, op), [*history, entry(op)])
    if kind.as_it_stands:
        return kind.rule(record, op)
    unseen = [e for e in history if op.base is not None and e.version > op.base and _counts(e)]
    seen = [e for e in history if e not in unseen]
    return weigh(kind, record, op, unseen, seen)


def newest(op: Op) -> dict[str, Any]:
    """What an op says, in the newest version of its kind."""
    return KINDS[op.kind].newest(op.v, op.payload)


def _misplaced(kind: Kind, type_: str, record: Any | None) -> Quarantined | Refused | None:
    if kind.type not in (None, type_) or (record is None and not kind.creates):
        return Quarantined("no-such-record")
    if kind.type is None and not TYPES[type_].pictured:
        return Quarantined("no-photos-here")
    if record is not None and kind.creates:
        return Quarantined("already-exists") if kind.fact else Refused("already-exists")
    return None


def _counts(entry: Entry) -> bool:
    """Whether an entry is somebody's doing: what the server notes by itself contests nothing."""
    return not KINDS[entry.kind].internal


def _with_fold(
    type_: str, record: Any | None, verdict: Accepted | Refused, history: Sequence[Entry]
) -> Accepted | Refused:
    """L1: facts add up in the order of (`occurred_at`, id), whatever order they arrived in."""
    if isinstance(verdict, Refused):
        return verdict
    facts = sorted((e for e in history if e.fact), key=lambda e: (e.occurred_at, e.id))
    folded = TYPES[type_].fold(record, facts)
    news = {n: v for n, v in folded.items() if record is None or getattr(record, n) != v}
    return replace(verdict, changes={**verdict.changes, **news})


def entry(op: Op, version: int = 0, changes: Mapping[str, Any] | None = None) -> Entry:
    """An op as it stands in its record's history."""
    return Entry(
        id=op.id,
        kind=op.kind,
        by=op.by,
        occurred_at=op.occurred_at,
        received_at=op.received_at,
        version=version,
        fact=KINDS[op.kind].fact,
        changes=dict(changes or {}),
        payload=newest(op),
    )


__all__ = [
    "KINDS",
    "TYPES",
    "Accepted",
    "Contested",
    "Entry",
    "Kind",
    "Merged",
    "Op",
    "Quarantined",
    "Refused",
    "Type",
    "Verdict",
    "entry",
    "judge",
    "newest",
]
