"""A day: what was due by area and window, who has not finished, and what is not yet known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from flask import abort
from flask_babel import gettext

from server.auth.access import current_user
from server.db.engine import db
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Document, Paragraph, Section, Table
from server.desk.documents.sources import (
    NOTHING,
    area,
    as_of,
    full_time,
    newest_op,
    person,
    site_label,
    site_mark,
    words,
)
from server.desk.labels import value_label
from server.desk.options import list_areas
from server.desk.windows import day_bounds, format_window
from server.i18n.local_time import parse_local_day
from server.i18n.locale import localize
from server.models.access import Device
from server.models.patrol import PatrolRound
from server.models.tasks import Task
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.work.board import UNFINISHED_STATUSES, Board, active_phones, build_board, task_status
from sync.work.patrol_report import point_reports


def build(text: str) -> Document:
    day, now, site = parse_local_day(text) or abort(404), as_of(newest_op()), current_user().site_id
    tasks = db.session.scalars(Task.between(site, *day_bounds(day))).all()
    phones = db.session.scalars(Device.for_site(site)).all()
    board = build_board(tasks, phones, now)
    silent = ", ".join(phone.label for phone in phones if phone in board.silent_phones)
    known = gettext(
        "Phones not heard from: %(phones)s. What they hold is not in here yet.", phones=silent
    )
    return Document(
        words(gettext("Day"), text),
        subtitle=site_label(),
        sections=[
            Section("", [Paragraph(known, is_warning=True)] if silent else []),
            Section(gettext("Work by area"), [_work(board, site)]),
            Section(gettext("Not finished"), [_unfinished(tasks, phones, now)]),
            Section(gettext("Patrols"), [_rounds(site, day, phones)]),
        ],
        signatures=[gettext("Supervisor"), gettext("Date")],
        footer=site_mark(),
        is_landscape=True,
    )


def _work(board: Board, site: str) -> Table:
    """How much of what was due in each window is finished, by area."""
    rows = [
        [
            localize(place.label),
            *(
                f"{cell.finished_count}/{len(cell.tasks)}"
                if (cell := board.cells[place.id].get(window))
                else ""
                for window in board.windows
            ),
        ]
        for place in list_areas(site)
        if place.id in board.cells
    ]
    columns = [gettext("Area"), *map(format_window, board.windows)]
    return Table(columns, rows, gettext("No tasks planned for today."))


def _unfinished(tasks: Sequence[Task], phones: Sequence[Device], now: datetime) -> Table:
    """The tasks that nobody finished in their window, or of which it is not known yet."""
    active = active_phones(phones)
    statuses = [(task, task_status(task, active, now)) for task in tasks]
    rows = [
        [
            full_time(task.window_end),
            localize(task.label),
            area(task.area_id),
            person(task.responsible_id),
            value_label("task", "board_state", status),
        ]
        for task, status in statuses
        if status in UNFINISHED_STATUSES and status != "open"
    ]
    columns = [
        gettext("Due"),
        gettext("Task"),
        gettext("Area"),
        gettext("Responsible"),
        gettext("Status"),
    ]
    return Table(columns, rows, gettext("Everything due is done."))


def _rounds(site: str, day: date, phones: Sequence[Device]) -> Table:
    """The patrol rounds of the day, with how many points were scanned."""
    now = as_of(newest_op())
    rounds = db.session.scalars(PatrolRound.between(site, *day_bounds(day))).all()
    rows = []
    for each in rounds:
        statuses = [report.status for report in point_reports(each, phones, now)]
        scanned = sum(status in ("scanned", "late") for status in statuses)
        rows.append(
            [
                full_time(each.window_start),
                localize(each.label),
                person(each.responsible_id),
                f"{scanned}/{len(statuses)}",
                str(statuses.count("missed") or NOTHING),
            ]
        )
    columns = [
        gettext("Begins"),
        gettext("Round"),
        gettext("Responsible"),
        gettext("Points scanned"),
        gettext("Missed"),
    ]
    return Table(columns, rows, gettext("No patrols were planned."))


DOCUMENT = DocumentType("day", "/desk/days/<day>", FRONT_DESK_ROLES, build, page="/desk/?day={}")
