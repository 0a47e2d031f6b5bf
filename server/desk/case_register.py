"""The register of accountability cases: how far each has come, and who has to answer until when."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask_babel import gettext
from sqlalchemy import ColumnElement, and_, case, select

from server.db.engine import db
from server.desk.form_fields import Options
from server.desk.lists import (
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    OptionFilter,
    PeriodFilter,
    PersonFilter,
    RecordList,
    ValueFilter,
    View,
    WordsFilter,
    day_column,
    label_column,
    person_column,
    text_column,
)
from server.models.cases import Case
from sync.accountability.case_labels import STATES as STATE_LABELS
from sync.accountability.cases import state
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp

stage = case(
    (and_(Case.decided_at.is_not(None), Case.appealed_at >= Case.decided_at), "appealed"),
    (Case.closed_at.is_not(None), "closed"),
    (and_(Case.decided_at.is_not(None), Case.acknowledged_at >= Case.decided_at), "acknowledged"),
    (Case.decided_at.is_not(None), "decided"),
    (and_(Case.asked_at.is_not(None), Case.stated_at >= Case.asked_at), "heard"),
    (Case.asked_at.is_not(None), "asked"),
    (Case.found_at.is_not(None), "fact_finding"),
    else_="raised",
)
"""The state of a case; "heard" instead of what the subject answered."""


def is_heard() -> ColumnElement[bool]:
    """Whether the subject has answered and nothing is decided."""
    return stage == "heard"


def has_state(name: str, context: ListContext) -> ColumnElement[bool]:
    """Whether a case is in a state."""
    if name not in ("stated", "declined"):
        return stage == name
    answers = context.once("last answers", lambda: _last_answers(context.site_id))
    return and_(is_heard(), Case.id.in_([id_ for id_, said in answers.items() if said == name]))


def _last_answers(site_id: str) -> dict[str, str]:
    query = select(Case.id, Case.statements).where(Case.site_id == site_id, is_heard())
    return {row.id: row.statements[-1]["answer"] for row in db.session.execute(query)}


def is_late(context: ListContext) -> ColumnElement[bool]:
    """Whether the time for a statement is over without one."""
    return and_(stage == "asked", Case.answer_until < context.now)


STATES = {
    "open": Choice(label=_lp("cases", "open"), condition=lambda _: stage != "closed"),
    "late": Choice(label=_lp("cases", "statement overdue"), condition=is_late),
    "heard": Choice(label=_lp("cases", "heard, to be decided"), condition=lambda _: is_heard()),
    **{
        name: Choice(label=label, condition=partial(has_state, name))
        for name, label in STATE_LABELS.items()
    },
}
TABS = ("open", "late", "heard", "appealed", "closed")
ALARMING = ("late", "appealed")
TONES = {
    "closed": ("dim", "ok"),
    "acknowledged": ("ok", "ok"),
    "appealed": ("bad", "alert"),
    "decided": ("warn", "clock"),
    "asked": ("warn", "clock"),
}


def code(row: Any, _: ListContext) -> str:
    """The code of the category, with that of its item."""
    return f"{row.code} {row.sub}" if row.sub else str(row.code)


def subject(row: Any, context: ListContext) -> str:
    """Whom the case is about, and who answers for a team or a firm."""
    kind, answers = context.value("case", "subject_kind", row.subject_kind), row.answers_id
    if not row.subject_name:
        return f"{kind}: {context.person(answers)}"
    to_answer = gettext("to answer: %(name)s", name=context.person(answers))
    return f"{kind}: {row.subject_name} ({to_answer})"


def said_state(row: Any, context: ListContext) -> Cell:
    """How far the case has come."""
    name = state(row._mapping)
    tone, icon = TONES.get(name, ("", ""))
    return Cell(context.state("case", name), tone=tone, icon=icon)


def statement_due(row: Any, context: ListContext) -> Cell | str:
    """Until when the subject can give a statement, while one is waited for."""
    if state(row._mapping) != "asked" or row.answer_until is None:
        return ""
    is_over = row.answer_until < context.now
    return Cell(row.answer_until, tone="bad" if is_over else "", icon="alert" if is_over else "")


def category_codes(context: ListContext) -> Options:
    """The codes of the categories in which there are cases."""
    codes = select(Case.code).where(Case.site_id == context.site_id).distinct()
    return [(code, code) for code in sorted(db.session.scalars(codes))]


STATE_COLUMNS = (
    *(Case.decided_at, Case.appealed_at, Case.closed_at, Case.acknowledged_at, Case.asked_at),
    *(Case.stated_at, Case.statements, Case.found_at),
)
SUBJECT_COLUMNS = (Case.subject_kind, Case.subject_name, Case.answers_id)

CASES = RecordList(
    name="cases",
    title=_l("Accountability"),
    roles=DESK_ROLES,
    site=Case.site_id,
    id=Case.id,
    show="cases.show",
    formulas=("A4", "A6", "A11"),
    empty=_l("No accountability cases."),
    order="-raised_at",
    columns=(
        Column("code", _l("Code"), code, (Case.code, Case.sub), (Case.code, Case.sub)),
        label_column("category", _l("Category"), Case.label, css="cut"),
        Column("subject", _l("Subject"), subject, SUBJECT_COLUMNS, css="cut"),
        Column("state", _l("Status"), said_state, STATE_COLUMNS, (stage,)),
        Column(
            "due",
            _l("Statement due"),
            statement_due,
            (*STATE_COLUMNS, Case.answer_until),
            (Case.answer_until,),
        ),
        day_column("raised_at", _l("Opened on"), Case.raised_at),
        person_column("raised_by", _lp("case", "Opened by"), Case.raised_by_id),
        person_column("decided_by", _lp("case", "Decided by"), Case.decided_by_id),
        day_column("decided_at", _lp("case", "Decided on"), Case.decided_at, shown=False),
        text_column("closed_at", _lp("case", "Case closed at"), Case.closed_at, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Code or person"),
            columns=(Case.code, Case.subject_name),
            people=(Case.answers_id, Case.raised_by_id),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="open"),
        OptionFilter(name="code", label=_l("Category"), column=Case.code, load=category_codes),
        ValueFilter(
            name="kind",
            label=_l("Subject"),
            column=Case.subject_kind,
            record_type="case",
            field="subject_kind",
        ),
        PersonFilter(name="person", label=_l("Person to answer"), columns=(Case.answers_id,)),
        PeriodFilter(name="raised", label=_l("Opened on"), column=Case.raised_at),
    ),
    views=[
        *(
            View(
                name=name,
                label=STATES[name].label,
                values={"state": name},
                alarms=name in ALARMING,
            )
            for name in TABS
        ),
        View(name="all", label=_l("All"), values={"state": "any"}),
    ],
    template="desk/cases/index.html",
)
