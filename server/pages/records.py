"""One record with everything that was ever said about it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from flask import Blueprint, abort, render_template, request, send_file, url_for
from sqlalchemy import select

from server import photos
from server.access import allow, here, mine
from server.db import db
from server.names import names_of
from server.oplog import history
from server.pages import verdicts, wording
from server.pages.telling import ask, value, who, word
from server.tables import RECORDS, Device, FeedRow, LoggedOp, Task
from sync.protocol.digest import DESK, FRONT
from sync.protocol.photos import NAMED

bp = Blueprint("records", __name__, url_prefix="/desk")

FOR_FRONT = frozenset({"round", "task", "visit", "release", "ticket", "area", "unit", "checkpoint"})
FOR_FRONT |= {"entry", "lost", "find"}
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


@bp.get("/record/<type>/<id>")
@allow(*FRONT)
def show(type: str, id: str) -> str:
    """A record as phones see it, and its whole history."""
    if type not in RECORDS or not (type in FOR_FRONT or here().may(*DESK)):
        abort(404)
    record = mine(RECORDS[type], id)
    fed = db.session.get(FeedRow, (here().site_id, id))
    body = (json.loads(fed.body) if fed else None) or {}  # what was purged shows nothing
    return render_template(
        "desk/record.html",
        type=type,
        record=record,
        title=title(type, body),
        state=word(wording.VALUES, body.get("state")),
        fields=_fields(record),
        lines=lines(history(here().site_id, id)),
        may_cancel=type == "task" and body.get("state") != "cancelled" and here().may(*DESK),
    )


@bp.get("/photo/<sha256>")
@allow(*FRONT)
def photo(sha256: str) -> Any:
    """A photo of the site that the caller looks at; there are no others."""
    site_id = here().site_id
    if not NAMED.match(sha256) or photos.here(site_id, sha256) is None:
        abort(404)
    answer = send_file(BytesIO(photos.content(site_id, sha256)), mimetype="image/jpeg")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.post("/task/<id>/cancel")
@allow(*DESK)
def cancel(id: str) -> Any:
    task = mine(Task, id)
    back = url_for("records.show", type="task", id=task.id)
    base = request.form.get("base", type=int) or abort(400)
    payload = {"reason": request.form.get("reason", "").strip()}
    return ask("task.cancel", task.id, payload, back, base=base)


def lines(ops: Iterable[LoggedOp]) -> list[Line]:
    """Ops of the caller's site as a person reads them."""
    ops, names, phones = list(ops), names_of(here().site_id), _phones()
    return [
        Line(
            op=op,
            who=who(op.by, names),
            did=word(wording.KINDS, op.kind),
            phone=phones.get(op.device_id or "", ""),
            status=word(verdicts.STATUSES, op.status),
            reason=word(verdicts.REASONS, op.code) if op.code else "",
            flags=[word(verdicts.REASONS, flag) for flag in op.flags],
            fields=[
                (word(wording.FIELDS, name), value(name, raw, names))
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
    return next((body[name] for name in kept if body.get(name)), word(wording.TYPES, type_))


def _phones() -> dict[str, str]:
    rows = db.session.execute(
        select(Device.id, Device.label).where(Device.site_id == here().site_id)
    )
    return {row.id: row.label for row in rows}


def _fields(record: Any) -> list[tuple[str, str]]:
    names = names_of(here().site_id)
    columns = record.__table__.columns
    shown = {name: getattr(record, name) for name in wording.FIELDS if name in columns}
    return [
        (word(wording.FIELDS, name), value(name, raw, names))
        for name, raw in shown.items()
        if raw not in (None, "", [])
    ]
