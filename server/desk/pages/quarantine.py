"""Quarantine: records without effect; the desk accepts, corrects or dismisses each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from flask_babel import gettext

from server.auth.access import allow, current_user, get_or_404, recent_sign_in
from server.db.engine import db
from server.desk import labels
from server.desk.field_errors import FieldError, FormRefused, check_payload, refused_by_rule
from server.desk.formatting import author_name, labelled_values
from server.desk.history import OpLine, device_labels, op_lines
from server.desk.homes import requested_page
from server.desk.navigation import NavEntry
from server.desk.payload_form import (
    corrected_payload,
    correction_inputs,
    invalid_fields,
    unknown_fields,
)
from server.desk.posted_forms import say, say_nothing
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
from server.desk.quarantine_list import PAGE_SIZE, read_filters, waiting_list, waiting_table
from server.desk.quarantine_several import decide_several
from server.desk.spreadsheet_answer import xlsx_response
from server.desk.submit import submit_and_redirect
from server.models.directory import Directory
from server.models.feed import FeedRow
from server.models.oplog import LoggedOp
from server.models.quarantine import DECIDABLE, QuarantinedOp
from server.oplog.directory import directory_of
from server.oplog.receive import submit_many
from server.oplog.security_log import log_access
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.review.quarantine import ACCEPTED, DISMISSED

bp = Blueprint("quarantine", __name__, url_prefix="/desk/aside")

MAX_REST = 100
MAX_DECISIONS = 50


@dataclass(frozen=True, slots=True)
class Decision:
    """A decided op, with the decision."""

    line: OpLine
    quarantined: QuarantinedOp
    outcome_label: str

    @property
    def is_decidable(self) -> bool:
        """Whether the op is still in quarantine; not if its phone sent it again later."""
        return self.line.op.status in DECIDABLE


@bp.get("")
@allow(*DESK_ROLES)
def index() -> str:
    """Ops that need a decision, by reason, person, phone and words, in pages; decided ones; and
    those refused or waiting."""
    site, filters = current_user().site_id, read_filters(request.args)
    names, phones = directory_of(site), device_labels()
    listed = waiting_list(site, filters, requested_page())
    rest = QuarantinedOp.refused_or_waiting(site).limit(MAX_REST)
    return render_template(
        "desk/quarantine/index.html",
        listed=listed,
        filters=filters,
        is_filtered=any(filters[name] for name in ("group", "person", "phone", "words")),
        people=sorted((author_name(id_, names), id_) for id_ in listed.people),
        phones=sorted((phones.get(id_, ""), id_) for id_ in listed.phones),
        decided=_recent_decisions(),
        rest=op_lines(db.session.scalars(rest)),
        names=names,
    )


@bp.post("/several")
@allow(*DESK_ROLES)
def decide_ticked() -> Any:
    """X12: one decision about all that are ticked, or about all of the page."""
    form, filters = request.form, read_filters(request.form)
    set_filters: dict[str, Any] = {name: text for name, text in filters.items() if text}
    back = url_for("quarantine.index", **set_filters)
    ids = dict.fromkeys(form.getlist("listed" if "all" in form else "op"))
    decision, reason = form.get("decision"), form.get("reason", "").strip()
    if decision == DISMISSED or reason:
        check_payload("aside.dismiss", {"reason": reason}, page=back)
    if not ids or len(ids) > PAGE_SIZE or decision not in (ACCEPTED, DISMISSED):
        message = gettext("Tick the records, and choose what to do with them.")
        raise FormRefused(message, [FieldError(("op", "decision"), message)], page=back)
    decide_several([_decidable_op(id_) for id_ in ids], decision, reason, back)
    return redirect(back, 303)


@bp.post("/file")
@allow(*DESK_ROLES)
@recent_sign_in
def file() -> Response:
    """The whole list, as it is filtered, as a spreadsheet."""
    user, name = current_user(), "lodge-quarantine.xlsx"
    rows = waiting_table(user.site_id, read_filters(request.form))
    log_access("export", site_id=user.site_id, by=user.person_id, details={"file": name})
    say_nothing()
    return xlsx_response(rows, name)


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
        line=op_lines([op])[0],
        quarantined=quarantined,
        names=names,
        outcome_word=_outcome_label(quarantined) if quarantined else "",
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


def _outcome_label(quarantined: QuarantinedOp) -> str:
    return labels.value_label("aside", "outcome", quarantined.outcome or "")


def _recent_decisions() -> list[Decision]:
    rows = db.session.execute(
        QuarantinedOp.decided(current_user().site_id).limit(MAX_DECISIONS)
    ).all()
    lines = op_lines(op for _, op in rows)
    return [
        Decision(line, quarantined, _outcome_label(quarantined))
        for line, (quarantined, _) in zip(lines, rows, strict=True)
    ]


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
