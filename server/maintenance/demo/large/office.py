"""Inspections and found items of a day; arrears, lost property and cases at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from server.maintenance.demo.ids import demo_id
from server.maintenance.demo.large.day import Day
from server.maintenance.demo.large.estate import SITE_ID, Estate, place_id
from server.maintenance.demo.large.people import person_id
from server.maintenance.demo.large.phones import Phone
from server.oplog.incoming import NewOp
from server.oplog.receive import make_op
from sync.accountability.categories import category_id
from sync.accountability.categories_content import CATEGORIES
from sync.protocol.clock import format_time
from sync.quality.checklists_content import CHECKLISTS, checklist_id

INSPECTIONS_PER_DAY = 5
ARREARS_SHARE = 300 / 2592
FOUND_ITEMS = ("钥匙一串", "雨伞", "儿童手表", "钱包")
LOST_ITEMS = ("手机", "金戒指", "现金信封")
PUBLISHED_CATEGORIES = 4
CASES = 6


def simulate_inspections(day: Day) -> None:
    """Supervisors inspect stairwells; two in five fail one criterion."""
    random = day.random("inspections")
    checklists = [
        checklist
        for checklist in CHECKLISTS
        if checklist.get("items") and "stairwell" in checklist.get("area_kinds", ())
    ]
    for number in range(INSPECTIONS_PER_DAY):
        checklist = checklists[number % len(checklists)]
        at = day.at(10 + number, random.randint(0, 50))
        failed, fails = random.choice(checklist["items"])["id"], random.random() < 0.4
        payload = {
            "template_id": checklist_id(SITE_ID, checklist["code"]),
            "edition": 1,
            "area": random.choice(day.estate.stairwells).id,
            "rest": "pass",
            **({"results": {failed: "fail"}, "actions": {failed: "rectify"}} if fails else {}),
        }
        inspection, supervisor = day.new_id("inspection", number), f"supervisor{1 + number}"
        day.do("desk", at, "inspection.record", inspection, payload, supervisor)


def simulate_found_items(day: Day) -> None:
    random = day.random("found")
    item, handed_in = random.choice(FOUND_ITEMS), random.random() < 0.4
    if handed_in:
        payload = {
            "what": item,
            "condition": "完好",
            "area": place_id("garden"),
            "found_where": "长椅上",
            "place": "北门岗亭",
        }
        day.do("gate1", day.at(11), "find.record", day.new_id("found"), payload, "guard5")


def category_ops() -> Iterator[NewOp]:
    """Publish the first accountability categories, so that cases can be opened."""
    for category in CATEGORIES[:PUBLISHED_CATEGORIES]:
        id_ = category_id(SITE_ID, category["code"])
        op_id = demo_id("otter", "publish", category["code"])
        yield make_op("category.publish", id_, {}, by=person_id("manager1"), id=op_id)


def arrears_ops(estate: Estate, now: datetime) -> Iterator[NewOp]:
    """One home in nine owes fees."""
    random, month = estate.random("arrears"), f"{now:%Y-%m}"
    homes = random.sample(estate.homes, max(1, round(len(estate.homes) * ARREARS_SHARE)))
    for number, home in enumerate(homes):
        cents = 100 * random.randint(300, 1200)
        fee = {"what": "物业费", "period": f"{now.year} 上季度", "cents": cents}
        water = {"what": "水费", "period": month, "cents": random.randint(2000, 20000)}
        payload = {
            "unit": home.id,
            "batch": f"{month} 催费",
            "lines": [fee, water] if number % 3 == 0 else [fee],
        }
        account, op_id = demo_id("otter", "arrears", number), demo_id("otter", "list", number)
        yield make_op("arrears.list", account, payload, by=person_id("manager1"), id=op_id)


def report_lost_property(estate: Estate, phones: Mapping[str, Phone], now: datetime) -> None:
    random = estate.random("lost")
    for number, item in enumerate(LOST_ITEMS):
        home, reported_at = random.choice(estate.homes), now - timedelta(days=1 + 4 * number)
        payload = {
            "item": item,
            "details": "上门维修之后找不到",
            "last_seen_at": format_time(reported_at - timedelta(hours=3)),
            "unit": home.id,
            "holds_personal_data": number == 0,
            "channel": "phone",
            "contact": f"{home.name} 业主",
            "next_action": "列出进门人员",
            "next_action_at": format_time(now + timedelta(days=1)),
        }
        case = demo_id("otter", "lost", number)
        phones["gate1"].do(reported_at, "lost.open", case, payload, person_id("guard1"))


def case_ops(now: datetime) -> Iterator[NewOp]:
    """Accountability cases about guards who missed a checkpoint."""
    for number in range(CASES):
        category = CATEGORIES[number % PUBLISHED_CATEGORIES]
        items = category.get("subs") or []
        fact = {
            "at": format_time(now - timedelta(days=3 + number)),
            "text": "夜巡第七点未扫",
            "code": "told_against",
        }
        payload = {
            "category_id": category_id(SITE_ID, category["code"]),
            "sub": items[0]["code"] if items else None,
            "subject_kind": "person",
            "subject_name": None,
            "answers_id": person_id(f"guard{2 + number}"),
            "facts": [fact],
            "amount": None,
        }
        case, op_id = demo_id("otter", "case", number), demo_id("otter", "raise", number)
        yield make_op("case.raise", case, payload, by=person_id("supervisor1"), id=op_id)
