"""Kept aside: what came and changed nothing; the desk accepts it, mends it, or leaves it aside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk import labels
from server.desk.formatting import labelled_value
from server.desk.history import OpLine, op_lines
from server.desk.navigation import NavEntry
from server.desk.payload_form import (
    corrected_payload,
    correction_inputs,
    invalid_fields,
    unknown_fields,
)
from server.desk.quarantine import (
    Draft,
    NotApplicable,
    judge_quarantined,
    make_open_op,
    parse_draft,
    quarantine_record_id,
)
from server.desk.submit import submit_and_redirect
from server.models.directory import Directory
from server.models.feed import FeedRow
from server.models.oplog import LoggedOp
from server.models.quarantine import DECIDABLE, QuarantinedOp
from server.oplog.directory import directory_of
from server.oplog.receive import submit_many
from sync.protocol.messages import is_portable_json
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("quarantine", __name__, url_prefix="/desk/aside")

MAX_LISTED = 200
MAX_DECISIONS = 50


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody at the desk decided about, with how and why."""

    line: OpLine
    quarantined: QuarantinedOp
    outcome_label: str

    @property
    def is_decidable(self) -> bool:
        """Whether it is still aside: what a phone itself sent later is not."""
        return self.line.op.status in DECIDABLE


@bp.get("")
@allow(*DESK_ROLES)
def index() -> str:
    """What waits for a decision, what was decided, what is answered or still waits by itself."""
    site = current_user().site_id
    waiting = db.session.scalars(QuarantinedOp.undecided(site).limit(MAX_LISTED)).all()
    rest = QuarantinedOp.refused_or_waiting(site).limit(MAX_LISTED)
    return render_template(
        "desk/quarantine/index.html",
        waiting=op_lines(waiting),
        decided=_recent_decisions(),
        rest=op_lines(db.session.scalars(rest)),
        names=directory_of(site),
    )


@bp.get("/<id>")
@allow(*DESK_ROLES)
def show(id: str) -> str:
    return _render_op(_decidable_op(id))


@bp.post("/<id>/accept")
@allow(*DESK_ROLES)
def accept(id: str) -> Any:
    """`aside.accept`: judged now as it came."""
    op = _decidable_op(id)
    its = parse_draft(op) or abort(404)
    return _judge_and_redirect(op, its, None)


@bp.post("/<id>/mend")
@allow(*DESK_ROLES)
def correct(id: str) -> Any:
    """`aside.mend`: judged as the form says; one that still has faults comes back with them."""
    op = _decidable_op(id)
    its = parse_draft(op) or abort(404)
    payload = corrected_payload(its.kind, request.form)
    wrong = invalid_fields(its.kind, payload) if is_portable_json(payload) else [""]
    if wrong:
        return _render_op(op, typed=payload, wrong=wrong), 422
    return _judge_and_redirect(op, its, payload)


@bp.post("/<id>/dismiss")
@allow(*DESK_ROLES)
def dismiss(id: str) -> Any:
    op = _decidable_op(id)
    reason = {"reason": request.form.get("reason", "").strip()}
    submit_many(current_user().site_id, [make_open_op(op.id)])
    return submit_and_redirect(
        "aside.dismiss", quarantine_record_id(op.id), reason, url_for("quarantine.show", id=op.id)
    )


def undecided_count() -> int:
    """How many wait for the desk; shown wherever somebody looks who may decide."""
    if "undecided" not in g:
        g.undecided = db.session.scalar(QuarantinedOp.count_undecided(current_user().site_id)) or 0
    return int(g.undecided)


def _decidable_op(id_: str) -> LoggedOp:
    op = get_or_404(LoggedOp, id_)
    return op if op.status in DECIDABLE and op.device_id else abort(404)


def _judge_and_redirect(op: LoggedOp, its: Draft, payload: dict[str, Any] | None) -> Any:
    back = url_for("quarantine.show", id=op.id)
    try:
        told = judge_quarantined(
            current_user().site_id, op, its, by=current_user().person_id, payload=payload
        )
    except NotApplicable as error:
        return redirect(f"{back}?said={error.code}", 303)
    contested = told["status"] == "contested"
    return redirect(f"{back}?said=contested" if contested else back, 303)


def _render_op(
    op: LoggedOp, typed: dict[str, Any] | None = None, wrong: list[str] | None = None
) -> str:
    site, names, its = current_user().site_id, directory_of(current_user().site_id), parse_draft(op)
    aside = db.session.get(QuarantinedOp, (site, quarantine_record_id(op.id)))
    instead = db.session.get(LoggedOp, (site, aside.instead_id)) if aside else None
    payload = typed if typed is not None else its.payload if its else {}
    return render_template(
        "desk/quarantine/show.html",
        line=op_lines([op])[0],
        aside=aside,
        names=names,
        outcome_word=_outcome_label(aside) if aside else "",
        record=db.session.get(FeedRow, (site, op.subject or "")),
        its=its,
        fields=_labelled_fields(
            op, payload if typed is None else its.payload if its else {}, names
        ),
        inputs=correction_inputs(its.kind, payload, names) if its else [],
        left_out=unknown_fields(its.kind, its.payload) if its else [],
        wrong=wrong or [],
        whole=its and not invalid_fields(its.kind, its.payload),
        instead=op_lines([instead])[0] if instead else None,
        text=json.dumps(json.loads(op.body), ensure_ascii=False, indent=2),
    )


def _labelled_fields(
    op: LoggedOp, payload: dict[str, Any], names: Directory
) -> list[tuple[str, str]]:
    return [
        labelled_value(op.subject_type, name, value, names, kind=op.kind)
        for name, value in payload.items()
    ]


def _outcome_label(quarantined: QuarantinedOp) -> str:
    return labels.value_label("aside", "outcome", quarantined.outcome or "")


def _recent_decisions() -> list[Decision]:
    rows = db.session.execute(
        QuarantinedOp.decided(current_user().site_id).limit(MAX_DECISIONS)
    ).all()
    told = op_lines(op for _, op in rows)
    return [
        Decision(line, aside, _outcome_label(aside))
        for line, (aside, _) in zip(told, rows, strict=True)
    ]


NAVIGATION = [NavEntry("quarantine.index", _l("Quarantine"), 30, waiting=undecided_count)]

bp.app_context_processor(lambda: {"undecided_count": undecided_count})
