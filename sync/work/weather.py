"""Weather: a report of rain or snow creates one task for each affected area."""

from __future__ import annotations

from datetime import timedelta
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

TASK_LABELS = {
    "rain": {"zh": "雨天:拖水、铺防滑垫", "en": "Rain: mop up, lay out mats"},
    "snow": {"zh": "雪天:扫雪、铺防滑垫", "en": "Snow: sweep it away, lay out mats"},
}


class WeatherReportPayload(Payload):
    """`event` tells apart two events of a day; without it, a day has one event of each sort."""

    sort = fields.String(required=True, validate=OneOf(tuple(TASK_LABELS)))
    areas = fields.List(Id(), required=True, validate=Length(min=1, max=100))
    event = fields.String(validate=Length(min=1, max=20))
    responsible_id = Id(allow_none=True)


def report(_: None, op: Op) -> Accepted:
    """T15, T16: each area gets its task once, however many people report the same weather."""
    event = op.payload.get("event") or f"{op.occurred_at.astimezone(SITE_ZONE):%Y-%m-%d}"
    areas = list(dict.fromkeys(op.payload["areas"]))
    weather = {"sort": op.payload["sort"], "areas": areas, "event": event}
    reporter = {"reported_at": op.occurred_at, "reported_by_id": op.by}
    return Accepted(
        {**weather, **reporter}, followups=tuple(_task_plan_op(op, area, event) for area in areas)
    )


def _task_plan_op(op: Op, area: str, event: str) -> Op:
    """T15: the same area, event and sort give the same task id, so a second one is left out."""
    sort = op.payload["sort"]
    subject = str(uuid5(UUID(UUID_NAMESPACE), f"{TASK_CODE}|{area}|{event}|{sort}"))
    payload = {
        "schedule_id": None,
        "code": TASK_CODE,
        "label": TASK_LABELS[sort],
        "area_id": area,
        "responsible_id": op.payload.get("responsible_id") or op.by,
        "window_start": format_time(op.occurred_at),
        "window_end": format_time(op.occurred_at + TASK_WINDOW),
    }
    return derive_op(op, "task.plan", subject, payload)


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
)
