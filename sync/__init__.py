"""The rules: which kinds of op there are, and what each does to its record.

Pure Python: no web, no database, no clock of its own. Every module below this package may declare a
`FEATURE`; the tables below are collected from these declarations.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from marshmallow import ValidationError

from sync.protocol.clock import NETWORK_TOLERANCE
from sync.protocol.conflict_resolution import merge_decision
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    Accepted,
    Contested,
    HistoryEntry,
    Kind,
    Merged,
    Op,
    Quarantined,
    Refused,
    Verdict,
    implausible_times,
)
from sync.protocol.text import Text, _l
from sync.review.moot import FlaggedFact, is_moot


def _declared_features() -> Iterator[Feature]:
    """The `FEATURE` of every module below this package that has one, in the order of names."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        feature = getattr(import_module(module.name), "FEATURE", None)
        if feature is not None:
            yield feature


FEATURES: tuple[Feature, ...] = tuple(_declared_features())
KINDS: dict[str, Kind] = {
    name: kind for feature in FEATURES for name, kind in feature.kinds.items()
}
RECORD_TYPES: dict[str, RecordType] = {
    name: type_ for feature in FEATURES for name, type_ in feature.types.items()
}

UNKNOWN_KIND = _l("Other record")
"""The label of a kind that this version does not know."""

_payload_schemas = {name: kind.payload() for name, kind in KINDS.items()}


def judge(type_: str, record: Any | None, op: Op, history: Sequence[HistoryEntry] = ()) -> Verdict:
    """The verdict on an op. The record is not changed.

    `record` has the fields of its type as attributes, or is None if there is none yet; `history`
    are the ops that were applied to it. The payload is validated here, so rules receive valid
    values only.
    """
    kind = KINDS[op.kind]
    subject_error = _subject_error(kind, type_, record)
    if subject_error:
        return subject_error
    try:
        payload = _payload_schemas[op.kind].load(upcast_payload(op))
    except (ValidationError, TypeError):
        return Quarantined("malformed")
    op = replace(op, payload=payload, v=kind.payload_version, sent_v=op.v)
    is_implausible = op.arriving and implausible_times(
        _payload_schemas[op.kind], payload, op.occurred_at
    )
    if op.arriving and _is_before_it_existed(kind, record, op):
        return Refused("before-it-existed")
    if kind.fact:
        verdict = kind.rule(record, op)
        if is_implausible and isinstance(verdict, Accepted) and not verdict.flag:
            verdict = replace(verdict, flag="implausible-time")
        return _apply_fold(type_, record, verdict, [*history, to_history_entry(op)])
    if is_implausible and not kind.from_server_only:
        return Refused("implausible-time")
    if kind.ignore_base:
        return kind.rule(record, op)
    unseen = [
        e for e in history if op.base is not None and e.version > op.base and _is_user_change(e)
    ]
    seen = [e for e in history if e not in unseen]
    return merge_decision(kind, record, op, unseen, seen)


def kind_label(kind: str) -> Text:
    """The label of a kind of op, or of `UNKNOWN_KIND`."""
    return KINDS[kind].label if kind in KINDS else UNKNOWN_KIND


def upcast_payload(op: Op) -> dict[str, Any]:
    """An op's payload in the newest version of its kind."""
    return KINDS[op.kind].upcast(op.v, op.payload)


def is_flag_moot(
    flag: str, type_: str, record: Any, op_id: str, history: Sequence[HistoryEntry]
) -> bool:
    """M7: whether the question about a flagged fact is moot by what its record says now.

    `op_id` is the id of the fact, `history` the ops that were applied to the record.
    """
    entry = next((entry for entry in history if entry.id == op_id), None)
    if entry is None or KINDS[entry.kind].creates or not entry.fact:
        return False
    payload = _payload_schemas[entry.kind].load(entry.payload)
    op = Op(
        id=op_id,
        kind=entry.kind,
        subject="",
        by=entry.by,
        occurred_at=entry.occurred_at,
        received_at=entry.received_at,
        payload=payload,
    )
    fact = FlaggedFact(
        rule=KINDS[entry.kind].rule,
        fold=RECORD_TYPES[type_].fold,
        record=record,
        op=op,
        beginning=history[0],
        others=[other for other in history if other.fact and other.id != op_id],
        itself=entry,
    )
    return is_moot(flag, fact)


def _subject_error(kind: Kind, type_: str, record: Any | None) -> Quarantined | Refused | None:
    if kind.type not in (None, type_) or (record is None and not kind.creates):
        return Quarantined("no-such-record")
    if kind.type is None and not RECORD_TYPES[type_].allows_photos:
        return Quarantined("no-photos-here")
    if record is not None and kind.creates:
        return Quarantined("already-exists") if kind.fact else Refused("already-exists")
    return None


def _is_before_it_existed(kind: Kind, record: Any | None, op: Op) -> bool:
    """L8: nobody confirms or approves what was not there yet, whatever the clock of their phone
    says. A few seconds are the network's."""
    if kind.not_before is None:
        return False
    since = getattr(record, kind.not_before)
    dated_at = op.dated_at or op.occurred_at
    return kind.fact if since is None else dated_at < since - NETWORK_TOLERANCE


def _is_user_change(entry: HistoryEntry) -> bool:
    """Whether a person made the change: what the server records by itself never conflicts."""
    return not KINDS[entry.kind].from_server_only


def _apply_fold(
    type_: str, record: Any | None, verdict: Accepted | Refused, history: Sequence[HistoryEntry]
) -> Accepted | Refused:
    """L1: fold the facts in the order of (`occurred_at`, id), whatever order they arrived in."""
    if isinstance(verdict, Refused):
        return verdict
    facts = sorted((e for e in history if e.fact), key=lambda e: (e.occurred_at, e.id))
    folded = RECORD_TYPES[type_].fold(record, facts)
    changed = {n: v for n, v in folded.items() if record is None or getattr(record, n) != v}
    return replace(verdict, changes={**verdict.changes, **changed})


def to_history_entry(
    op: Op, version: int = 0, changes: Mapping[str, Any] | None = None
) -> HistoryEntry:
    """An op as an entry of its record's history."""
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
        v=op.sent_v or op.v,
    )


__all__ = [
    "FEATURES",
    "KINDS",
    "RECORD_TYPES",
    "UNKNOWN_KIND",
    "Accepted",
    "Contested",
    "Feature",
    "HistoryEntry",
    "Kind",
    "Merged",
    "Op",
    "Quarantined",
    "RecordType",
    "Refused",
    "Verdict",
    "is_flag_moot",
    "judge",
    "kind_label",
    "to_history_entry",
    "upcast_payload",
]
