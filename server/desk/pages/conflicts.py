"""Settling: two records differ, the desk picks one, and the other stays to be seen."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk import labels, verdict_labels
from server.desk.history import Line, lines, title
from server.desk.labels import FIELDS
from server.desk.post import ask, value, word
from server.models import FeedRow, LoggedOp, Merge, Names
from server.models.oplog import STANDING
from server.oplog.directory import names_of
from sync.protocol.digest import DESK
from sync.review.conflicts import together

bp = Blueprint("settle", __name__, url_prefix="/desk/settle")

HISTORY = 100
TYPED = ("details", "note", "contact")
"""Fields for which the desk may write a third value."""


WHY = ("cancelled_by_id", "cancel_reason")
"""Fields that say nothing when they are empty."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of two sides: what it says, and the op that said it."""

    values: list[tuple[str, str]]
    line: Line | None


@dataclass(frozen=True, slots=True)
class Case:
    """Something to settle, or settled, as the desk reads it."""

    merge: Merge
    type: str
    title: Any
    place: Any
    rule: str
    theirs: Side
    incoming: Side
    both: list[tuple[str, str]]
    typed: dict[str, str]
    taken: str


@bp.get("/")
@allow(*DESK)
def index() -> str:
    cases = _cases(db.session.scalars(Merge.unsettled(here().site_id)).all())
    just = request.args.get("settled", "")
    return render_template("desk/settle/index.html", cases=cases, just=just)


@bp.get("/history")
@allow(*DESK)
def settled() -> str:
    mine_ = select(Merge).where(Merge.site_id == here().site_id, Merge.settled_at.is_not(None))
    newest = mine_.order_by(Merge.settled_at.desc(), Merge.id).limit(HISTORY)
    names = names_of(here().site_id)
    cases = _cases(db.session.scalars(newest).all())
    return render_template("desk/settle/history.html", cases=cases, names=names)


@bp.post("/<id>")
@allow(*DESK)
def settle(id: str) -> Any:
    """Take this, take that, both, or what the desk wrote instead."""
    merge, take = mine(Merge, id), request.form.get("take", "")
    third = {name: request.form[name].strip() for name in TYPED if name in request.form}
    payload = {"take": take, **({"value": third} if take == "value" else {})}
    back = url_for("settle.index", settled=merge.id)
    return ask("merge.settle", merge.id, payload, back)


@bp.post("/<id>/reopen")
@allow(*DESK)
def reopen(id: str) -> Any:
    return ask("merge.reopen", mine(Merge, id).id, {}, url_for("settle.index"))


def _cases(merges: Sequence[Merge]) -> list[Case]:
    """Everything that the desk shows of some merges, with one query a sort of row."""
    site, ids = here().site_id, [merge.subject for merge in merges]
    about = select(LoggedOp).where(LoggedOp.site_id == site, LoggedOp.subject.in_(ids))
    told: dict[str, list[Line]] = defaultdict(list)
    for line in lines(db.session.scalars(about.order_by(LoggedOp.place))):
        told[line.op.subject or ""].append(line)
    fed = select(FeedRow).where(FeedRow.site_id == site, FeedRow.id.in_(ids))
    bodies = {row.id: json.loads(row.body) or {} for row in db.session.scalars(fed)}
    return [_case(merge, told[merge.subject], bodies.get(merge.subject, {})) for merge in merges]


def _case(merge: Merge, told: list[Line], body: dict[str, Any]) -> Case:
    names = names_of(here().site_id)
    incoming = next((line for line in told if line.op.id == merge.op_id), None)
    fields = [name for name in merge.theirs if name in FIELDS]
    return Case(
        merge=merge,
        type=word(labels.TYPES, merge.subject_type),
        title=title(merge.subject_type, body),
        place=body.get("area_label") or (body.get("area") if body.get("label") else None),
        rule=word(verdict_labels.RULES, merge.rule),
        theirs=Side(_said(merge.theirs, fields, names), _before(incoming, told, merge)),
        incoming=Side(_said(merge.incoming, fields, names), incoming),
        both=_said(together(merge.theirs, merge.incoming), fields, names),
        typed={name: str(merge.incoming[name] or "") for name in TYPED if name in merge.incoming},
        taken=word(labels.VALUES, merge.taken),
    )


def _before(incoming: Line | None, told: list[Line], merge: Merge) -> Line | None:
    """The op that wrote what stood when the incoming one came."""
    earlier = [
        line
        for line in told
        if line.op.status in STANDING
        and line.op.changes.keys() & merge.theirs.keys()
        and incoming is not None
        and line.op.place < incoming.op.place
    ]
    return earlier[-1] if earlier else None


def _said(values: dict[str, Any], fields: list[str], names: Names) -> list[tuple[str, str]]:
    return [
        (word(labels.FIELDS, name), value(name, values[name], names))
        for name in fields
        if name in values and not (name in WHY and values[name] is None)
    ]
