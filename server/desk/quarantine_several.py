"""One decision about several ops in quarantine: all of them or none."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext

from server.auth.access import current_user
from server.db.engine import write_transaction
from server.desk.field_errors import FormRefused
from server.desk.history import op_lines
from server.desk.labels import refusal_label
from server.desk.quarantine import (
    NotApplicable,
    judge_quarantined,
    make_open_op,
    parse_draft,
    quarantine_record_id,
)
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.oplog.receive import make_op, submit_in_transaction
from sync.review.quarantine import ACCEPTED


def decide_several(ops: Sequence[LoggedOp], decision: str, reason: str, page: str) -> None:
    """X12: accept or dismiss these ops as the current user, with one reason.

    Raises FormRefused, with nothing changed, which names the first that cannot be decided so.
    """
    op = ops[0]
    try:
        with write_transaction():
            for op in ops:
                if decision == ACCEPTED:
                    _accept(op, reason)
                else:
                    _dismiss(op, reason)
    except NotApplicable as error:
        line = op_lines([op])[0]
        message = gettext(
            "%(what)s, %(name)s: %(why)s Nothing was decided; the others are unchanged too.",
            what=line.action_label,
            name=line.author,
            why=refusal_label(error.code),
        )
        raise FormRefused(message, page=page) from error


def _accept(op: LoggedOp, reason: str) -> None:
    user, draft = current_user(), parse_draft(op)
    if draft is None:
        raise NotApplicable("malformed")
    judge_quarantined(user.site_id, op, draft, by=user.person_id, reason=reason or None)


def _dismiss(op: LoggedOp, reason: str) -> None:
    user, record = current_user(), quarantine_record_id(op.id)
    dismissal = make_op("aside.dismiss", record, {"reason": reason}, by=user.person_id)
    answer = submit_in_transaction(user.site_id, [make_open_op(op.id), dismissal])[1]
    if answer["status"] not in APPLIED_STATUSES:
        raise NotApplicable(answer["code"])
