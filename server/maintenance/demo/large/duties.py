"""Schedules, patrol routes and contractors of the large demo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from server.maintenance import seed
from server.maintenance.demo.ids import demo_id, label
from server.maintenance.demo.large.estate import (
    GROUNDS,
    POINTS_PER_ROUTE,
    ROUTES,
    Estate,
    checkpoint_id,
    place_id,
)
from server.maintenance.demo.large.people import PEOPLE, person_id
from server.oplog.incoming import NewOp
from sync.protocol.clock import format_time
from sync.work.standards_content import STANDARDS

INDOOR_STANDARDS = ("CL-05", "CL-06", "CL-07", "CL-08")
OUTDOOR_STANDARDS = ("CL-01", "CL-02", "CL-03", "CL-04")
FIRST_OUTDOOR_CLEANER, OUTDOOR_CLEANERS = 25, 6
WORKER = "contractor_worker"
CONTRACTORS = (
    ("银杉电梯 Silver Fir Lifts", "电梯维保 lift maintenance"),
    ("雪松绿化 Cedar Greenery", "绿化养护 gardening"),
    ("云杉有线 Spruce Cable", "有线电视维修 cable television"),
)


def contractor_id(number: int) -> str:
    return demo_id("otter", "contractor", number)


def duty_ops(estate: Estate, since: datetime) -> Iterator[NewOp]:
    """Everything that is planned from: each copy of a standard has one responsible person."""
    yield from _indoor_schedules(estate, since)
    yield from _outdoor_schedules(since)
    yield from _routes(since)
    for number, (name, service) in enumerate(CONTRACTORS, 1):
        payload = {
            "name": name,
            "service": service,
            "contact": f"0000-0000 000{number}",
            "contract_ref": f"DEMO-{number:02}",
            "accountable_id": person_id("supervisor2"),
        }
        yield seed.idempotent_op("contractor.add", contractor_id(number), payload)
    for place, worker in enumerate(each for each in PEOPLE.values() if each.role == WORKER):
        firm = contractor_id(1 + place % len(CONTRACTORS))
        yield seed.idempotent_op("person.revise", worker.id, {"contractor_id": firm})


def _standards() -> dict[str, dict[str, Any]]:
    return {standard["code"]: standard for standard in STANDARDS}


def _indoor_schedules(estate: Estate, since: datetime) -> Iterator[NewOp]:
    """One copy a building; two cleaners share a building."""
    for building in range(1, estate.scale.buildings + 1):
        stairwells = [stair.id for stair in estate.stairwells if stair.building == building]
        for place, code in enumerate(INDOOR_STANDARDS):
            standard = _standards()[code]
            named = standard["label"]
            payload = {
                **standard,
                "code": f"{code}/{building}",
                "label": label(f"{named['zh']}({building}号楼)", f"{named['en']} ({building})"),
                "area_ids": stairwells,
                "responsible_id": person_id(f"cleaner{2 * building - 1 + place % 2}"),
                "dtstart": format_time(since),
            }
            yield seed.idempotent_op("schedule.add", schedule_id(code, building), payload)


def _outdoor_schedules(since: datetime) -> Iterator[NewOp]:
    """One copy an outdoor place or refuse point."""
    for code in OUTDOOR_STANDARDS:
        standard = _standards()[code]
        places = [key for key, *_, kind in GROUNDS if kind == standard["area_kind"]]
        for number, key in enumerate(places):
            cleaner = FIRST_OUTDOOR_CLEANER + number % OUTDOOR_CLEANERS
            payload = {
                **standard,
                "code": f"{code}/{number + 1}",
                "area_ids": [place_id(key)],
                "responsible_id": person_id(f"cleaner{cleaner}"),
                "needs_confirmation": False,
                "dtstart": format_time(since),
            }
            yield seed.idempotent_op("schedule.add", schedule_id(code, key), payload)


def schedule_id(code: str, place: object) -> str:
    return demo_id("otter", "schedule", code, place)


def _routes(since: datetime) -> Iterator[NewOp]:
    for route in ROUTES:
        payload = {
            "label": label(f"{route}号巡逻线", f"Patrol route {route}"),
            "points": [checkpoint_id(route, number) for number in range(POINTS_PER_ROUTE)],
            "fastest": 20,
            "rrule": "FREQ=DAILY;BYHOUR=1,5,9,14,20,23;BYMINUTE=0;BYSECOND=0",
            "window": "PT1H",
            "dtstart": format_time(since),
            "responsible_id": person_id(f"guard{route + 1}"),
            "active": True,
        }
        yield seed.idempotent_op("route.add", demo_id("otter", "route", route), payload)
