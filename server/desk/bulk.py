"""One answer about many records: posted once, each judged by itself, and a report of what was
taken and what was not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from server.auth.access import current_user
from server.db.engine import db
from server.desk.field_errors import refused_by_rule
from server.desk.submit import NOT_TAKEN
from server.models.oplog import LoggedOp
from server.oplog.incoming import NewOp
from server.oplog.receive import submit_many

MAX_OPS = 300
"""So many records at most are decided at once."""

MAX_PLACES = 10 * MAX_OPS
"""So many places of the log at most lie between the ops of a form: each has consequences."""


@dataclass(frozen=True, slots=True)
class BulkReport:
    """What became of the ops of a form: the records of those that were taken, and of the others,
    each with the code that says why not."""

    taken: list[str]
    refused: list[tuple[str, str]]


def submit_each(ops: Sequence[NewOp], inputs: Mapping[str, str], page: str) -> str:
    """Submit the ops of a form, made by `form_op`; returns the id by which `bulk_report` finds what
    became of them.

    Raises FormRefused if none was taken; `inputs` as in `submit_and_redirect`.
    """
    answers = submit_many(current_user().site_id, ops)
    if all(answer["status"] in NOT_TAKEN for answer in answers):
        raise refused_by_rule(answers[0].get("code") or answers[0]["status"], inputs, page)
    return str(ops[0]["id"])


def bulk_report(id_: str) -> BulkReport | None:
    """What became of the ops of a form that the current user sent; None for any other id."""
    first = _own_op(id_)
    if first is None:
        return None
    columns = LoggedOp.subject, LoggedOp.status, LoggedOp.code
    places = LoggedOp.place.between(first.place, first.place + MAX_PLACES)
    same = LoggedOp.kind == first.kind, LoggedOp.by == first.by
    query = select(*columns).where(LoggedOp.site_id == first.site_id, places, *same)
    sent = LoggedOp.received_at == first.received_at
    rows = db.session.execute(query.where(sent).order_by(LoggedOp.place)).all()
    return BulkReport(
        [row.subject for row in rows if row.status not in NOT_TAKEN],
        [(row.subject, row.code or row.status) for row in rows if row.status in NOT_TAKEN],
    )


def _own_op(id_: str) -> LoggedOp | None:
    user = current_user()
    try:
        op = db.session.get(LoggedOp, (user.site_id, str(UUID(id_))))
    except ValueError:
        return None
    return op if op and op.by == user.person_id and op.device_id is None else None
