"""Schedules: a standard of work, how often it is due, where, and who answers for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from sync.estate.places import AREA_KINDS, MASTERS
from sync.protocol.clock import iso
from sync.protocol.digest import FOREVER, ROLES
from sync.protocol.op import NAMESPACE, Accepted, Id, Kind, Label, Op, Payload, Refused
from sync.work.recurrence import TERMS, Recurring, midnight, windows
from sync.work.recurrence_fields import Days, Zone, a_window, an_rrule, lacking

MOST_DAYS, MOST_VERSIONS = 400, 50


class Planned(Recurring, Protocol):
    """What the rules need to know of a schedule."""

    id: str
    area_kind: str
    area_ids: list[str]
    per_unit: bool
    responsible_id: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a duty can be due: an area, or a door in it."""

    area_id: str
    kind: str
    unit_id: str | None = None
    occupied: bool = True

    @property
    def id(self) -> str:
        return self.unit_id or self.area_id


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One duty at one place in one window."""

    id: str
    area_id: str
    unit_id: str | None
    window_start: datetime
    window_end: datetime


def expand(
    schedule: Planned,
    places: Iterable[Place],
    start: datetime,
    end: datetime,
    holidays: Collection[date] = (),
) -> Iterator[Occurrence]:
    """R1, R3: every occurrence whose window touches [start, end), and none that begins later.

    The id is derived from schedule, place and start, so whoever expands makes the same ones.
    """
    here = [place for place in places if is_for(schedule, place)]
    for window_start, window_end in windows(schedule, start, end, holidays):
        for place in here:
            name = f"{schedule.id}|{place.id}|{iso(window_start)}"
            id_ = str(uuid5(UUID(NAMESPACE), name))
            yield Occurrence(id_, place.area_id, place.unit_id, window_start, window_end)


def is_for(schedule: Planned, place: Place) -> bool:
    """Whether a place needs this duty: chosen areas, or all of a kind, or occupied homes."""
    if schedule.area_ids and place.area_id not in schedule.area_ids:
        return False
    if schedule.per_unit:
        return place.unit_id is not None and place.occupied
    chosen = bool(schedule.area_ids) or place.kind == schedule.area_kind
    return place.unit_id is None and chosen


class Addition(Payload):
    code = fields.String(required=True, validate=Length(min=1, max=20))
    clause = fields.String(load_default="", validate=Length(max=20))
    label = fields.Nested(Label, required=True)
    area_kind = fields.String(required=True, validate=OneOf(AREA_KINDS))
    area_ids = fields.List(Id(), load_default=list, validate=Length(max=200))
    per_unit = fields.Boolean(load_default=False)
    items = fields.List(fields.Nested(Label), load_default=list, validate=Length(max=20))
    rrule = fields.String(allow_none=True, load_default=None, validate=an_rrule)
    rdate = Days(load_default=list)
    exdate = Days(load_default=list)
    window = fields.String(allow_none=True, load_default=None, validate=a_window)
    grace = fields.Integer(strict=True, load_default=0, validate=Range(min=0, max=10080))
    standing = fields.Boolean(load_default=False)
    workdays_only = fields.Boolean(load_default=False)
    dtstart = fields.AwareDateTime(required=True)
    tzid = Zone(load_default="Asia/Shanghai")
    responsible_id = Id(allow_none=True, load_default=None)
    role = fields.String(load_default="cleaner", validate=OneOf(ROLES))
    active = fields.Boolean(load_default=False)
    needs_confirmation = fields.Boolean(load_default=False)


class Change(Payload):
    label = fields.Nested(Label)
    area_ids = fields.List(Id(), validate=Length(max=200))
    items = fields.List(fields.Nested(Label), validate=Length(max=20))
    rrule = fields.String(allow_none=True, validate=an_rrule)
    rdate = Days()
    exdate = Days()
    window = fields.String(allow_none=True, validate=a_window)
    grace = fields.Integer(strict=True, validate=Range(min=0, max=10080))
    workdays_only = fields.Boolean()
    responsible_id = Id(allow_none=True)
    active = fields.Boolean()
    needs_confirmation = fields.Boolean()
    from_on = fields.Date()


def add(_: None, op: Op) -> Accepted | Refused:
    """R4, R7: a duty without an interval, or that nobody answers for, cannot be active."""
    missing = lacking(op.payload)
    return Refused(missing) if missing else Accepted({**op.payload, "before": []})


def change(schedule: Planned, op: Op) -> Accepted | Refused:
    """R4, R7, R8: what is changed holds from a day on; what was due before stays as it was."""
    changes = dict(op.payload)
    from_on = changes.pop("from_on", None)
    missing = lacking({**vars(schedule), **changes})
    if missing:
        return Refused(missing)
    changed = {
        name for name in TERMS if name in changes and changes[name] != getattr(schedule, name)
    }
    if changed:
        since = midnight(from_on, schedule.tzid) if from_on else op.occurred_at
        changes["before"] = _kept(schedule, since)
    return Accepted(changes)


def _kept(schedule: Planned, until: datetime) -> list[dict[str, Any]]:
    """The versions of the past, the last of which holds until then; later ones never come."""
    today = {name: getattr(schedule, name) for name in TERMS}
    past = [each for each in schedule.before if datetime.fromisoformat(each["until"]) <= until]
    later = schedule.before[len(past) :]
    held = later[0] if later else today
    return [*past, {**held, "until": iso(until)}][-MOST_VERSIONS:]


def state(schedule: Any) -> str:
    """Whether occurrences are planned from it."""
    return "active" if schedule["active"] else "inactive"


def until(_: Any) -> str:
    """Schedules stay."""
    return FOREVER


KINDS = {
    "schedule.add": Kind(
        payload=Addition,
        rule=add,
        type="schedule",
        fact=False,
        creates=True,
        roles=MASTERS,
        at_desk=True,
    ),
    "schedule.change": Kind(
        payload=Change,
        rule=change,
        type="schedule",
        fact=False,
        roles=MASTERS | {"supervisor"},
        at_desk=True,
    ),
}
