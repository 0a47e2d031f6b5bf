"""The visitors of a month without anything about them: how many, when, what for, how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from flask_babel import gettext
from sqlalchemy import select

from server.auth.access import current_user
from server.db.engine import db
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Document, Section, Table
from server.desk.documents.months import month_of, unless_over
from server.desk.documents.sources import as_of, local_day, newest_op, site_label, site_mark, words
from server.desk.labels import value_label, value_labels
from server.models.visits import Visit
from sync.accountability.disclosure import month_bounds
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import DESK_ROLES


def build(text: str) -> Document:
    month, now = month_of(text), as_of(newest_op())
    visits = _visits(month_bounds(month))
    return Document(
        words(gettext("Visitors"), f"{month:%Y-%m}"),
        subtitle=site_label(),
        facts=[
            (gettext("Visits"), str(len(visits))),
            (gettext("People"), str(sum(visit.party_size or 1 for visit in visits))),
            (gettext("With a vehicle"), str(sum(bool(visit.plate_key) for visit in visits))),
            (
                gettext("Departure not recorded"),
                str(sum(not visit.departed_at or visit.presumed for visit in visits)),
            ),
        ],
        sections=[
            Section(gettext("By day and purpose"), [*unless_over(month, now), _by_day(visits)]),
            Section(gettext("By hour of arrival"), [_by_hour(visits)]),
        ],
        signatures=[gettext("Supervisor"), gettext("Manager"), gettext("Date")],
        footer=site_mark(),
        is_landscape=True,
    )


def _visits(bounds: tuple[datetime, datetime]) -> Sequence[Visit]:
    """Visits that began in a period, also those whose personal data were erased since."""
    start, end = bounds
    arrived = Visit.arrived_at >= start, Visit.arrived_at < end
    visits = select(Visit).where(Visit.site_id == current_user().site_id, *arrived)
    return db.session.scalars(visits.order_by(Visit.arrived_at, Visit.id)).all()


def _by_day(visits: Sequence[Visit]) -> Table:
    purposes = [name for name in value_labels("visit", "purpose") if _any(visits, name)]
    days: dict[str, list[Visit]] = {}
    for visit in visits:
        days.setdefault(local_day(_arrival(visit)), []).append(visit)
    rows = [
        [
            day,
            str(len(of_day)),
            *(str(sum(visit.purpose == name for visit in of_day)) for name in purposes),
            _mean_stay(of_day),
        ]
        for day, of_day in days.items()
    ]
    columns = [
        gettext("Day"),
        gettext("Visits"),
        *(value_label("visit", "purpose", name) for name in purposes),
        gettext("Mean stay (min)"),
    ]
    return Table(columns, rows, gettext("No visits."))


def _any(visits: Sequence[Visit], purpose: str) -> bool:
    return any(visit.purpose == purpose for visit in visits)


def _arrival(visit: Visit) -> datetime:
    assert visit.arrived_at is not None
    return visit.arrived_at


def _mean_stay(visits: Sequence[Visit]) -> str:
    """The mean length of the visits whose departure somebody recorded, in minutes."""
    stays = [
        (visit.departed_at - _arrival(visit)).total_seconds()
        for visit in visits
        if visit.departed_at and not visit.presumed
    ]
    return str(round(sum(stays) / len(stays) / 60)) if stays else ""


def _by_hour(visits: Sequence[Visit]) -> Table:
    hours = Counter(_arrival(visit).astimezone(SITE_ZONE).hour for visit in visits)
    rows = [[f"{hour:02}:00–{hour:02}:59", str(hours[hour])] for hour in sorted(hours)]
    return Table([gettext("Hour"), gettext("Visits")], rows, gettext("No visits."))


DOCUMENT = DocumentType(
    "visitors_month",
    "/desk/visits/months/<month>",
    DESK_ROLES,
    build,
    page="/desk/disclosure/?month={}",
)
