"""Conflict resolution: the verdict on a decision whose author had not seen the newest version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sync.protocol.clock import format_time
from sync.protocol.op import Accepted, Contested, HistoryEntry, Kind, Merged, Op, Refused


def merge_decision(
    kind: Kind, record: Any, op: Op, unseen: Sequence[HistoryEntry], seen: Sequence[HistoryEntry]
) -> Accepted | Refused | Merged | Contested:
    """M1, M2, M3: judge a decision by the version that its author saw, then compare it with later
    changes.

    `unseen` are the entries of the history that the author had not seen, `seen` the others. If the
    unseen changes wrote other fields or the same values, both stand (Merged). If they wrote another
    value to the same field, or a field in `kind.conflicts_with`, the verdict is Contested: the
    current value stands until a supervisor decides.
    """
    changed = {name for entry in unseen for name in entry.changes}
    if not changed:
        return kind.rule(record, op)
    before = record_at_base(record, changed, seen)
    verdict = kind.rule(before, op)
    if isinstance(verdict, Refused):
        return verdict
    current = vars(record)
    overlap = {n for n in verdict.changes if n in changed and current[n] != verdict.changes[n]}
    conflicting = kind.conflicts_with & changed
    names = overlap | conflicting | verdict.changes.keys()
    base = {name: getattr(before, name) for name in names}
    if overlap or conflicting:
        theirs = {name: current[name] for name in names}
        rule = "same-field" if overlap else "unseen-fact"
        return Contested(base, theirs, verdict.changes, rule)
    theirs = {name: current[name] for name in changed}
    rule = "same-value" if changed & verdict.changes.keys() else "other-fields"
    return Merged(verdict.changes, base, theirs, rule, verdict.followups)


def record_at_base(record: Any, changed: set[str], seen: Sequence[HistoryEntry]) -> SimpleNamespace:
    """The record with the fields in `changed` as they were before the unseen changes."""
    before: dict[str, Any] = dict.fromkeys(changed)
    for entry in seen:
        before.update({name: entry.changes[name] for name in changed & entry.changes.keys()})
    return SimpleNamespace(**{**vars(record), **before})


def to_json_value(value: Any) -> Any:
    """A value as JSON stores it: a datetime becomes text, a tuple a list."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, dict):
        return {name: to_json_value(inner) for name, inner in value.items()}
    return [to_json_value(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def conflict_text(verdict: Merged | Contested, op: Op) -> str:
    """What happened, in English, for the answer to the phone; the desk shows it in the reader's
    language."""
    fields = ", ".join(sorted(verdict.theirs)) or "the record"
    made_at, received_at = op.occurred_at.strftime("%H:%M"), op.received_at.strftime("%H:%M")
    if isinstance(verdict, Merged):
        return (
            f"Made at {made_at} UTC, received at {received_at}; {fields} had changed. Both stand."
        )
    return (
        f"Made at {made_at} UTC, received at {received_at}; {fields} had changed. "
        "The current value stands until the desk decides."
    )
