"""The cleaning of a month: what was planned and done, what was missed, and pest control."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from flask_babel import gettext

from server.auth.access import current_user
from server.db.engine import db
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Document, Section, Table
from server.desk.documents.months import (
    decision,
    month_of,
    pest_control_table,
    unless_over,
    work_table,
)
from server.desk.documents.sources import (
    area,
    as_of,
    full_time,
    newest_op,
    person,
    site_label,
    site_mark,
    words,
)
from server.desk.monthly_figures import figures_of_month
from server.i18n.locale import localize
from server.models.access import Device
from server.models.tasks import Task
from sync.accountability.disclosure import month_bounds
from sync.protocol.roles import DESK_ROLES
from sync.work.board import active_phones, task_status
from sync.work.task_rules import PEST_CONTROL_CODE


def build(text: str) -> Document:
    month, now, site = month_of(text), as_of(newest_op()), current_user().site_id
    services = figures_of_month(site, month, now).services
    treated = db.session.scalars(Task.done_between(site, PEST_CONTROL_CODE, *month_bounds(month)))
    return Document(
        words(gettext("Cleaning"), f"{month:%Y-%m}"),
        subtitle=site_label(),
        sections=[
            Section(
                gettext("Work"),
                [*unless_over(month, now), work_table(services, gettext("No work was planned."))],
            ),
            Section(gettext("Missed"), [_missed(site, month, now)]),
            Section(gettext("Pest control record"), [pest_control_table(treated)]),
        ],
        signatures=[gettext("Supervisor"), gettext("Manager"), gettext("Date")],
        footer=site_mark(),
        is_landscape=True,
    )


def _missed(site: str, month: date, now: datetime) -> Table:
    """The tasks that were missed for certain, with what the desk decided."""
    phones = active_phones(db.session.scalars(Device.for_site(site)).all())
    tasks: Sequence[Task] = db.session.scalars(
        Task.unfinished_between(site, *month_bounds(month))
    ).all()
    rows = [
        [
            full_time(task.window_end),
            localize(task.label),
            area(task.area_id),
            person(task.responsible_id),
            decision(task.disposition, task.disposition_note),
        ]
        for task in reversed(tasks)
        if task_status(task, phones, now) == "missed"
    ]
    columns = [
        gettext("Due"),
        gettext("Task"),
        gettext("Area"),
        gettext("Responsible"),
        gettext("Decision"),
    ]
    return Table(columns, rows, gettext("Nothing was missed."))


DOCUMENT = DocumentType(
    "cleaning_month",
    "/desk/board/months/<month>",
    DESK_ROLES,
    build,
    page="/desk/disclosure/?month={}",
)
