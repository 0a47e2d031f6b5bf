"""Purging: erases personal data after the days that a site keeps them, for every type of record.

What is kept for how long is declared with each type (`RecordType.personal`). Records under a legal
hold and the evidence of lost-property cases are left out. Only numbers are stored of a run. Purging
again changes nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, false, func, insert, or_, select

from server.db.engine import Model, db, write_transaction
from server.jobs.erasure import erase_records, redact_unapplied_ops
from server.jobs.purged_photos import delete_photo_files
from server.models import MODELS_BY_TYPE
from server.models.feed import FeedRow
from server.models.home_entries import HomeEntry
from server.models.lost_property import LostProperty
from server.models.oplog import LoggedOp
from server.models.places import Site
from server.models.purges import PurgeRun
from server.models.visits import Visit
from server.oplog.redaction import EMPTY_BODY
from sync import RECORD_TYPES
from sync.protocol.feature import PersonalData

PERSONAL_TYPES: dict[str, PersonalData] = {
    name: type_.personal for name, type_ in RECORD_TYPES.items() if type_.personal
}
"""The types of record that hold personal data of people who do not work here."""

UNAPPLIED_STATUSES = ("quarantined", "held", "refused")


@dataclass(slots=True)
class PurgeCounts:
    """What was purged: records by type, photos, unapplied ops; and the visits under a hold."""

    records: dict[str, int] = field(default_factory=dict)
    photos: int = 0
    asides: int = 0
    held: int = 0

    @property
    def purged_anything(self) -> bool:
        return bool(self.records or self.photos or self.asides)


def purge_expired(site_id: str, now: datetime) -> PurgeCounts:
    """V12, V13, V18: purge what is past the retention period of a site; store the numbers."""
    counts, starts = PurgeCounts(), retention_starts(site_id, now)
    counts.held = _count_on_hold(site_id, starts["visit"])
    for type_ in PERSONAL_TYPES:
        ids = _expired_ids(site_id, type_, starts[type_])
        erased, photos = erase_records(site_id, type_, ids)
        if erased:
            counts.records[type_] = erased
        counts.photos += photos
    counts.asides = _redact_unapplied_ops(site_id, starts)
    delete_photo_files(site_id)
    if counts.purged_anything:
        with write_transaction():
            db.session.execute(
                insert(PurgeRun), [{"site_id": site_id, "at": now, **asdict(counts)}]
            )
    return counts


def retention_starts(site_id: str, now: datetime) -> dict[str, datetime]:
    """By type: what ended before this moment is to be erased."""
    site = db.session.get_one(Site, (site_id, site_id))
    return {
        name: now - timedelta(days=getattr(site, personal.term))
        for name, personal in PERSONAL_TYPES.items()
    }


def ended_at(type_: str) -> ColumnElement[Any]:
    """When the days of a record begin; NULL for one that is still needed."""
    table = cast(Any, MODELS_BY_TYPE[type_])
    columns = [getattr(table, name) for name in PERSONAL_TYPES[type_].ended]
    return func.coalesce(*columns) if len(columns) > 1 else columns[0]


def is_on_hold(site_id: str, type_: str) -> ColumnElement[bool]:
    """V13, Q12: whether a record is under a legal hold or belongs to one that is, or is evidence of
    a lost-property case: about its home, or a visit that a home entry there names."""
    table, personal = cast(Any, MODELS_BY_TYPE[type_]), PERSONAL_TYPES[type_]
    reasons: list[ColumnElement[bool]] = []
    if personal.is_evidence and personal.home_field:
        home = getattr(table, personal.home_field)
        reasons.append(
            and_(home.is_not(None), LostProperty.of_home(site_id, home, ended_at(type_)))
        )
    if table is Visit:
        in_home = LostProperty.of_home(site_id, cast(Any, HomeEntry.unit), HomeEntry.by_time())
        entries = select(HomeEntry.visit).where(
            HomeEntry.site_id == site_id, HomeEntry.visit.is_not(None), in_home
        )
        reasons += [Visit.held_at.is_not(None), Visit.id.in_(entries)]
    if personal.belongs_to:
        field_name, owner_type = personal.belongs_to
        owner, named = MODELS_BY_TYPE[owner_type], getattr(table, field_name)
        on_hold = select(_column(owner, "id")).where(
            _column(owner, "site_id") == site_id, is_on_hold(site_id, owner_type)
        )
        reasons.append(and_(named.is_not(None), named.in_(on_hold)))
    return or_(*reasons) if reasons else false()


def _column(table: type[Model], name: str) -> Any:
    return getattr(table, name)


def _count_on_hold(site_id: str, before: datetime) -> int:
    conditions = Visit.retained_from < before, is_on_hold(site_id, "visit")
    visits = Visit.not_purged(site_id).where(*conditions).subquery()
    return db.session.scalar(select(func.count()).select_from(visits)) or 0


def _expired_ids(site_id: str, type_: str, before: datetime) -> list[str]:
    """Ids of the records of a type whose days are over and that nothing holds."""
    table, personal = cast(Any, MODELS_BY_TYPE[type_]), PERSONAL_TYPES[type_]
    query = (
        select(table)
        .where(table.site_id == site_id, table.purged_at.is_(None))
        .where(ended_at(type_) < before, ~is_on_hold(site_id, type_))
    )  # sorted here: to sort them, SQLite goes through all records of the site
    records = db.session.execute(query.with_only_columns(*table.__table__.columns)).mappings()
    return sorted(record["id"] for record in records if personal.is_over(dict(record)))


def _redact_unapplied_ops(site_id: str, starts: dict[str, datetime]) -> int:
    """Redact expired ops that were never applied and belong to no record: those about types with
    personal data, and after the days of tickets those that this version does not know.

    Returns how many.
    """
    ops = LoggedOp.metadata.tables["op"]
    records = select(FeedRow.id).where(FeedRow.site_id == site_id, FeedRow.id == ops.c.subject)
    is_old = [
        and_(ops.c.kind.like(f"{type_}.%"), ops.c.received_at < before)
        for type_, before in starts.items()
    ]
    is_unknown = and_(*(~ops.c.kind.like(f"{type_}.%") for type_ in RECORD_TYPES))
    expired = (
        select(ops.c.id, ops.c.payload)
        .where(ops.c.site_id == site_id, ops.c.status.in_(UNAPPLIED_STATUSES))
        .where(ops.c.body != EMPTY_BODY)
        .where(or_(*is_old, and_(is_unknown, ops.c.received_at < starts["ticket"])))
        .where(or_(ops.c.subject.is_(None), ~records.exists()))
    )
    homes = _homes_of_open_cases(site_id)
    found = db.session.execute(expired).all()
    unapplied = [row.id for row in found if not homes & _homes_of(row.payload)]
    return redact_unapplied_ops(site_id, unapplied)


def _homes_of_open_cases(site_id: str) -> set[str]:
    return {case.unit for case in db.session.scalars(LostProperty.open_cases(site_id)) if case.unit}


def _homes_of(payload: Any) -> set[str]:
    """The homes that an op names; a payload that could not be read may be anything."""
    named = (
        (payload.get(name) for name in ("host_unit", "unit")) if isinstance(payload, dict) else ()
    )
    return {home.lower() for home in named if isinstance(home, str)}
