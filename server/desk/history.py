"""The history of records as a person reads it: who did what, when, from which phone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from server.auth.access import here
from server.db.engine import db
from server.desk import labels, verdict_labels
from server.desk.post import value, who, word
from server.models import Device, LoggedOp
from server.oplog.directory import names_of

LATE = timedelta(minutes=2)
HIDDEN = (
    *("site_id", "schedule_id", "category_id", "op_id"),
    *("subject", "subject_type", "base", "result", "party"),
)
"""What of a payload tells a person nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """One op as a person reads it."""

    op: LoggedOp
    who: str
    did: str
    phone: str
    status: str
    reason: str
    flags: list[str]
    fields: list[tuple[str, str]]

    @property
    def late(self) -> timedelta | None:
        """How long it was on the phone before it came here."""
        wait: timedelta = self.op.received_at - self.op.occurred_at
        return wait if wait > LATE else None

    @property
    def when(self) -> datetime:
        moment: datetime = self.op.occurred_at
        return moment


def lines(ops: Iterable[LoggedOp]) -> list[Line]:
    """Ops of the caller's site as a person reads them."""
    ops, names, phones = list(ops), names_of(here().site_id), _phones()
    return [
        Line(
            op=op,
            who=who(op.by, names),
            did=word(labels.KINDS, op.kind),
            phone=phones.get(op.device_id or "", ""),
            status=word(verdict_labels.STATUSES, op.status),
            reason=word(verdict_labels.REASONS, op.code) if op.code else "",
            flags=[word(verdict_labels.REASONS, flag) for flag in op.flags],
            fields=[
                (word(labels.FIELDS, name), value(name, raw, names))
                for name, raw in readable(op.payload).items()
            ],
        )
        for op in ops
    ]


def readable(payload: Any) -> dict[str, Any]:
    """What of a payload tells a person something; one that could not be read may be anything."""
    if not isinstance(payload, dict):
        return {"payload": str(payload)[:200]}
    return {name: raw for name, raw in payload.items() if name not in HIDDEN}


def title(type_: str, body: dict[str, Any]) -> Any:
    """What a record is called: its label, its number, its name."""
    kept = ("label", "number", "visitor", "what", "name", "title", "person", "item", "who")
    return next((body[name] for name in kept if body.get(name)), word(labels.TYPES, type_))


def _phones() -> dict[str, str]:
    rows = db.session.execute(
        select(Device.id, Device.label).where(Device.site_id == here().site_id)
    )
    return {row.id: row.label for row in rows}
