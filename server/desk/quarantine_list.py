"""The list of ops that need a decision: by reason, person, phone and words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, select

from server.db.engine import db
from server.desk.doubts import op_doubts, phone_doubts
from server.desk.form_fields import Options
from server.desk.formatting import author_name
from server.desk.history import OpLine, device_labels, op_lines, record_title
from server.desk.labels import type_label
from server.desk.lists import (
    BulkAction,
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    OptionFilter,
    PeriodFilter,
    RecordList,
    View,
    WordsFilter,
    text_column,
)
from server.desk.payload_form import PayloadForm
from server.desk.quarantine import next_step
from server.desk.quarantine_decided import decided_and_rest
from server.desk.quarantine_several import accept_several, dismiss_several
from server.i18n.locale import localize
from server.models.feed import FeedRow
from server.models.oplog import LoggedOp
from server.models.quarantine import QuarantinedOp
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp
from sync.review.quarantine import GROUP_LABELS, OTHER_REASON, REASON_GROUPS, reason_group


@dataclass(frozen=True, slots=True)
class WaitingOp:
    """An op that waits for a decision, with its texts. `about` is what the record is called that it
    is about, if that is here; `against` is what speaks against it."""

    line: OpLine
    about: str
    against: list[str]


def read_ops(rows: Sequence[Any], context: ListContext) -> None:
    """Read the ops of these rows for their columns."""
    ops = db.session.scalars(
        select(LoggedOp).where(
            LoggedOp.site_id == context.site_id, LoggedOp.id.in_([row.id for row in rows])
        )
    )
    found = {each.line.op.id: each for each in _with_records(context.site_id, op_lines(ops))}
    context.memory["waiting"] = found


def _with_records(site_id: str, lines: Sequence[OpLine]) -> Iterator[WaitingOp]:
    phones, titles = phone_doubts(site_id), _titles(site_id, {line.op.subject for line in lines})
    for line in lines:
        flags = op_doubts(line, phones)
        yield WaitingOp(line, titles.get(line.op.subject or "", ""), flags)


def _titles(site_id: str, ids: Iterable[str | None]) -> dict[str, str]:
    """What these records are called, each after its type."""
    columns = FeedRow.id, FeedRow.type, FeedRow.body
    query = select(*columns).where(FeedRow.site_id == site_id, FeedRow.id.in_(filter(None, ids)))
    return {
        row.id: f"{type_label(row.type)}: {localize(record_title(row.type, json.loads(row.body)))}"
        for row in db.session.execute(query)
        if row.body and json.loads(row.body)
    }


def waiting(row: Any, context: ListContext) -> WaitingOp:
    """The op of a row."""
    found: WaitingOp = context.memory["waiting"][row.id]
    return found


def content_text(row: Any, context: ListContext) -> str:
    """What the op says."""
    return "; ".join(f"{name}: {text}" for name, text in waiting(row, context).line.fields)


def reason(row: Any, context: ListContext) -> Cell:
    """Why it was not taken."""
    group = reason_group(row.code)
    if group == OTHER_REASON:
        return Cell(waiting(row, context).line.reason_label, tone="bad", icon="miss")
    return Cell(context.value("aside", "group", group), tone="warn", icon="alert")


def against(row: Any, context: ListContext) -> Cell | str:
    """What speaks against it."""
    found = waiting(row, context).against
    return Cell(" ".join(found), tone="warn", icon="alert") if found else ""


def of_group(group: str) -> ColumnElement[bool]:
    """Whether an op was set aside for a reason of this group."""
    if codes := REASON_GROUPS.get(group):
        return LoggedOp.code.in_(codes)
    named = [code for codes in REASON_GROUPS.values() for code in codes]
    return LoggedOp.code.not_in(named)


def authors(context: ListContext) -> Options:
    """Those of whom an op waits."""
    found = ((id_, author_name(id_, context.names)) for id_ in _distinct(context, LoggedOp.by))
    return sorted(found, key=lambda option: option[1])


def senders(context: ListContext) -> Options:
    """The phones of which an op waits."""
    labels = device_labels(context.site_id)
    return sorted((id_, labels.get(id_, "")) for id_ in _distinct(context, LoggedOp.device_id))


def _distinct(context: ListContext, column: Any) -> list[str]:
    query = QuarantinedOp.undecided(context.site_id).order_by(None)
    values = db.session.scalars(query.with_only_columns(column).distinct())
    return [value for value in values if value]


def _choice(group: str) -> Choice:
    return Choice(label=GROUP_LABELS[group], condition=lambda _: of_group(group))


GROUPS = {group: _choice(group) for group in GROUP_LABELS}

QUARANTINE = RecordList(
    name="quarantine",
    title=_l("Quarantine"),
    roles=DESK_ROLES,
    site=LoggedOp.site_id,
    id=LoggedOp.id,
    show="quarantine.show",
    conditions=lambda context: QuarantinedOp.undecided_clauses(context.site_id),
    order="received_at",
    personal=True,
    formulas=("X1", "L7", "X12"),
    empty=_l("Nothing waiting."),
    columns=(
        Column("what", _l("What"), lambda row, c: waiting(row, c).line.action_label),
        Column(
            "about", _lp("quarantine", "About"), lambda row, c: waiting(row, c).about, css="cut"
        ),
        Column("said", _l("Content"), content_text, css="cut"),
        Column("by", _l("Recorded by"), lambda row, c: waiting(row, c).line.author),
        Column("phone", _lp("device", "Phone"), lambda row, c: waiting(row, c).line.device_label),
        Column("reason", _l("Reason"), reason, (LoggedOp.code,), sort=(LoggedOp.code,), css="cut"),
        Column("against", _l("What speaks against it"), against),
        Column(
            "next",
            _l("Next step"),
            lambda row, c: next_step(waiting(row, c).line.op, waiting(row, c).line.author),
            css="cut",
        ),
        text_column(
            "occurred_at",
            _l("Time"),
            LoggedOp.occurred_at,
            sort=(LoggedOp.occurred_at,),
            css="num",
        ),
        text_column(
            "received_at",
            _l("Received at"),
            LoggedOp.received_at,
            sort=(LoggedOp.place + 0,),  # not by its index: that would read the whole log
            css="num",
            shown=False,
        ),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Words in the record"),
            columns=(cast(LoggedOp.payload, Text).label("payload_text"),),
        ),
        ChoiceFilter(name="group", label=_l("Reason"), choices=GROUPS),
        OptionFilter(name="person", label=_l("Person"), column=LoggedOp.by, load=authors),
        OptionFilter(
            name="phone", label=_lp("device", "Phone"), column=LoggedOp.device_id, load=senders
        ),
        PeriodFilter(name="received", label=_l("Received at"), column=LoggedOp.received_at),
    ),
    views=[
        View(name="all", label=_lp("quarantine", "All"), values={}),
        *(
            View(name=name, label=label, values={"group": name})
            for name, label in GROUP_LABELS.items()
        ),
    ],
    actions=(
        BulkAction(
            name="accept",
            label=_lp("quarantine", "Accept"),
            do=accept_several,
            inputs=lambda _: PayloadForm("aside.accept", "reason").inputs(),
            icon="ok",
            explains=_l("Accept; take over in my name what no PIN confirmed"),
        ),
        BulkAction(
            name="dismiss",
            label=_l("Dismiss"),
            do=dismiss_several,
            inputs=lambda _: PayloadForm("aside.dismiss", "reason").inputs(),
            icon="x",
        ),
    ),
    prepare=read_ops,
    template="desk/quarantine/index.html",
    extra=decided_and_rest,
)
