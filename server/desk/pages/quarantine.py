"""Kept aside: what came and changed nothing; the desk accepts it, mends it, or leaves it aside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, url_for

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk import labels, payload_form
from server.desk.history import Line, lines
from server.desk.post import ask, value, word
from server.desk.quarantine import CannotStand, Draft, draft, opening, record_of, stand_in
from server.models import Aside, FeedRow, LoggedOp, Names
from server.models.quarantine import OPEN_TO_DESK
from server.oplog.directory import names_of
from server.oplog.receive import post_many
from sync import KINDS
from sync.protocol.digest import DESK
from sync.protocol.messages import is_sound

bp = Blueprint("asides", __name__, url_prefix="/desk/aside")

SHOWN = 200
DECIDED = 50


@dataclass(frozen=True, slots=True)
class Decided:
    """What somebody at the desk decided about, with how and why."""

    line: Line
    aside: Aside
    said: str

    @property
    def is_open(self) -> bool:
        """Whether it is still aside: what a phone itself sent later is not."""
        return self.line.op.status in OPEN_TO_DESK


@bp.get("")
@allow(*DESK)
def index() -> str:
    """What waits for a decision, what was decided, what is answered or still waits by itself."""
    site = here().site_id
    waiting = db.session.scalars(Aside.undecided(site).limit(SHOWN)).all()
    rest = Aside.besides(site).limit(SHOWN)
    return render_template(
        "desk/aside/index.html",
        waiting=lines(waiting),
        decided=_decided(),
        rest=lines(db.session.scalars(rest)),
        names=names_of(site),
    )


@bp.get("/<id>")
@allow(*DESK)
def show(id: str) -> str:
    return _page(_op(id))


@bp.post("/<id>/accept")
@allow(*DESK)
def accept(id: str) -> Any:
    """`aside.accept`: judged now as it came."""
    op = _op(id)
    its = draft(op) or abort(404)
    return _stand_in(op, its, None)


@bp.post("/<id>/mend")
@allow(*DESK)
def mend(id: str) -> Any:
    """`aside.mend`: judged as the form says; one that still has faults comes back with them."""
    op = _op(id)
    its = draft(op) or abort(404)
    schema = KINDS[its.kind].payload()
    payload = payload_form.payload_of(schema, request.form)
    wrong = payload_form.faults(schema, payload) if is_sound(payload) else [""]
    if wrong:
        return _page(op, typed=payload, wrong=wrong), 422
    return _stand_in(op, its, payload)


@bp.post("/<id>/dismiss")
@allow(*DESK)
def dismiss(id: str) -> Any:
    op = _op(id)
    reason = {"reason": request.form.get("reason", "").strip()}
    post_many(here().site_id, [opening(op.id)])
    return ask("aside.dismiss", record_of(op.id), reason, url_for("asides.show", id=op.id))


def undecided() -> int:
    """How many wait for the desk; shown wherever somebody looks who may decide."""
    if "undecided" not in g:
        g.undecided = db.session.scalar(Aside.how_many(here().site_id)) or 0
    return int(g.undecided)


bp.app_context_processor(lambda: {"undecided": undecided})


def _op(id_: str) -> LoggedOp:
    op = mine(LoggedOp, id_)
    return op if op.status in OPEN_TO_DESK and op.device_id else abort(404)


def _stand_in(op: LoggedOp, its: Draft, payload: dict[str, Any] | None) -> Any:
    back = url_for("asides.show", id=op.id)
    try:
        told = stand_in(here().site_id, op, its, by=here().person_id, payload=payload)
    except CannotStand as error:
        return redirect(f"{back}?said={error.code}", 303)
    contested = told["status"] == "contested"
    return redirect(f"{back}?said=contested" if contested else back, 303)


def _page(op: LoggedOp, typed: dict[str, Any] | None = None, wrong: list[str] | None = None) -> str:
    site, names, its = here().site_id, names_of(here().site_id), draft(op)
    aside = db.session.get(Aside, (site, record_of(op.id)))
    instead = db.session.get(LoggedOp, (site, aside.instead_id)) if aside else None
    schema = KINDS[its.kind].payload() if its else None
    payload = typed if typed is not None else its.payload if its else {}
    return render_template(
        "desk/aside/show.html",
        line=lines([op])[0],
        aside=aside,
        names=names,
        outcome_word=word(labels.OUTCOMES, aside.outcome if aside else None),
        record=db.session.get(FeedRow, (site, op.subject or "")),
        its=its,
        fields=_said(payload if typed is None else its.payload if its else {}, names),
        inputs=payload_form.inputs(schema, payload, names) if schema else [],
        left_out=list(payload_form.unknown(schema, its.payload)) if schema and its else [],
        wrong=wrong or [],
        whole=schema and its and not payload_form.faults(schema, its.payload),
        instead=lines([instead])[0] if instead else None,
        text=json.dumps(json.loads(op.body), ensure_ascii=False, indent=2),
    )


def _said(payload: dict[str, Any], names: Names) -> list[tuple[str, str]]:
    return [(word(labels.FIELDS, name), value(name, raw, names)) for name, raw in payload.items()]


def _decided() -> list[Decided]:
    rows = db.session.execute(Aside.decided(here().site_id).limit(DECIDED)).all()
    told = lines(op for _, op in rows)
    return [
        Decided(line, aside, word(labels.OUTCOMES, aside.outcome))
        for line, (aside, _) in zip(told, rows, strict=True)
    ]
