"""Schedules: how often a duty is due, and the occurrences that follow from that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from marshmallow import ValidationError, fields
from marshmallow.validate import Length, OneOf

from sync.clock import iso
from sync.estate import AREA_KINDS, MASTERS
from sync.feed import FOREVER, ROLES
from sync.op import NAMESPACE, Accepted, Id, Kind, Label, Op, Payload, Refused

UNTIL_NEXT = "UNTIL_NEXT"
LENGTH = re.compile(r"P(?:(?P<days>\d{1,3})D)?(?:T(?P<hours>\d{1,3})H)?\Z")
CHECKPOINT = "checkpoint"


class Planned(Protocol):
    """What the rules need to know of a schedule."""

    id: str
    area_kind: str
    per_unit: bool
    rrule: str | None
    window: str | None
    dtstart: datetime
    tzid: str
    active: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a duty can be due: an area, a door in it, or a point on a round."""

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
    schedule: Planned, places: Iterable[Place], start: datetime, end: datetime
) -> Iterator[Occurrence]:
    """R1, R2, R3: every occurrence whose window touches [start, end).

    The id is derived from schedule, place and start, so whoever expands makes the same ones.
    """
    if not schedule.active or not schedule.rrule:
        return
    here = [place for place in places if _is_for(schedule, place)]
    for window_start, window_end in windows(schedule, start, end):
        for place in here:
            name = f"{schedule.id}|{place.id}|{iso(window_start)}"
            id_ = str(uuid5(UUID(NAMESPACE), name))
            yield Occurrence(id_, place.area_id, place.unit_id, window_start, window_end)


def _is_for(schedule: Planned, place: Place) -> bool:
    if schedule.per_unit:
        return place.unit_id is not None and place.occupied
    return place.unit_id is None and place.kind == schedule.area_kind


def windows(
    schedule: Planned, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The windows that touch [start, end), in UTC; days and hours are those of the site."""
    zone = ZoneInfo(schedule.tzid)
    first = schedule.dtstart.astimezone(zone).replace(tzinfo=None)
    local_end = end.astimezone(zone).replace(tzinfo=None)
    rule = bounded(schedule.rrule or "", first, local_end + longest(schedule))
    before = rule.before(start.astimezone(zone).replace(tzinfo=None) - longest(schedule), inc=True)
    for moment in rule.xafter(before or first, inc=True):
        if moment >= local_end:
            return
        length = span(schedule.window)
        closing = moment + length if length else rule.after(moment)
        if closing is None:
            return
        window = moment.replace(tzinfo=zone), closing.replace(tzinfo=zone)
        if window[1] > start:
            yield window[0].astimezone(UTC), window[1].astimezone(UTC)


def bounded(text: str, first: datetime, last: datetime) -> Any:
    """A rule that ends: one that never comes true would otherwise be tried until the year 9999."""
    return rrulestr(text, dtstart=first).replace(until=last)  # type: ignore[union-attr]


def longest(schedule: Planned) -> timedelta:
    """How far back a window may have begun that is still open."""
    return span(schedule.window) or timedelta(days=62)


def span(window: str | None) -> timedelta | None:
    """The length of a window; None when it lasts until the next one begins."""
    if window == UNTIL_NEXT:
        return None
    match = LENGTH.match(window or "")
    if not match or not any(match.groups()):
        raise ValueError("A window is PT4H, P7D or UNTIL_NEXT.")
    return timedelta(**{unit: int(number or 0) for unit, number in match.groupdict().items()})


def _window(text: str | None) -> None:
    try:
        span(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def _rrule(text: str | None) -> None:
    if re.search(r"SECONDLY|MINUTELY|HOURLY|TZID|DTSTART|COUNT|UNTIL|EXRULE|RDATE|\n", text or ""):
        raise ValidationError("A duty is due at most a few times a day: use DAILY with BYHOUR.")
    first = datetime(2026, 1, 1)  # noqa: DTZ001 - site time
    try:
        soon = next(iter(bounded(text or "", first, first + timedelta(days=800))), None)
    except (ValueError, KeyError, TypeError, AttributeError):
        soon = None
    if soon is None:
        raise ValidationError("An RRULE looks like FREQ=WEEKLY;BYDAY=MO, and comes true.")


class Addition(Payload):
    code = fields.String(required=True, validate=Length(min=1, max=20))
    clause = fields.String(load_default="", validate=Length(max=20))
    label = fields.Nested(Label, required=True)
    area_kind = fields.String(required=True, validate=OneOf((*AREA_KINDS, CHECKPOINT)))
    per_unit = fields.Boolean(load_default=False)
    items = fields.List(fields.Nested(Label), load_default=list)
    rrule = fields.String(allow_none=True, load_default=None, validate=_rrule)
    window = fields.String(allow_none=True, load_default=None, validate=_window)
    dtstart = fields.AwareDateTime(required=True)
    tzid = fields.String(load_default="Asia/Shanghai", validate=OneOf(("Asia/Shanghai",)))
    responsible_id = Id(allow_none=True, load_default=None)
    role = fields.String(load_default="cleaner", validate=OneOf(ROLES))
    active = fields.Boolean(load_default=False)
    needs_confirmation = fields.Boolean(load_default=False)


class Change(Payload):
    rrule = fields.String(allow_none=True, validate=_rrule)
    window = fields.String(allow_none=True, validate=_window)
    responsible_id = Id(allow_none=True)
    active = fields.Boolean()
    needs_confirmation = fields.Boolean()


def add(_: None, op: Op) -> Accepted | Refused:
    """R4: a duty without an interval cannot be active."""
    planned = op.payload
    if planned["active"] and not (planned["rrule"] and planned["window"]):
        return Refused("needs-interval")
    return Accepted(dict(planned))


def change(schedule: Planned, op: Op) -> Accepted | Refused:
    """R4: a duty without an interval cannot be active."""
    after = {**vars(schedule), **op.payload}
    if after["active"] and not (after["rrule"] and after["window"]):
        return Refused("needs-interval")
    return Accepted(dict(op.payload))


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
