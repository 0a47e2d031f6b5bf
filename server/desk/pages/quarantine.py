"""Quarantine: records without effect; the desk accepts, corrects or dismisses each."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.doubts import op_doubts, phone_doubts
from server.desk.field_errors import check_payload, refused_by_rule
from server.desk.formatting import labelled_values
from server.desk.history import op_lines
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.payload_form import (
    corrected_payload,
    correction_inputs,
    invalid_fields,
    unknown_fields,
)
from server.desk.posted_forms import say
from server.desk.quarantine import (
    Draft,
    NotApplicable,
    judge_quarantined,
    make_open_op,
    needs_takeover,
    objection,
    parse_draft,
    quarantine_record_id,
)
from server.desk.quarantine_decided import outcome_label
from server.desk.quarantine_list import QUARANTINE
from server.desk.story import Event, story_of
from server.desk.submit import submit_and_redirect
from server.models.directory import Directory
from server.models.feed import FeedRow
from server.models.oplog import LoggedOp
from server.models.quarantine import DECIDABLE, QuarantinedOp
from server.oplog.directory import directory_of
from server.oplog.receive import submit_many
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("quarantine", __name__, url_prefix="/desk/aside")

register_list(bp, QUARANTINE)


@bp.get("/<id>")
@allow(*DESK_ROLES)
def show(id: str) -> str:
    return _render_op(_decidable_op(id))


@bp.post("/<id>/accept")
@allow(*DESK_ROLES)
def accept(id: str) -> Any:
    """`aside.accept`: judged now as it came."""
    op = _decidable_op(id)
    draft = parse_draft(op) or abort(404)
    return _judge_and_redirect(op, draft, None)


@bp.post("/<id>/mend")
@allow(*DESK_ROLES)
def correct(id: str) -> Any:
    """`aside.mend`: judged as the form says; one that still has faults comes back with them."""
    op = _decidable_op(id)
    draft = parse_draft(op) or abort(404)
    payload = corrected_payload(draft.kind, request.form)
    check_payload(draft.kind, payload, page=url_for("quarantine.show", id=op.id))
    return _judge_and_redirect(op, draft, payload)


@bp.post("/<id>/dismiss")
@allow(*DESK_ROLES)
def dismiss(id: str) -> Any:
    op = _decidable_op(id)
    reason = {"reason": request.form.get("reason", "").strip()}
    back = url_for("quarantine.show", id=op.id)
    check_payload("aside.dismiss", reason, page=back)
    submit_many(current_user().site_id, [make_open_op(op.id)])
    return submit_and_redirect("aside.dismiss", quarantine_record_id(op.id), reason, back)


def undecided_count() -> int:
    """How many ops need a decision; computed once a request."""
    if "undecided" not in g:
        g.undecided = db.session.scalar(QuarantinedOp.count_undecided(current_user().site_id)) or 0
    return int(g.undecided)


def _decidable_op(id_: str) -> LoggedOp:
    op = get_or_404(LoggedOp, id_)
    return op if op.status in DECIDABLE and op.device_id else abort(404)


def _judge_and_redirect(op: LoggedOp, draft: Draft, payload: dict[str, Any] | None) -> Any:
    url = url_for("quarantine.show", id=op.id)
    try:
        verdict = judge_quarantined(
            current_user().site_id, op, draft, by=current_user().person_id, payload=payload
        )
    except NotApplicable as error:
        raise refused_by_rule(error.code, {}, url) from error
    if verdict["status"] == "contested":
        say("contested")
    return redirect(url, 303)


def _render_op(op: LoggedOp) -> str:
    site, names, draft = (
        current_user().site_id,
        directory_of(current_user().site_id),
        parse_draft(op),
    )
    quarantined = db.session.get(QuarantinedOp, (site, quarantine_record_id(op.id)))
    replacement = db.session.get(LoggedOp, (site, quarantined.instead_id)) if quarantined else None
    payload = draft.payload if draft else {}
    return render_template(
        "desk/quarantine/show.html",
        event=_event(op),
        doubts=op_doubts(op_lines([op])[0], phone_doubts(site)),
        line=op_lines([op])[0],
        quarantined=quarantined,
        names=names,
        outcome_word=outcome_label(quarantined) if quarantined else "",
        record=db.session.get(FeedRow, (site, op.subject or "")),
        draft=draft,
        fields=_labelled_fields(op, payload, names),
        inputs=correction_inputs(draft.kind, payload, names) if draft else [],
        left_out=unknown_fields(draft.kind, draft.payload) if draft else [],
        acceptable=draft and not invalid_fields(draft.kind, draft.payload),
        **_ways_to_decide(op, draft),
        replacement=op_lines([replacement])[0] if replacement else None,
        text=json.dumps(json.loads(op.body), ensure_ascii=False, indent=2),
    )


def _event(op: LoggedOp) -> Event | None:
    """The op as a sentence; None for one that is too odd to be told."""
    return next(iter(story_of([op]).shown), None)


def _ways_to_decide(op: LoggedOp, draft: Draft | None) -> dict[str, Any]:
    """Whether the op would be taken over, why the current user may not do that, and whether its
    author's key may still prove it."""
    if draft is None:
        return {}
    user = current_user()
    by, roles = user.person_id, user.roles
    return {
        "takeover": needs_takeover(op, draft),
        "is_author": draft.by == by,
        "objection": objection(op, draft, by=by, roles=roles),
        "objection_to_correction": objection(op, draft, by=by, roles=roles, is_corrected=True),
        "awaits_key": op.code == "unproven" and bool(json.loads(op.body).get("sig")),
    }


def _labelled_fields(
    op: LoggedOp, payload: dict[str, Any], names: Directory
) -> list[tuple[str, str]]:
    return labelled_values(op.subject_type, payload, names, kind=op.kind)


NAVIGATION = [
    NavEntry(
        "quarantine.index",
        _l("Quarantine"),
        "quality",
        40,
        "quarantine",
        about=_l("Records that could not be taken: accept, mend or dismiss them."),
    )
]

bp.app_context_processor(lambda: {"undecided_count": undecided_count})
