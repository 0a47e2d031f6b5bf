"""What was kept of the services in a year, month by month: work, patrols, inspections, answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from statistics import median

from flask import abort
from flask_babel import gettext
from sqlalchemy import select

from server.auth.access import current_user
from server.db.engine import db
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Document, Paragraph, Section, Table
from server.desk.documents.months import per_cent, work_table
from server.desk.documents.sources import (
    NOTHING,
    as_of,
    full_time,
    newest_op,
    site_label,
    site_mark,
    words,
)
from server.desk.monthly_figures import figures_of_month
from server.i18n.local_time import parse_local_day
from server.models.tickets import Ticket
from sync.accountability.disclosure import (
    MonthlyDisclosure,
    ServiceReport,
    month_bounds,
    on_time_per_mille,
)
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import DESK_ROLES


def build(text: str) -> Document:
    year = parse_local_day(f"{text}-01-01") or abort(404)
    now, site = as_of(newest_op()), current_user().site_id
    months = [(month, figures_of_month(site, month, now)) for month in _begun(year, now)]
    parts = [
        (gettext("Services over the year"), [each.services for _, each in months]),
        (gettext("Patrols over the year"), [each.patrols for _, each in months]),
    ]
    return Document(
        words(gettext("Service kept over the year"), str(year.year)),
        subtitle=site_label(),
        sections=[
            Section(
                gettext("By month"),
                [
                    Paragraph(gettext("As far as it is known at %(time)s.", time=full_time(now))),
                    _by_month(site, months),
                ],
            ),
            *(
                Section(title, [work_table(_joined(reports), gettext("No work was planned."))])
                for title, reports in parts
            ),
        ],
        signatures=[gettext("Head of the project"), gettext("Owners' committee"), gettext("Date")],
        footer=site_mark(),
        is_landscape=True,
    )


def _begun(year: date, now: datetime) -> Iterator[date]:
    """The months of a year that have begun."""
    today = now.astimezone(SITE_ZONE).date()
    return (day for number in range(1, 13) if (day := year.replace(month=number)) <= today)


def _by_month(site: str, months: Iterable[tuple[date, MonthlyDisclosure]]) -> Table:
    columns = [
        gettext("Month"),
        gettext("Work planned"),
        gettext("Done on time"),
        gettext("Checkpoints planned"),
        gettext("Scanned on time"),
        gettext("Inspections"),
        gettext("Average score"),
        gettext("Tickets opened"),
        gettext("Tickets closed"),
        gettext("First action after (min)"),
        gettext("Promises kept"),
    ]
    return Table(columns, [_month_row(site, month, figures) for month, figures in months])


def _month_row(site: str, month: date, figures: MonthlyDisclosure) -> list[str]:
    work, points = _sum(figures.services), _sum(figures.patrols)
    scored = sum(len(line.inspections) for line in figures.scores)
    weighted = sum((line.mean or 0) * len(line.inspections) for line in figures.scores)
    return [
        month.isoformat()[:7],
        str(work.total()),
        per_cent(on_time_per_mille(work)),
        str(points.total()),
        per_cent(on_time_per_mille(points)),
        str(scored),
        per_cent(weighted // scored if scored else None),
        str(figures.opened_by_matter.total()),
        str(figures.closed_count),
        *_answers(site, month),
    ]


def _sum(reports: Iterable[ServiceReport]) -> Counter[str]:
    return sum((report.counts for report in reports), Counter[str]())


def _answers(site: str, month: date) -> tuple[str, str]:
    """After how many minutes half of the tickets of a month had a first action, and the share of
    promised answers that were given in time."""
    start, end = month_bounds(month)
    opened = Ticket.site_id == site, Ticket.opened_at >= start, Ticket.opened_at < end
    columns = Ticket.opened_at, Ticket.acted_at, Ticket.promised_at, Ticket.feedback_at
    rows = db.session.execute(select(*columns).where(*opened)).all()
    waits = [(row.acted_at - row.opened_at).total_seconds() / 60 for row in rows if row.acted_at]
    promised = [row for row in rows if row.promised_at and row.feedback_at]
    kept = sum(row.feedback_at <= row.promised_at for row in promised)
    share = kept * 1000 // len(promised) if promised else None
    return str(round(median(waits))) if waits else NOTHING, per_cent(share)


def _joined(months: Sequence[Sequence[ServiceReport]]) -> list[ServiceReport]:
    """The services of all months, each once, with its newest terms and the counts of all months."""
    newest: dict[str, ServiceReport] = {}
    counts: dict[str, Counter[str]] = {}
    for report in (report for reports in months for report in reports):
        newest[report.standard.id] = report
        counts.setdefault(report.standard.id, Counter()).update(report.counts)
    return [ServiceReport(each.standard, counts[id_]) for id_, each in newest.items()]


DOCUMENT = DocumentType(
    "year", "/desk/disclosure/years/<year>", DESK_ROLES, build, page="/desk/disclosure/"
)
