"""The list of closed months: what became of the work that was not done in time."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext

from server.desk.lists import (
    Cell,
    Column,
    ListContext,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    person_column,
    text_column,
)
from server.i18n.locale import translate
from server.models.months import ClosedMonth
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import Texts, _l, _lp

OUTCOMES: Texts = {
    "reason": _l("there was a good reason"),
    "made_good": _l("done afterwards"),
    "not_at_fault": _l("not at fault"),
    "case": _l("case opened"),
    "skipped": _l("skipped with a reason"),
    "partial": _l("partly done"),
    "done": _l("done late"),
    "cancelled": _l("cancelled"),
    "planned_late": _l("planned too late to be done"),
    "point_planned_late": _l("checkpoint of a round that was planned too late"),
    "point_reason": _l("checkpoint missed: there was a good reason"),
    "point_made_good": _l("checkpoint missed: done afterwards"),
    "point_not_at_fault": _l("checkpoint missed: not at fault"),
    "point_case": _l("checkpoint missed: case opened"),
    "point_skipped": _l("checkpoint skipped with a reason"),
}
"""What became of the tasks of a month, and of the checkpoints of its patrols."""


def outcomes(row: Any, _: ListContext) -> str:
    """How often each outcome was; nothing can be undecided."""
    counted = [f"{translate(OUTCOMES[word])}: {n}" for word, n in row.counts.items() if n]
    return " · ".join([f"{gettext('waiting for a decision')}: 0", *counted])


def outcome_column(word: str) -> Column:
    """How often one outcome was."""
    return Column(
        f"n_{word}",
        OUTCOMES[word],
        lambda row, _: row.counts.get(word, 0),
        (ClosedMonth.counts,),
        shown=False,
        css="num",
    )


MONTHS = RecordList(
    name="months",
    title=_l("Monthly close"),
    roles=DESK_ROLES,
    site=ClosedMonth.site_id,
    id=ClosedMonth.id,
    show="records.show",
    show_values={"type": "month"},
    formulas=("A16",),
    empty=_l("No month is closed yet."),
    order="-month",
    columns=(
        text_column("month", _l("Month"), ClosedMonth.month),
        Column(
            "state",
            _l("Status"),
            lambda _, c: Cell(c.state("month", "closed"), tone="ok", icon="ok"),
        ),
        Column("outcomes", _l("What became of it"), outcomes, (ClosedMonth.counts,), css="cut"),
        person_column("closed_by", _l("Closed by"), ClosedMonth.closed_by_id),
        text_column("closed_at", _lp("month", "Month closed at"), ClosedMonth.closed_at, css="num"),
        *map(outcome_column, OUTCOMES),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Month or who closed it"),
            columns=(ClosedMonth.month,),
            people=(ClosedMonth.closed_by_id,),
        ),
        PersonFilter(name="person", label=_l("Closed by"), columns=(ClosedMonth.closed_by_id,)),
    ),
    views=[View(name="all", label=_lp("months", "Closed"), values={})],
    template="desk/months/index.html",
)
