"""One decision about several ops in quarantine; each is judged by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import select

from server.auth.access import current_user
from server.db.engine import db
from server.desk.field_errors import check_payload
from server.desk.labels import refusal_label
from server.desk.payload_form import PayloadForm
from server.desk.quarantine import (
    NotApplicable,
    judge_quarantined,
    make_open_op,
    parse_draft,
    quarantine_record_id,
)
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.models.quarantine import QuarantinedOp
from server.oplog.receive import make_op, submit_many


def accept_several(ids: Sequence[str], form: Mapping[str, str]) -> dict[str, str]:
    """X12: accept these ops as the current user. Returns why some were not, by their id. Raises
    FormRefused for a reason that is too long."""
    reason = PayloadForm("aside.accept", "reason").payload(form).get("reason")
    asked = {"instead_id": quarantine_record_id(ids[0]), "reason": reason}
    check_payload("aside.accept", asked, {"reason": "accept.reason"})
    return _each(ids, lambda op: _accept(op, reason))


def dismiss_several(ids: Sequence[str], form: Mapping[str, str]) -> dict[str, str]:
    """X12: dismiss these ops with one reason, as `accept_several`. Raises FormRefused without a
    reason."""
    payload = {"reason": form.get("reason", "").strip()}
    check_payload("aside.dismiss", payload, {"reason": "dismiss.reason"})
    return _each(ids, lambda op: _dismiss(op, payload))


def _each(ids: Sequence[str], decide: Callable[[LoggedOp], None]) -> dict[str, str]:
    site, refused = current_user().site_id, {}
    undecided = LoggedOp.id.in_(ids), *QuarantinedOp.undecided_clauses(site)
    ops = {op.id: op for op in db.session.scalars(select(LoggedOp).where(*undecided))}
    for id_ in ids:
        try:
            if id_ not in ops:
                raise NotApplicable("already-settled")
            decide(ops[id_])
        except NotApplicable as error:
            refused[id_] = refusal_label(error.code)
    return refused


def _accept(op: LoggedOp, reason: str | None) -> None:
    user, draft = current_user(), parse_draft(op)
    if draft is None:
        raise NotApplicable("malformed")
    judge_quarantined(user.site_id, op, draft, by=user.person_id, reason=reason)


def _dismiss(op: LoggedOp, payload: dict[str, str]) -> None:
    user, record = current_user(), quarantine_record_id(op.id)
    dismissal = make_op("aside.dismiss", record, payload, by=user.person_id)
    answer = submit_many(user.site_id, [make_open_op(op.id), dismissal])[1]
    if answer["status"] not in APPLIED_STATUSES:
        raise NotApplicable(answer["code"])
