"""One record with everything that was ever said about it."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from flask import Blueprint, abort, render_template, request, send_file, url_for

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk import labels
from server.desk.history import lines, title
from server.desk.post import ask, value, word
from server.models import RECORDS, FeedRow, Task
from server.oplog.directory import names_of
from server.oplog.receive import history
from server.photos import uploads
from sync.protocol.digest import DESK, FRONT
from sync.protocol.photos import NAMED

bp = Blueprint("records", __name__, url_prefix="/desk")

FOR_FRONT = frozenset({"round", "task", "visit", "release", "ticket", "area", "unit", "checkpoint"})
FOR_FRONT |= {"entry", "lost", "find"}


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
        state=word(labels.VALUES, body.get("state")),
        fields=_fields(record),
        lines=lines(history(here().site_id, id)),
        may_cancel=type == "task" and body.get("state") != "cancelled" and here().may(*DESK),
    )


@bp.get("/photo/<sha256>")
@allow(*FRONT)
def photo(sha256: str) -> Any:
    """A photo of the site that the caller looks at; there are no others."""
    site_id = here().site_id
    if not NAMED.match(sha256) or uploads.here(site_id, sha256) is None:
        abort(404)
    answer = send_file(BytesIO(uploads.content(site_id, sha256)), mimetype="image/jpeg")
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


def _fields(record: Any) -> list[tuple[str, str]]:
    names = names_of(here().site_id)
    columns = record.__table__.columns
    shown = {name: getattr(record, name) for name in labels.FIELDS if name in columns}
    return [
        (word(labels.FIELDS, name), value(name, raw, names))
        for name, raw in shown.items()
        if raw not in (None, "", [])
    ]
