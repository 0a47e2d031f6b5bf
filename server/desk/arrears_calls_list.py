"""The list of calls to homes in arrears: when, by whom, with what result."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Select, and_, func, literal_column

from server.desk.labels import refusal_label, value_labels
from server.desk.lists import (
    AreaFilter,
    Cell,
    Column,
    HomeFilter,
    ListContext,
    OptionFilter,
    PeriodFilter,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    home_order,
    place_column,
    text_column,
)
from server.models.arrears import ArrearsAccount
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.oplog.certainty import certainty_of_op
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.service.arrears import CALL_OUTCOMES

IS_CALL = LoggedOp.kind == literal_column("'arrears.call'")
"""Said literally: only so the database knows that it may use the index of calls."""
IS_APPLIED = func.coalesce(LoggedOp.status, "").in_(APPLIED_STATUSES)
"""Not by the bare column: by its index SQLite would read the whole log of the site."""
OUTCOME = LoggedOp.payload["outcome"].as_string().label("outcome")
READ = (
    *(LoggedOp.subject, LoggedOp.by, LoggedOp.proof, LoggedOp.device_id, LoggedOp.payload),
    LoggedOp.flags,
)


def with_account(query: Select[Any]) -> Select[Any]:
    """The calls with the account that each is about."""
    same = and_(ArrearsAccount.site_id == LoggedOp.site_id, ArrearsAccount.id == LoggedOp.subject)
    return query.join(ArrearsAccount, same)


def caller(row: Any, context: ListContext) -> Cell:
    """Who called, and how sure that is."""
    sure = certainty_of_op(row.by, row.proof, row.device_id) or ""
    return Cell(context.person(row.by), certainty=sure)


def outcome(row: Any, context: ListContext) -> str:
    """What came of the call."""
    return context.value("arrears", "outcome", row.payload.get("outcome"))


def named_sum(row: Any, _: ListContext) -> Decimal | None:
    """U2: the sum of the amounts that were named, in yuan."""
    told = row.payload.get("told") or {}
    return Decimal(sum(int(cents) for cents in told.values())).scaleb(-2) if told else None


def remark(row: Any, _: ListContext) -> Cell | str:
    """U5: what was not as it should be, the reason that was given for it, and what was noted."""
    flags = [refusal_label(flag) for flag in row.flags]
    said = [row.payload.get("override_reason"), row.payload.get("note")]
    text = " · ".join(filter(None, (*flags, *said)))
    return Cell(text, tone="warn", icon="alert") if flags else text


CALLS = RecordList(
    name="arrears_calls",
    title=_l("Calls about arrears"),
    roles=FRONT_DESK_ROLES,
    site=LoggedOp.site_id,
    id=LoggedOp.id,
    show="arrears.show",
    show_by="subject",
    personal=True,
    formulas=("U2", "U5"),
    empty=_l("Nobody was called. Open a home in arrears to record a call."),
    order="-occurred_at",
    conditions=lambda _: [
        IS_CALL,
        IS_APPLIED,
        ArrearsAccount.purged_at.is_(None),
    ],
    joined=with_account,
    columns=(
        place_column(
            "home", _l("Home"), ArrearsAccount.unit, sort=(home_order(ArrearsAccount.unit),)
        ),
        text_column("occurred_at", _l("Called at"), LoggedOp.occurred_at),
        Column("by", _l("Called by"), caller, READ),
        Column("outcome", _l("Result of the call"), outcome, READ, sort=(OUTCOME,)),
        Column("named", _l("Named (yuan)"), named_sum, READ, css="num"),
        Column("remark", _l("Remarks"), remark, READ),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Home, caller"),
            people=(LoggedOp.by,),
            homes=(ArrearsAccount.unit,),
        ),
        OptionFilter(
            name="outcome",
            label=_l("Result of the call"),
            column=OUTCOME,
            load=lambda _: [
                (value, label)
                for value, label in value_labels("arrears", "outcome").items()
                if value in CALL_OUTCOMES
            ],
        ),
        PersonFilter(name="person", label=_l("Person"), columns=(LoggedOp.by,)),
        AreaFilter(name="area", label=_l("Area"), home=ArrearsAccount.unit),
        HomeFilter(name="home", label=_l("Home"), column=ArrearsAccount.unit),
        PeriodFilter(
            name="called", label=_l("Called"), column=LoggedOp.occurred_at, default="days30"
        ),
    ),
    views=(
        View(name="recent", label=_l("30 days"), values={}),
        View(name="today", label=_l("Today"), values={"called_since": "today"}),
        View(name="all", label=_l("All"), values={"called_since": "any"}),
    ),
)
