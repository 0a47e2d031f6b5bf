"""Conflicts: two versions of a record differ; the desk chooses one, the history has both."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk import labels
from server.desk.formatting import labelled_values
from server.desk.history import OpLine, op_lines, record_places, record_title
from server.desk.navigation import NavEntry
from server.desk.payload_form import form_text
from server.desk.posted_forms import say_nothing
from server.desk.submit import submit_and_redirect
from server.models.conflicts import Conflict
from server.models.directory import Directory
from server.models.feed import FeedRow
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.oplog.directory import directory_of
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.review.conflicts import combined_values

bp = Blueprint("conflicts", __name__, url_prefix="/desk/settle")
NAVIGATION = [NavEntry("conflicts.index", _l("Conflicts"), "quality", 30)]

MAX_HISTORY = 100
EDITABLE_FIELDS = ("details", "note", "contact")
"""Fields for which the desk may enter another value."""


OMITTED_WHEN_EMPTY = ("cancelled_by_id", "cancel_reason")
"""Fields that are not shown when they are empty."""


@dataclass(frozen=True, slots=True)
class ConflictSide:
    """One of two versions: its values, and the op that wrote them."""

    values: list[tuple[str, str]]
    line: OpLine | None


@dataclass(frozen=True, slots=True)
class ConflictView:
    """A conflict, open or resolved, with its texts.

    `places` are the labels of the area and the home that the record is about; `more` are further
    ops that raise the same question.
    """

    conflict: Conflict
    type: str
    title: Any
    places: list[Any]
    rule: str
    theirs: ConflictSide
    incoming: ConflictSide
    more: list[OpLine]
    combined: list[tuple[str, str]]
    editable: dict[str, str]
    taken_label: str


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    cases = _conflict_views(db.session.scalars(Conflict.unsettled(current_user().site_id)).all())
    just = request.args.get("settled", "")
    return render_template("desk/conflicts/index.html", cases=cases, just=just)


@bp.get("/history")
@allow(*DESK_ROLES)
def history() -> str:
    resolved = select(Conflict).where(
        Conflict.site_id == current_user().site_id, Conflict.settled_at.is_not(None)
    )
    newest = resolved.order_by(Conflict.settled_at.desc(), Conflict.id).limit(MAX_HISTORY)
    names = directory_of(current_user().site_id)
    cases = _conflict_views(db.session.scalars(newest).all())
    return render_template("desk/conflicts/history.html", cases=cases, names=names)


@bp.post("/<id>")
@allow(*DESK_ROLES)
def settle(id: str) -> Any:
    """Resolve with the current version, the new one, both, or a value entered here."""
    conflict, take = get_or_404(Conflict, id), request.form.get("take", "")
    entered = {name: request.form[name].strip() for name in EDITABLE_FIELDS if name in request.form}
    payload = {"take": take, **({"value": entered} if take == "value" else {})}
    if note := form_text(request.form, "settlement_note"):
        payload["note"] = note
    back = url_for("conflicts.index", settled=conflict.id)
    inputs = {"note": "settlement_note", "value": "details"}
    answer = submit_and_redirect("merge.settle", conflict.id, payload, back, inputs=inputs)
    say_nothing()  # the page says that it is resolved, and offers to undo it
    return answer


@bp.post("/<id>/reopen")
@allow(*DESK_ROLES)
def reopen(id: str) -> Any:
    return submit_and_redirect(
        "merge.reopen", get_or_404(Conflict, id).id, {}, url_for("conflicts.index")
    )


def _conflict_views(conflicts: Sequence[Conflict]) -> list[ConflictView]:
    """The views of these conflicts, with one query per table."""
    site, ids = current_user().site_id, [conflict.subject for conflict in conflicts]
    about = select(LoggedOp).where(LoggedOp.site_id == site, LoggedOp.subject.in_(ids))
    lines: dict[str, list[OpLine]] = defaultdict(list)
    for line in op_lines(db.session.scalars(about.order_by(LoggedOp.in_order()))):
        lines[line.op.subject or ""].append(line)
    feed_rows = select(FeedRow).where(FeedRow.site_id == site, FeedRow.id.in_(ids))
    bodies = {row.id: json.loads(row.body) or {} for row in db.session.scalars(feed_rows)}
    return [
        _conflict_view(conflict, lines[conflict.subject], bodies.get(conflict.subject, {}))
        for conflict in conflicts
    ]


def _conflict_view(conflict: Conflict, lines: list[OpLine], body: dict[str, Any]) -> ConflictView:
    names = directory_of(current_user().site_id)
    by_id = {line.op.id: line for line in lines}
    incoming = by_id.get(conflict.op_id)
    type_ = conflict.subject_type
    fields = [name for name in conflict.theirs if labels.has_field_label(type_, name)]
    return ConflictView(
        conflict=conflict,
        type=labels.type_label(type_),
        title=record_title(conflict.subject_type, body),
        places=record_places(body, names),
        rule=labels.refusal_label(conflict.rule),
        theirs=ConflictSide(
            _labelled_values(type_, conflict.theirs, fields, names),
            _overwritten_line(incoming, lines, conflict),
        ),
        incoming=ConflictSide(_labelled_values(type_, conflict.incoming, fields, names), incoming),
        more=[by_id[id_] for id_ in conflict.more_op_ids if id_ in by_id],
        combined=_labelled_values(
            type_, combined_values(conflict.theirs, conflict.incoming), fields, names
        ),
        editable={
            name: str(conflict.incoming[name] or "")
            for name in EDITABLE_FIELDS
            if name in conflict.incoming
        },
        taken_label=labels.value_label("merge", "taken", conflict.taken or ""),
    )


def _overwritten_line(
    incoming: OpLine | None, lines: list[OpLine], conflict: Conflict
) -> OpLine | None:
    """The op that wrote the values which the incoming op found."""
    earlier = [
        line
        for line in lines
        if line.op.status in APPLIED_STATUSES
        and line.op.changes.keys() & conflict.theirs.keys()
        and incoming is not None
        and line.op.place < incoming.op.place
    ]
    return earlier[-1] if earlier else None


def _labelled_values(
    type_: str, values: dict[str, Any], fields: list[str], names: Directory
) -> list[tuple[str, str]]:
    shown = {
        name: values[name]
        for name in fields
        if name in values and not (name in OMITTED_WHEN_EMPTY and values[name] is None)
    }
    return labelled_values(type_, shown, names)
