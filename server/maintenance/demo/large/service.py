"""A day's tickets and home entries in the large demo."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from server.maintenance.demo.large.day import Day
from server.maintenance.demo.large.duties import CONTRACTORS, contractor_id
from server.maintenance.demo.large.estate import Home
from server.maintenance.demo.large.people import PEOPLE, person_id
from server.maintenance.demo.large.work import phone_of
from sync.protocol.clock import format_time

PROBLEMS = (
    *("楼道灯不亮", "水管漏水", "电梯异响", "门禁刷不开", "楼上噪音扰民", "车位被占"),
    *("下水道堵塞", "对讲机坏了", "窗户玻璃破了", "绿化浇水溅到车", "垃圾清运不及时"),
    *("快递柜打不开", "邻居装修时间过早", "热水器不出热水", "咨询物业费明细"),
    *("停车月卡续费", "办理装修出入证", "借用推车", "单元门关不上", "墙面渗水发霉"),
)
REMARKS = ("", "请尽快处理", "老人在家", "晚上六点后有人", "已来过一次没修好")
CHANNELS = ("in_person", "phone", "message", "on_round")
REQUEST_TYPES = ("enquiry", "report", "report", "complaint", "business")
ENTRIES_PER_DAY = 8
HOME_WORKERS = [
    key for key, person in PEOPLE.items() if person.role in ("repair", "contractor_worker")
]
"""Who enters homes, one a visit."""


def simulate_tickets(day: Day) -> None:
    """Tickets from the desk, the gates and cleaners; most are accepted, resolved and closed."""
    random = day.random("tickets")
    usual = day.estate.scale.tickets_per_day
    for number in range(random.randint(usual * 7 // 8, usual * 9 // 8)):
        opened_at = day.at(8) + timedelta(seconds=random.randint(0, 11 * 3600))
        phone, receiver = _receiver(number)
        ticket, payload = day.new_id("ticket", number), _opening(random, day.estate.homes)
        if random.random() < 0.25:
            resolved = {"done_on_the_spot": "当场说明并处理", "reaction": "satisfied"}
            day.do(phone, opened_at, "ticket.open", ticket, {**payload, **resolved}, receiver)
            continue
        if random.random() < 0.4:
            promised_at = opened_at + timedelta(hours=random.randint(2, 30))
            payload["promised_at"] = format_time(promised_at)
        day.do(phone, opened_at, "ticket.open", ticket, payload, receiver)
        _handle_ticket(day, ticket, number, opened_at, random)


def _receiver(number: int) -> tuple[str, str]:
    """Phone and person that a ticket comes in at."""
    if number % 3 == 0:
        return "desk", f"desk{1 + number % 8}"
    if number % 3 == 1:
        return f"gate{1 + number % 2}", f"guard{5 + number % 16}"
    cleaner = f"cleaner{1 + number % 24}"
    return phone_of(cleaner), cleaner


def _opening(random: Random, homes: list[Home]) -> dict[str, Any]:
    home = random.choice(homes)
    details = f"{home.name} {random.choice(PROBLEMS)} {random.choice(REMARKS)}"
    return {
        "channel": random.choice(CHANNELS),
        "matter": random.choice(REQUEST_TYPES),
        "contact": f"{home.name} 业主 0000{random.randint(0, 9_999_999):07}",
        "details": details.strip(),
        "unit": home.id,
        "area": home.stairwell.id,
        "urgency": "urgent" if random.random() < 0.08 else "normal",
    }


def _handle_ticket(day: Day, ticket: str, number: int, opened_at: datetime, random: Random) -> None:
    """Transfer, acceptance, follow-up, resolution, feedback; some tickets stop on the way."""
    phone, receiver = _receiver(number)
    stops_before_transfer = random.random() < 0.06
    handler, transfer = _handler(number, random)
    transferred_at = opened_at + timedelta(minutes=random.randint(1, 30))
    accepted_at = transferred_at + timedelta(minutes=random.randint(5, 90))
    resolved_at = accepted_at + timedelta(hours=random.randint(1, 40))
    informed_at = resolved_at + timedelta(hours=random.randint(1, 20))
    stops_before_resolution, stops_before_feedback = random.random() < 0.04, random.random() < 0.05
    how = "已修好" if random.random() < 0.8 else "更换配件后恢复"
    reaction = "satisfied" if random.random() < 0.9 else "unsatisfied"
    if stops_before_transfer:
        return
    day.do(phone, transferred_at, "ticket.hand_over", ticket, transfer, receiver)
    day.do("repair", accepted_at, "ticket.accept", ticket, {}, handler)
    # K10: a ticket closes only after its first responder has followed up
    followed_at = accepted_at + timedelta(minutes=20)
    day.do(phone, followed_at, "ticket.follow", ticket, {"text": "已跟进"}, receiver)
    if stops_before_resolution:
        return
    day.do("repair", resolved_at, "ticket.resolve", ticket, {"how": how}, handler)
    if not stops_before_feedback:
        day.do(phone, informed_at, "ticket.feed_back", ticket, {"reaction": reaction}, receiver)


def _handler(number: int, random: Random) -> tuple[str, dict[str, Any]]:
    """Who works on a ticket, and the payload of its transfer: a repair worker or a contractor."""
    if random.random() < 0.1:
        contractor = contractor_id(1 + number % len(CONTRACTORS))
        return "supervisor2", {
            "contractor_id": contractor,
            "accountable_id": person_id("supervisor2"),
        }
    worker = f"repair{1 + number % 4}"
    return worker, {"handler_id": person_id(worker)}


def simulate_home_entries(day: Day) -> None:
    """Repair workers enter homes, one an hour from 9:00 on; the first one's exit is missing."""
    random = day.random("entries")
    for number in range(ENTRIES_PER_DAY):
        worker, entry = HOME_WORKERS[number], day.new_id("entry", number)
        start = day.at(9 + number, random.randint(0, 50))
        end = start + timedelta(minutes=random.randint(10, 40))
        entering = {
            "unit": random.choice(day.estate.homes).id,
            "purpose": "repair",
            "worker_id": person_id(worker),
            "resident_present": True,
        }
        if day.do("repair", start, "entry.begin", entry, entering, worker) and number:
            leaving = {"resident_present": True}
            day.do("repair", end, "entry.end", entry, leaving, worker)
