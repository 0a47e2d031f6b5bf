"""One action on many rows of a list: each row is judged by itself, and the page says of each that
was refused why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from server.auth.access import current_user
from server.desk.field_errors import FieldError, FormRefused
from server.desk.labels import refusal_label
from server.desk.lists.asked import Asked, without_nul
from server.desk.lists.record_list import BulkAction
from server.desk.submit import NOT_TAKEN, form_op
from server.oplog.receive import submit_many

MAX_ROWS = 500
"""So many rows at once: more take too long for one request."""


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """How many rows were done, and why others were not, by their id."""

    done: int
    refused: Mapping[str, str]


def selected_rows(asked: Asked, form: MultiDict[str, str]) -> list[str]:
    """The ids that were ticked, or all that the filter leaves. Raises FormRefused without any, for
    more than MAX_ROWS, and if it leaves another number of rows than the page said."""
    if said := form.get("all"):
        ids = asked.list_.ids(asked.values, MAX_ROWS + 1, asked.context)
        if said != str(asked.total):
            raise FormRefused(
                gettext(
                    "Meanwhile these are %(now)s rows. Look at them, then tick again.",
                    now=asked.total,
                )
            )
    else:
        ticked = list(dict.fromkeys(map(without_nul, form.getlist("row"))))[: MAX_ROWS + 1]
        known = asked.list_.known(ticked, asked.context)
        ids = [id_ for id_ in ticked if id_ in known]
    if not ids:
        message = gettext("Tick the rows first.")
        raise FormRefused(message, [FieldError(("row",), message)])
    if len(ids) > MAX_ROWS:
        raise FormRefused(
            gettext("At most %(most)s rows at once. Narrow the list by a filter.", most=MAX_ROWS)
        )
    return ids


def do_to_rows(action: BulkAction, ids: Sequence[str], form: Mapping[str, str]) -> BulkOutcome:
    """Do the action to these rows. Raises FormRefused, with nothing done, if what was typed is not
    valid."""
    of_row, ops, typed = [], [], action.typed(form)
    if action.do is not None:
        reasons = action.do(ids, typed)
        return BulkOutcome(len(ids) - len(reasons), reasons)
    own = {name: name for name in typed} | dict(action.input_of)
    inputs = {field: f"{action.name}.{name}" for field, name in own.items()}
    refused = {}
    for id_ in ids:
        if not (ops_of_row := action.ops(id_, typed)):
            refused[id_] = gettext("There is nothing to do here.")
        for kind, subject, payload in ops_of_row:
            of_row.append(id_)
            ops.append(form_op(kind, subject, payload, inputs=inputs))
    answers = submit_many(current_user().site_id, ops) if ops else []
    refused |= {
        id_: refusal_label(answer.get("code") or answer["status"])
        for id_, answer in zip(of_row, answers, strict=True)
        if answer["status"] in NOT_TAKEN
    }
    return BulkOutcome(len(set(of_row) - refused.keys()), refused)
