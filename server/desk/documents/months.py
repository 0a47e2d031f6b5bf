"""What the documents about a month have in common: its time, and tables of planned work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from flask import abort
from flask_babel import gettext

from server.desk.documents.model import Block, Paragraph, Table
from server.desk.documents.sources import NOTHING, area, author, full_time, person
from server.desk.labels import field_label, value_label
from server.desk.monthly_figures import OUTCOMES
from server.desk.schedule_form import describe_recurrence
from server.i18n.filters import day
from server.i18n.local_time import parse_local_day
from server.i18n.locale import localize
from server.models.tasks import Task
from sync.accountability.disclosure import OUTCOME_COLUMNS, ServiceReport, month_bounds
from sync.accountability.service_terms import Terms

PEST_CONTROL_FIELDS = ("agent", "dose", "method", "firm", "notice")


def month_of(text: str) -> date:
    """The first day of a month such as 2026-11; aborts with 404 for any other text."""
    return parse_local_day(f"{text}-01") or abort(404)


def unless_over(month: date, now: datetime) -> list[Block]:
    """What to say of a month that is not over."""
    if month_bounds(month)[1] <= now:
        return []
    text = gettext("This month is not over yet. The figures may still change.")
    return [Paragraph(text, is_warning=True)]


def per_cent(permille: int | None) -> str:
    """A share in per cent; "–" where there is none."""
    return NOTHING if permille is None else f"{permille // 10}.{permille % 10} %"


def work_table(reports: Iterable[ServiceReport], empty: str) -> Table:
    """Services or patrols with their terms, and what became of what was planned."""
    rows = [
        [
            " ".join(filter(None, (localize(each.standard.label), each.standard.code))),
            "; ".join(_often(terms) for terms in each.standard.terms) or NOTHING,
            "; ".join(_responsible(terms) for terms in each.standard.terms) or NOTHING,
            str(each.planned),
            *(str(each.counts[name]) for name in OUTCOME_COLUMNS),
            per_cent(each.on_time_per_mille),
        ]
        for each in reports
    ]
    columns = [
        gettext("Service"),
        gettext("How often"),
        gettext("Responsible"),
        gettext("Planned"),
        *(str(OUTCOMES[name]) for name in OUTCOME_COLUMNS),
        gettext("On time"),
    ]
    return Table(columns, rows, empty)


def _often(terms: Terms) -> str:
    return describe_recurrence(terms.duty) + _days(terms)


def _responsible(terms: Terms) -> str:
    return person(terms.fields["responsible_id"]) + _days(terms)


def _days(terms: Terms) -> str:
    """From and until when terms applied, where that is not the whole month."""
    since = gettext("from %(day)s", day=day(terms.since)) if terms.since else ""
    until = gettext("until %(day)s", day=day(terms.until)) if terms.until else ""
    return "".join(f" {text}" for text in (since, until) if text)


def pest_control_table(tasks: Iterable[Task]) -> Table:
    """What was done against pests: where, when, by whom, with what, how residents were told."""
    rows = [
        [
            area(task.area_id),
            f"{full_time(task.done_at)} {author(task.done_by_id, task.id, task.done_at)}",
            *(getattr(task, name) or gettext("missing") for name in PEST_CONTROL_FIELDS),
        ]
        for task in tasks
    ]
    columns = [
        gettext("Area"),
        gettext("Done by"),
        *(field_label("task", name) for name in PEST_CONTROL_FIELDS),
    ]
    return Table(columns, rows, gettext("No pest control this month."))


def decision(disposition: str | None, note: str | None) -> str:
    """What the desk decided about something that was not done, with its note."""
    label = value_label("task", "disposition", disposition) if disposition else ""
    return " · ".join(filter(None, (label, note))) or gettext("not decided yet")
