"""Ops that were set aside: what one still says, and how the desk has it judged after all."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.exc import StatementError

from server.db.engine import DATABASE_ERRORS, db, write_transaction
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.models.quarantine import DECIDABLE
from server.oplog.incoming import NewOp
from server.oplog.op_row import Answer
from server.oplog.receive import lock_site, make_op, submit_in_transaction
from server.oplog.redaction import PURGED_FLAG
from sync import KINDS
from sync.protocol.clock import format_time, parse_time
from sync.protocol.messages import is_portable_json
from sync.review.quarantine import ACCEPTED, CORRECTED

KIND_BY_OUTCOME = {ACCEPTED: "aside.accept", CORRECTED: "aside.mend"}


@dataclass(frozen=True, slots=True)
class Draft:
    """What an op that was set aside says, in the newest version of its kind."""

    kind: str
    subject: str
    by: str
    base: int | None
    occurred_at: datetime
    payload: dict[str, Any]


class NotApplicable(Exception):
    """Nothing was changed; says why, as verdicts do."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def quarantine_record_id(op_id: str) -> str:
    """The id of the record that tells what became of an op: the same for everybody."""
    return str(uuid5(UUID(op_id), "aside"))


def parse_draft(op: LoggedOp) -> Draft | None:
    """What an op says, if that is enough to judge it; None where only its text is left."""
    raw = json.loads(op.body)
    kind = KINDS.get(str(raw.get("kind")))
    if PURGED_FLAG in op.flags or op.status not in DECIDABLE or not kind or not kind.from_phones:
        return None
    try:
        ids = {name: str(UUID(raw[name])) for name in ("subject", "by")}
        payload = kind.upcast(int(raw.get("v", 1)), raw["payload"])
    except Exception:  # whatever a damaged op may be; an upcaster is not made for it
        return None
    if (
        not isinstance(payload, dict)
        or not is_portable_json(payload)
        or raw.get("v", 1) > kind.payload_version
    ):
        return None
    base = raw.get("base") if type(raw.get("base")) is int else None
    moment = _occurred_at(op, raw.get("at"))
    return Draft(str(raw["kind"]), **ids, base=base, occurred_at=moment, payload=payload)


def _occurred_at(op: LoggedOp, said: Any) -> datetime:
    """One that was damaged was not corrected: what it says itself, but never after its arrival."""
    if op.at is None:
        with suppress(TypeError, ValueError, OverflowError):
            return min(parse_time(said), op.received_at)
    return op.occurred_at


def judge_quarantined(
    site_id: str, op: LoggedOp, its: Draft, *, by: str, payload: dict[str, Any] | None = None
) -> Answer:
    """X2, X3, X11: judge an op in place of the one that was set aside, and say who had it judged.

    Both are one transaction: raises CannotStand where the op would not stand, and nothing changed.
    """
    how = ACCEPTED if payload is None else CORRECTED
    record, instead = quarantine_record_id(op.id), str(uuid5(UUID(op.id), "instead"))
    said = its.payload if payload is None else payload
    base = its.base if payload is None else None  # whoever mends it sees the record of now
    stands = make_op(its.kind, its.subject, said, by=its.by, base=base, id=instead)
    stands["stands_for"] = {"op": op.id, "how": how, "occurred_at": format_time(its.occurred_at)}
    ops = [
        make_open_op(op.id),
        stands,
        make_op(KIND_BY_OUTCOME[how], record, {"instead_id": instead}, by=by),
    ]
    try:
        with write_transaction():
            _require_open(site_id, op.id)
            _, told, settled = submit_in_transaction(site_id, ops)
            for answer, good in (
                (settled, APPLIED_STATUSES),
                (told, (*APPLIED_STATUSES, "contested")),
            ):
                if answer["status"] not in good:
                    raise NotApplicable(answer["code"])
    except DATABASE_ERRORS:  # the database is not at hand: that says nothing of the op
        raise
    except StatementError as error:
        raise NotApplicable("malformed") from error
    return told


def _require_open(site_id: str, op_id: str) -> None:
    """What it waited for may have come while somebody looked at it."""
    lock_site(site_id)
    mine = LoggedOp.site_id == site_id, LoggedOp.id == op_id
    if db.session.scalar(select(LoggedOp.status).where(*mine)) not in DECIDABLE:
        raise NotApplicable("already-settled")


def make_open_op(op_id: str) -> NewOp:
    """The record of what becomes of an op, begun by whoever looks first; twice is harmless."""
    begun = str(uuid5(UUID(op_id), "aside.open"))
    return make_op("aside.open", quarantine_record_id(op_id), {"op_id": op_id}, id=begun)
