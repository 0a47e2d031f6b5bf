"""The patrols of a month: by route, and what was missed or has to be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from flask_babel import gettext

from server.auth.access import current_user
from server.db.engine import db
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Document, Section, Table
from server.desk.documents.months import decision, month_of, unless_over, work_table
from server.desk.documents.sources import (
    as_of,
    full_time,
    newest_op,
    period,
    person,
    site_label,
    site_mark,
    words,
)
from server.desk.labels import value_label
from server.desk.monthly_figures import figures_of_month
from server.i18n.locale import localize
from server.models.access import Device
from server.models.patrol import PatrolRound
from sync.accountability.disclosure import month_bounds
from sync.protocol.roles import DESK_ROLES
from sync.work.patrol_report import PointReport, point_reports

SCANNED = ("scanned", "late")


def build(text: str) -> Document:
    month, now, site = month_of(text), as_of(newest_op()), current_user().site_id
    patrols = figures_of_month(site, month, now).patrols
    reports = list(_reports(site, month_bounds(month), now))
    return Document(
        words(gettext("Patrol"), f"{month:%Y-%m}"),
        subtitle=site_label(),
        sections=[
            Section(
                gettext("Checkpoints by route"),
                [*unless_over(month, now), work_table(patrols, gettext("No patrols."))],
            ),
            Section(gettext("Patrols"), [_rounds(reports)]),
            Section(gettext("Missed or skipped"), [_missed(reports)]),
            Section(gettext("To review"), [_flagged(reports)]),
        ],
        signatures=[gettext("Supervisor"), gettext("Manager"), gettext("Date")],
        footer=site_mark(),
        is_landscape=True,
    )


Reports = Sequence[tuple[PatrolRound, list[PointReport]]]


def _reports(
    site: str, bounds: tuple[datetime, datetime], now: datetime
) -> Iterator[tuple[PatrolRound, list[PointReport]]]:
    """The patrols of a month, the earliest first, with their checkpoints."""
    phones = db.session.scalars(Device.for_site(site)).all()
    rounds = db.session.scalars(PatrolRound.ended_between(site, *bounds)).all()
    for round_ in reversed(rounds):
        yield round_, point_reports(round_, phones, now)


def _rounds(reports: Reports) -> Table:
    rows = [
        [
            period(round_.window_start, round_.window_end),
            localize(round_.label),
            person(round_.responsible_id),
            f"{sum(each.status in SCANNED for each in points)}/{len(points)}",
        ]
        for round_, points in reports
    ]
    columns = [
        gettext("Time"),
        gettext("Patrol route"),
        gettext("Responsible"),
        gettext("Checkpoints scanned"),
    ]
    return Table(columns, rows, gettext("No patrols."))


def _missed(reports: Reports) -> Table:
    rows = []
    for round_, points in reports:
        for each in points:
            if each.status not in ("missed", "skipped"):
                continue
            decided = round_.disposed.get(each.point["checkpoint"], {})
            reason = each.fact.get("reason")
            why = value_label("round", "reason", reason) if reason else ""
            said = decision(decided.get("disposition"), decided.get("note"))
            label = value_label("round", "point", each.status)
            point = localize(each.point["label"])
            rows.append([full_time(round_.window_end), point, label, why or said])
    columns = [gettext("Due"), gettext("Checkpoint"), gettext("Result"), gettext("Decision")]
    return Table(columns, rows, gettext("Nothing was missed."))


def _flagged(reports: Reports) -> Table:
    rows = [
        [
            full_time(each.at),
            localize(each.point["label"]),
            person(each.fact.get("by_id")),
            ", ".join(value_label("round", "flag", flag) for flag in each.fact["flags"]),
            each.fact.get("note") or "",
        ]
        for _, points in reports
        for each in points
        if each.fact.get("flags")
    ]
    columns = [
        gettext("Time"),
        gettext("Checkpoint"),
        gettext("Done by"),
        gettext("To review"),
        gettext("Note"),
    ]
    return Table(columns, rows, gettext("Nothing to review."))


DOCUMENT = DocumentType(
    "patrol_month",
    "/desk/patrol/months/<month>",
    DESK_ROLES,
    build,
    page="/desk/disclosure/?month={}",
)
