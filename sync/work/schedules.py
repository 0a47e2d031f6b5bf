"""Schedules: a recurring duty, how often and where it is due, and who is responsible."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from sync.estate.place_labels import AREA_KIND_LABELS
from sync.estate.places import AREA_KINDS, MASTER_DATA_ROLES
from sync.protocol.clock import FOREVER, SITE_ZONE, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    FIRST_DAY,
    LAST_DAY,
    UUID_NAMESPACE,
    Accepted,
    Id,
    Kind,
    LocalizedLabel,
    Moment,
    Op,
    Payload,
    Refused,
)
from sync.protocol.roles import DESK_ONLY_AUDIENCE, ROLES
from sync.protocol.text import _l, _lp
from sync.work.recurrence import RECURRENCE_FIELDS, RecurringDuty, due_windows, local_midnight
from sync.work.recurrence_fields import (
    DaysField,
    RruleField,
    WindowField,
    ZoneField,
    recurrence_error,
)

MAX_DAYS, MAX_VERSIONS = 400, 50


class ScheduleLike(RecurringDuty, Protocol):
    """The fields of a schedule that the rules read."""

    id: str
    area_kind: str
    area_ids: list[str]
    per_unit: bool
    responsible_id: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a duty can be due: an area, or a home in it."""

    area_id: str
    kind: str
    unit_id: str | None = None
    occupied: bool = True

    @property
    def id(self) -> str:
        return self.unit_id or self.area_id


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One duty at one place in one time window."""

    id: str
    area_id: str
    unit_id: str | None
    window_start: datetime
    window_end: datetime


def expand_occurrences(
    schedule: ScheduleLike,
    places: Iterable[Place],
    start: datetime,
    end: datetime,
    holidays: Collection[date] = (),
) -> Iterator[Occurrence]:
    """R1, R3: every occurrence whose window overlaps [start, end), and none that begins later.

    The id is derived from schedule, place and start, so the same occurrence always has the same id.
    """
    due_places = [place for place in places if is_due_at(schedule, place)]
    for window_start, window_end in due_windows(schedule, start, end, holidays):
        for place in due_places:
            name = f"{schedule.id}|{place.id}|{format_time(window_start)}"
            id_ = str(uuid5(UUID(UUID_NAMESPACE), name))
            yield Occurrence(id_, place.area_id, place.unit_id, window_start, window_end)


def is_due_at(schedule: ScheduleLike, place: Place) -> bool:
    """Whether a duty is due at a place: a chosen area, an area of the chosen kind, or an occupied
    home."""
    if schedule.area_ids and place.area_id not in schedule.area_ids:
        return False
    if schedule.per_unit:
        return place.unit_id is not None and place.occupied
    chosen = bool(schedule.area_ids) or place.kind == schedule.area_kind
    return place.unit_id is None and chosen


class ScheduleAddPayload(Payload):
    code = fields.String(required=True, validate=Length(min=1, max=20))
    clause = fields.String(load_default="", validate=Length(max=20))
    label = LocalizedLabel(required=True)
    area_kind = fields.String(required=True, validate=OneOf(AREA_KINDS))
    area_ids = fields.List(Id(), load_default=list, validate=Length(max=200))
    per_unit = fields.Boolean(load_default=False)
    items = fields.List(LocalizedLabel(), load_default=list, validate=Length(max=20))
    rrule = RruleField(allow_none=True, load_default=None)
    rdate = DaysField(load_default=list)
    exdate = DaysField(load_default=list)
    window = WindowField(allow_none=True, load_default=None)
    grace = fields.Integer(strict=True, load_default=0, validate=Range(min=0, max=10080))
    standing = fields.Boolean(load_default=False)
    workdays_only = fields.Boolean(load_default=False)
    dtstart = Moment(required=True)
    tzid = ZoneField(load_default=str(SITE_ZONE))
    responsible_id = Id(allow_none=True, load_default=None)
    role = fields.String(load_default="cleaner", validate=OneOf(ROLES))
    active = fields.Boolean(load_default=False)
    needs_confirmation = fields.Boolean(load_default=False)


class ScheduleChangePayload(Payload):
    label = LocalizedLabel()
    area_ids = fields.List(Id(), validate=Length(max=200))
    items = fields.List(LocalizedLabel(), validate=Length(max=20))
    rrule = RruleField(allow_none=True)
    rdate = DaysField()
    exdate = DaysField()
    window = WindowField(allow_none=True)
    grace = fields.Integer(strict=True, validate=Range(min=0, max=10080))
    workdays_only = fields.Boolean()
    responsible_id = Id(allow_none=True)
    active = fields.Boolean()
    needs_confirmation = fields.Boolean()
    from_on = fields.Date(validate=Range(min=FIRST_DAY, max=LAST_DAY))


def add(_: None, op: Op) -> Accepted | Refused:
    """R4, R7: a duty without an interval or without a responsible person cannot be active."""
    missing = recurrence_error(op.payload, op.occurred_at)
    return Refused(missing) if missing else Accepted({**op.payload, "before": []})


def change(schedule: ScheduleLike, op: Op) -> Accepted | Refused:
    """R4, R7, R8: a change applies from a day on; what was due before it stays."""
    changes = dict(op.payload)
    from_on = changes.pop("from_on", None)
    missing = recurrence_error({**vars(schedule), **changes}, op.occurred_at)
    if missing:
        return Refused(missing)
    changed = {
        name
        for name in RECURRENCE_FIELDS
        if name in changes and changes[name] != getattr(schedule, name)
    }
    if changed:
        since = local_midnight(from_on, schedule.tzid) if from_on else op.occurred_at
        changes["before"] = _past_versions(schedule, since)
    return Accepted(changes)


def _past_versions(schedule: ScheduleLike, until: datetime) -> list[dict[str, Any]]:
    """The earlier versions of a schedule, the last of which applies until `until`. Later ones are
    dropped."""
    current = {name: getattr(schedule, name) for name in RECURRENCE_FIELDS}
    earlier = [
        version for version in schedule.before if datetime.fromisoformat(version["until"]) <= until
    ]
    later = schedule.before[len(earlier) :]
    ended = later[0] if later else current
    return [*earlier, {**ended, "until": format_time(until)}][-MAX_VERSIONS:]


def state(schedule: Any) -> str:
    """Whether occurrences are planned from the schedule."""
    return "active" if schedule["active"] else "inactive"


def visible_until(_: Any) -> str:
    """Schedules never leave the feed."""
    return FOREVER


KINDS = {
    "schedule.add": Kind(
        payload=ScheduleAddPayload,
        rule=add,
        type="schedule",
        fact=False,
        creates=True,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        label=_l("Schedule added"),
    ),
    "schedule.change": Kind(
        payload=ScheduleChangePayload,
        rule=change,
        type="schedule",
        fact=False,
        roles=MASTER_DATA_ROLES | {"supervisor"},
        from_desk_only=True,
        label=_l("Schedule changed"),
    ),
}


FEATURE = Feature(
    types={
        "schedule": RecordType(
            label=_l("Schedule"),
            state=state,
            visible_until=visible_until,
            audience=lambda _, __: DESK_ONLY_AUDIENCE,
            states={"active": _lp("record in use", "in use"), "inactive": _l("not in use")},
        ),
    },
    kinds=KINDS,
    fields={
        "from_on": _l("Effective from"),
        "area_ids": _l("Areas"),
        "area_kind": _l("Type of area"),
        "per_unit": _l("For each home"),
    },
    values={"area_kind": AREA_KIND_LABELS},
    sentences={
        "schedule.add": (_l("%(who)s set up the standard %(label)s"),),
        "schedule.change": (_l("%(who)s changed %(changes)s"),),
    },
)
