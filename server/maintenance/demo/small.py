"""The small demo: Squirrel Lane with all roles, and Hedgehog Hill, built through the write path."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from server.auth.credentials import set_password
from server.auth.pins import set_pin
from server.db.engine import db, write_transaction
from server.jobs import scheduler
from server.maintenance import seed
from server.maintenance.demo.ids import PASSWORD, demo_id, label
from server.models.feed import SiteHead
from server.models.places import Site
from server.models.tasks import Task
from server.oplog import receive
from server.oplog.incoming import NewOp, Source
from sync.protocol.clock import SITE_ZONE, format_time
from sync.work.recurrence import MAX_INTERVAL, due_windows
from sync.work.standards_content import STANDARDS

PLANNING_STEP = scheduler.LOOK_AHEAD - timedelta(days=1)

MAIN_SITE_ID = demo_id("squirrel")

Staff = tuple[str, str, str, str, tuple[str, ...]]
"""User name, name, PIN, employee number, roles."""

SQUIRREL: tuple[Staff, ...] = (
    ("ana", "安小净", "258001", "CL-1", ("cleaner",)),
    ("bao", "包勤", "258002", "CL-2", ("cleaner",)),
    ("chu", "楚门", "258003", "GD-1", ("guard",)),
    ("qin", "秦前台", "258004", "SD-1", ("service_desk",)),
    ("ben", "贲主管", "258005", "SV-1", ("supervisor",)),
    ("mei", "梅经理", "258006", "MG-1", ("manager",)),
    ("adi", "艾管理", "258007", "AD-1", ("admin",)),
    ("wei", "卫外包", "258008", "CW-1", ("contractor_worker",)),
    ("lei", "雷维修", "258011", "RP-1", ("repair",)),
)
TRADES = {"lei": ["electrician", "plumber"]}
"""The trades of repair workers, by user name."""
HEDGEHOG: tuple[Staff, ...] = (
    ("dao", "道别苑", "258009", "CL-9", ("cleaner",)),
    ("fan", "樊主管", "258010", "SV-9", ("supervisor",)),
)


def build(now: datetime) -> None:
    """Build both sites and plan their work from `now` on. Building again changes nothing.

    The sites are there since the first of the month, as if Lodge had run since then, so that the
    work of this week and month is planned. Their duties begin with the window that is open now, or
    with the next one if it is shorter than a day: nothing is late or missed on the first day.
    Nobody answers for work that had begun before `now`: it counts as planned late.
    """
    estates = (
        ("squirrel", label("松鼠里(演示小区)", "Squirrel Lane (demo estate)"), SQUIRREL, 3),
        ("hedgehog", label("刺猬坡(演示小区)", "Hedgehog Hill (demo estate)"), HEDGEHOG, 1),
    )
    today = now.astimezone(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    opened_at = (today - timedelta(days=max(today.day - 1, today.weekday()))).astimezone(UTC)
    for name, site_label, staff, buildings in estates:
        is_new = db.session.get(Site, (demo_id(name), demo_id(name))) is None
        ops = _site_ops(name, site_label, staff, buildings, now)
        receive.create_site(demo_id(name))
        receive.receive_ops(demo_id(name), ops, Source.for_desk(opened_at if is_new else now))
        for moment in _planning_times(opened_at, now) if is_new else (now,):
            scheduler.plan(demo_id(name), moment)
        if is_new:
            receive.receive_ops(demo_id(name), _begun_task_ops(name, now), Source.for_desk(now))


def _planning_times(opened_at: datetime, now: datetime) -> Iterator[datetime]:
    """When to plan so that everything is planned before its time."""
    while opened_at < now:
        yield opened_at
        opened_at += PLANNING_STEP
    yield now


def _begun_task_ops(name: str, now: datetime) -> list[NewOp]:
    begun = select(Task.id).where(Task.site_id == demo_id(name), Task.window_start < now)
    planned = {"planned_at": format_time(now)}
    return [receive.make_op("task.replan", id_, planned) for id_ in db.session.scalars(begun)]


def _first_window(duty: dict[str, Any], now: datetime) -> str:
    """When a duty of the demo begins: see `build`."""
    since = now - MAX_INTERVAL
    midnight = since.astimezone(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    terms = {"rdate": [], "exdate": [], "workdays_only": False, "tzid": str(SITE_ZONE)}
    when = {"active": True, "dtstart": midnight, "before": []}
    recurring = SimpleNamespace(**terms | duty | when)
    for start, end in due_windows(recurring, now, now + MAX_INTERVAL):
        if start >= now or end - start >= timedelta(days=1):
            return start.astimezone(SITE_ZONE).isoformat()
    return now.astimezone(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0).isoformat()


def pins() -> dict[str, str]:
    """PINs by person id."""
    sites = (("squirrel", SQUIRREL), ("hedgehog", HEDGEHOG))
    return {demo_id(site, row[0]): row[2] for site, staff in sites for row in staff}


def _site_ops(
    name: str, site_label: dict[str, str], staff: tuple[Staff, ...], buildings: int, now: datetime
) -> list[NewOp]:
    site = demo_id(name)
    if db.session.get(SiteHead, site) is None:
        _accounts(name, staff)
    return [
        seed.idempotent_op("site.add", site, {"label": site_label}),
        *_people(name, staff),
        *_grounds(name),
        *(op for number in range(1, buildings + 1) for op in _building(name, number)),
        *_schedules(name, [demo_id(name, who[0]) for who in staff], now),
        _route(name, [demo_id(name, who[0]) for who in staff], now),
        *_contractors(name, staff),
        *seed.shared_content_ops(site),
    ]


def _accounts(name: str, staff: tuple[Staff, ...]) -> None:
    with write_transaction():
        for username, _, pin, _, roles in staff:
            person = demo_id(name, username)
            set_pin(person, pin)
            if not set(roles) & {"cleaner", "guard", "contractor_worker", "repair"}:
                set_password(person, username, PASSWORD)


def _people(name: str, staff: tuple[Staff, ...]) -> Iterator[NewOp]:
    for username, called, _, number, roles in staff:
        payload: dict[str, Any] = {"name": called, "roles": list(roles), "employee_no": number}
        if username in TRADES:
            payload["trades"] = TRADES[username]
        yield seed.idempotent_op("person.add", demo_id(name, username), payload)


GROUNDS = (
    ("gate", "大门", "Main gate", "gate"),
    ("garden", "中心花园", "Central garden", "outdoor"),
    ("roads", "小区道路", "Estate roads", "outdoor"),
    ("refuse-east", "东垃圾点", "East refuse point", "refuse_point"),
    ("refuse-west", "西垃圾点", "West refuse point", "refuse_point"),
    ("office", "物业办公楼", "Estate office", "office"),
)
ROUND = label("夜巡路线", "Night round")


def _grounds(name: str) -> Iterator[NewOp]:
    for ordinal, (key, zh, en, kind) in enumerate(GROUNDS):
        payload = {"label": label(zh, en), "kind": kind, "ordinal": ordinal}
        yield seed.idempotent_op("area.add", demo_id(name, key), payload)
    for ordinal, (key, zh, en, _) in enumerate(GROUNDS[:5]):
        named = {"label": label(zh, en), "code": str(101 + ordinal)}
        point = {**named, "route": ROUND, "ordinal": ordinal}
        yield seed.idempotent_op(
            "checkpoint.add", demo_id(name, "point", key), {**point, "area_id": demo_id(name, key)}
        )


def _building(name: str, number: int) -> Iterator[NewOp]:
    building = demo_id(name, "building", number)
    first = {"label": label(f"{number}号楼", f"Building {number}"), "kind": "building"}
    yield seed.idempotent_op("area.add", building, {**first, "ordinal": 10 * number})
    for stair in (1, 2):
        yield from _stairwell(name, number, stair, building)


def _stairwell(name: str, number: int, stair: int, building: str) -> Iterator[NewOp]:
    zh, en = f"{number}号楼{stair}单元", f"Building {number}, stairwell {stair}"
    place = demo_id(name, "stairwell", number, stair)
    common = {"parent_id": building, "ordinal": 10 * number + stair}
    yield seed.idempotent_op(
        "area.add", place, {**common, "label": label(zh, en), "kind": "stairwell"}
    )
    door = {"label": label(f"{zh}门", f"{en}, entrance"), "kind": "unit_entrance"}
    yield seed.idempotent_op(
        "area.add", demo_id(place, "door"), {**common, **door, "parent_id": place}
    )
    for floor in (1, 2):
        floor_area = {"label": label(f"{zh}{floor}层", f"{en}, floor {floor}"), "kind": "floor"}
        yield seed.idempotent_op(
            "area.add", demo_id(place, floor), {**common, **floor_area, "parent_id": place}
        )
        for side in (1, 2):
            home = f"{number}-{stair}-{floor}0{side}"
            vacant = (number + stair + floor + side) % 5 == 0
            unit = {"label": label(home, home), "area_id": place, "occupied": not vacant}
            yield seed.idempotent_op("unit.add", demo_id(name, "unit", home), unit)


def _schedules(name: str, staff: list[str], now: datetime) -> Iterator[NewOp]:
    for standard in STANDARDS:
        guard = standard.get("role") == "guard" and len(staff) > 2
        outside = standard["area_kind"] in ("outdoor", "refuse_point", "office") and len(staff) > 2
        answers = staff[2] if guard else staff[1] if outside else staff[0]
        yield seed.idempotent_op(
            "schedule.add",
            demo_id(name, "schedule", standard["code"]),
            {**standard, "dtstart": _first_window(standard, now), "responsible_id": answers},
        )


def _route(name: str, staff: list[str], now: datetime) -> NewOp:
    when = {"rrule": "FREQ=DAILY;BYHOUR=9,20,23;BYMINUTE=0;BYSECOND=0", "window": "PT1H"}
    payload = {
        "label": ROUND,
        "points": [demo_id(name, "point", key) for key, *_ in GROUNDS[:5]],
        "fastest": 20,
        **when,
        "dtstart": _first_window(when, now),
        "responsible_id": staff[2] if len(staff) > 2 else staff[0],
        "active": True,
    }
    return seed.idempotent_op("route.add", demo_id(name, "route"), payload)


def _contractors(name: str, staff: tuple[Staff, ...]) -> Iterator[NewOp]:
    answers = [who[0] for who in staff if {"supervisor", "manager"} & set(who[4])]
    if answers:
        firm = {"name": "云杉有线 Spruce Cable", "service": "有线电视维修 cable television"}
        answered = {"accountable_id": demo_id(name, answers[0]), "contract_ref": "DEMO-01"}
        yield seed.idempotent_op(
            "contractor.add", demo_id(name, "contractor"), {**firm, **answered}
        )
        for who in staff:
            if "contractor_worker" in who[4]:
                bound = {"contractor_id": demo_id(name, "contractor")}
                yield seed.idempotent_op("person.revise", demo_id(name, who[0]), bound)
