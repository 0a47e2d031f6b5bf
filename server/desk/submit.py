"""Submit ops of a form by the current user, go back to a page, and say there what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import abort, redirect
from werkzeug.wrappers import Response

from server.auth.sessions import current_user
from server.db.engine import write_transaction
from server.desk.field_errors import check_payload, refused_by_rule
from server.desk.posted_forms import posted_form, say
from server.oplog.incoming import NewOp
from server.oplog.op_row import Answer
from server.oplog.receive import make_op, submit_in_transaction, submit_many
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.message_fields import MAX_SAFE_INTEGER

NOT_TAKEN = ("refused", "quarantined", "held")
"""Statuses of ops that changed nothing and that nobody will decide about."""


def submit_and_redirect(
    kind: str,
    subject: str | None,
    payload: dict[str, Any],
    return_url: str,
    *,
    inputs: Mapping[str, str] | None = None,
    base: int | None = None,
) -> Response:
    """Submit an op and redirect (303) to `return_url`; without `subject` it makes a new record.

    Raises FormRefused if it is not valid or a rule refuses it. `inputs` maps fields of the payload
    to the inputs of the form where their names differ; `base` is the version that was shown.
    """
    return submit_ops_and_redirect(
        [form_op(kind, subject, payload, base=base, inputs=inputs, page=return_url)],
        return_url,
        inputs=inputs,
    )


def submit_ops_and_redirect(
    ops: Sequence[NewOp], return_url: str, *, inputs: Mapping[str, str] | None = None
) -> Response:
    """The same for several ops, made by `form_op`."""
    _say_outcome(submit_ops(ops, inputs or {}, return_url))
    return redirect(return_url, 303)


def submit_ops(ops: Sequence[NewOp], inputs: Mapping[str, str], page: str) -> list[Answer]:
    """Submit the ops of a form, all or none: the first that is refused refuses the form."""
    site = current_user().site_id
    if len(ops) < 2:  # a refusal is logged: it says who tried what
        return _check_taken(submit_many(site, ops) if ops else [], inputs, page)
    with write_transaction():
        return _check_taken(submit_in_transaction(site, ops), inputs, page)


def _check_taken(answers: list[Answer], inputs: Mapping[str, str], page: str) -> list[Answer]:
    for answer in answers:
        if answer["status"] in NOT_TAKEN:
            raise refused_by_rule(answer.get("code") or answer["status"], inputs, page)
    return answers


def form_op(
    kind: str,
    subject: str | None,
    payload: dict[str, Any],
    *,
    base: int | None = None,
    inputs: Mapping[str, str] | None = None,
    page: str = "",
) -> NewOp:
    """An op of the posted form. The form sent twice makes the same op, which is stored once.

    Raises FormRefused if the payload is not valid; aborts with 400 for a version that cannot be.
    """
    if base is not None and not 0 <= base <= MAX_SAFE_INTEGER:
        abort(400)
    check_payload(kind, to_json_value(payload), inputs, page)
    op_id, record_id = posted_form().next_op_ids()
    by = current_user().person_id
    return make_op(kind, subject or record_id, payload, by=by, base=base, id=op_id)


def _say_outcome(answers: Sequence[Answer]) -> None:
    """What the next page says, if not that all was saved."""
    for answer in answers:
        if answer["status"] != "applied":
            say(answer.get("code") or answer["status"])
