"""Patrol routes and patrol rounds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import JSON, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType
from sync.work.patrol_report import point_facts, uncounted_scans
from sync.work.patrol_rules import is_counted


class PatrolRoute(Model):
    __tablename__ = "route"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[dict[str, str]] = mapped_column(JSON)
    points: Mapped[list[str]] = mapped_column(JSON)
    fastest: Mapped[int]
    rrule: Mapped[str | None]
    rdate: Mapped[list[str]] = mapped_column(JSON, default=list)
    exdate: Mapped[list[str]] = mapped_column(JSON, default=list)
    window: Mapped[str | None]
    workdays_only: Mapped[bool]
    dtstart: Mapped[datetime]
    tzid: Mapped[str]
    responsible_id: Mapped[str | None]
    active: Mapped[bool]
    before: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """The patrol routes of a site."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.id)


class PatrolRound(Model):
    __tablename__ = "round"
    __table_args__ = (
        Index(None, "site_id", "window_end"),
        Index(None, "site_id", "route_id", "window_end"),
        Index(None, "site_id", "responsible_id", "window_end"),
    )

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    route_id: Mapped[str]
    label: Mapped[dict[str, str]] = mapped_column(JSON)
    points: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    fastest: Mapped[int]
    responsible_id: Mapped[str | None]
    window_start: Mapped[datetime]
    window_end: Mapped[datetime]
    planned_at: Mapped[datetime | None]
    scans: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    fines: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    skips: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    disposed: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    elsewhere: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    cancelled_at: Mapped[datetime | None]
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    photos_here: Mapped[int] = mapped_column(default=0)
    outcomes: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list, server_default="[]")
    """Each checkpoint with what is known of it, see `point_facts`."""
    point_count: Mapped[int] = mapped_column(default=0, server_default="0")
    open_points: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many checkpoints have neither a scan that counts nor a reason."""
    noted_points: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many were scanned late or skipped for a reason."""
    flagged_points: Mapped[int] = mapped_column(default=0, server_default="0")
    uncounted_scans: Mapped[int] = mapped_column(default=0, server_default="0")
    version: Mapped[int]

    @classmethod
    def between(cls, site_id: str, start: datetime, end: datetime) -> Select[Any]:
        """Rounds whose window overlaps a period and that were not cancelled."""
        touching = cls.window_end > start, cls.window_start < end
        standing = cls.site_id == site_id, cls.cancelled_at.is_(None)
        return select(cls).where(*standing, *touching).order_by(cls.window_start, cls.id)

    @classmethod
    def ended_between(cls, site_id: str, start: datetime, end: datetime) -> Select[Any]:
        """Rounds whose window ended in a period and that were not cancelled, the newest first."""
        ended = cls.window_end > start, cls.window_end <= end
        query = select(cls).where(cls.site_id == site_id, cls.cancelled_at.is_(None), *ended)
        return query.order_by(cls.window_end.desc(), cls.id)


def route_phone_body(route: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a route, with the name of the responsible person."""
    hidden = ("site_id", "version", "before")
    return {name: value for name, value in route.items() if name not in hidden}


TO_REVIEW = frozenset({"early", "fast", "copied", "manual"})
"""Flags of scans that somebody should look at."""

REPORT = {
    "outcomes": point_facts,
    "point_count": lambda round_: len(round_.points),
    "open_points": lambda round_: sum(not each["state"] for each in point_facts(round_)),
    "noted_points": lambda round_: sum(
        each["state"] in ("late", "skipped") for each in point_facts(round_)
    ),
    "flagged_points": lambda round_: sum(
        not TO_REVIEW.isdisjoint(each["flags"]) for each in point_facts(round_)
    ),
    "uncounted_scans": lambda round_: len(uncounted_scans(round_)),
}
"""What the lists of the desk are filtered by, derived from the facts of a round."""
HIDDEN_FROM_PHONES = ("site_id", "version", "disposed", "elsewhere", *REPORT)


def round_phone_body(round_: Mapping[str, Any], names: Directory) -> dict[str, Any]:
    """The body of a round for phones: without the hashes of the checkpoint labels, scans that do
    not count, and what the desk decided about missed checkpoints."""
    shown = {name: value for name, value in round_.items() if name not in HIDDEN_FROM_PHONES}
    view = SimpleNamespace(**round_)
    scans = {id_: scan for id_, scan in round_["scans"].items() if is_counted(view, scan)}
    return {
        **shown,
        "points": [{n: v for n, v in point.items() if n != "seals"} for point in round_["points"]],
        "scans": _add_author_names(scans, names),
        "fines": _add_author_names(round_["fines"], names),
        "skips": _add_author_names(round_["skips"], names),
    }


def _add_author_names(facts: Mapping[str, Any], names: Directory) -> dict[str, Any]:
    return {
        point: {**fact, "by": names.person_name(fact["by_id"])} for point, fact in facts.items()
    }


RECORDS = {
    "route": StoredType(PatrolRoute, route_phone_body, {"responsible": "responsible_id"}),
    "round": StoredType(
        PatrolRound, round_phone_body, {"responsible": "responsible_id"}, derived=REPORT
    ),
}
