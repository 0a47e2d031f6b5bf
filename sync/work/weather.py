"""Weather: a report of rain or snow creates one task for each affected area."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from sync.protocol.clock import SITE_ZONE, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import UUID_NAMESPACE, Accepted, Id, Kind, Op, Payload, derive_op
from sync.protocol.text import _l, _lp

TASK_CODE = "CL-10"
TASK_WINDOW = timedelta(hours=2)
HOUR = timedelta(hours=1)
LATE_AFTER = timedelta(minutes=30)
"""A report that arrives later than this counts as late."""
MAX_AREAS = 100

TASK_LABELS = {
    "rain": {"zh": "雨天:拖水、铺防滑垫", "en": "Rain: mop up, lay out mats"},
    "snow": {"zh": "雪天:扫雪、铺防滑垫", "en": "Snow: sweep it away, lay out mats"},
}


class WeatherReportPayload(Payload):
    """`event` says that this is an event of its own, or which one; without it, reports of the same
    weather within TASK_WINDOW are one event. In version 1, all reports of a day were."""

    sort = fields.String(required=True, validate=OneOf(tuple(TASK_LABELS)))
    areas = fields.List(Id(), required=True, validate=Length(min=1, max=MAX_AREAS))
    event = fields.String(validate=Length(min=1, max=20))
    responsible_id = Id(allow_none=True)


def report(_: None, op: Op) -> Accepted:
    """T15, T16: each area gets its task once for an event, however many people report it."""
    areas = list(dict.fromkeys(op.payload["areas"]))
    event_by_area = {area: op.payload.get("event") or _event_at(op, area) for area in areas}
    event = min(event_by_area.values())
    weather = {"sort": op.payload["sort"], "areas": areas, "event": event}
    reporter = {"reported_at": op.occurred_at, "reported_by_id": op.by}
    return Accepted(
        {**weather, **reporter},
        followups=tuple(_task_plan_op(op, area, event_by_area[area]) for area in areas),
    )


def _event_at(op: Op, area: str) -> str:
    """The event that a report belongs to in an area: one whose task began less than TASK_WINDOW
    before or after, else a new one, named after the hour.

    Within an hour two reports have the same name, so it does not matter which one arrives first.
    """
    if op.sent_v == 1:
        return f"{op.occurred_at.astimezone(SITE_ZONE):%Y-%m-%d}"
    for event in _near_events(op.occurred_at):
        task = op.related.get(_task_id(area, event, op.payload["sort"]))
        if task is None or task.cancelled_at:
            continue
        if abs(task.window_start - op.occurred_at) < TASK_WINDOW:
            return event
    return _event_name(op.occurred_at)


def near_task_ids(op: Op) -> list[str]:
    """The ids of the tasks that an event of about the same time has in the areas of a report."""
    areas = op.payload.get("areas")
    if op.v == 1 or op.payload.get("event") or not isinstance(areas, list):
        return []
    return [
        _task_id(area, event, op.payload.get("sort"))
        for area in areas[:MAX_AREAS]
        for event in _near_events(op.occurred_at)
    ]


def _near_events(moment: datetime) -> list[str]:
    hours = sorted(range(-TASK_WINDOW // HOUR, TASK_WINDOW // HOUR + 1), key=abs)
    return [_event_name(moment + hour * HOUR) for hour in hours]


def _event_name(moment: datetime) -> str:
    return f"{moment.astimezone(SITE_ZONE):%Y-%m-%d %H}"


def _task_id(area: Any, event: str, sort: Any) -> str:
    return str(uuid5(UUID(UUID_NAMESPACE), f"{TASK_CODE}|{area}|{event}|{sort}"))


def _task_plan_op(op: Op, area: str, event: str) -> Op:
    """T15: the same area, event and sort give the same task id, so a second one is left out.

    R10: of a report that arrives late, the task says so: nobody else could know of it before.
    """
    sort = op.payload["sort"]
    payload = {
        "schedule_id": None,
        "code": TASK_CODE,
        "label": TASK_LABELS[sort],
        "area_id": area,
        "responsible_id": op.payload.get("responsible_id") or op.by,
        "window_start": format_time(op.occurred_at),
        "window_end": format_time(op.occurred_at + TASK_WINDOW),
    }
    if op.received_at - op.occurred_at > LATE_AFTER:
        payload["planned_at"] = format_time(op.received_at)
    return derive_op(op, "task.plan", _task_id(area, event, sort), payload)


def state(_: Any) -> str:
    """A weather report has a single state."""
    return "reported"


def visible_until(weather: Any) -> str:
    """Phones show a weather report for a day."""
    return format_time(weather["reported_at"] + timedelta(days=1))


KINDS = {
    "weather.report": Kind(
        payload=WeatherReportPayload,
        rule=report,
        type="weather",
        fact=True,
        creates=True,
        more_related=near_task_ids,
        payload_version=2,
        upcasters={1: dict},
        optimistic_patch={
            "state": "reported",
            "reported_at": "$at",
            "reported_by_id": "$by",
            "reported_by": "$by_name",
        },
        label=_l("Rain or snow reported"),
    ),
}


FEATURE = Feature(
    types={
        "weather": RecordType(
            label=_l("Rain or snow"),
            state=state,
            visible_until=visible_until,
            states={"reported": _lp("weather", "reported")},
        ),
    },
    kinds=KINDS,
    fields={
        "sort": _l("Weather"),
        "areas": _l("Areas"),
        "event": _l("Weather event"),
        "reported_at": _l("Reported at"),
        "reported_by_id": _l("Reported by"),
    },
    values={"sort": {"rain": _l("rain"), "snow": _l("snow")}},
    sentences={
        "weather.report": (_l("%(who)s reported %(sort)s: %(areas)s"),),
    },
)
