"""A day's visitors in the large demo."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from server.maintenance.demo.large.day import Day
from server.maintenance.demo.large.estate import Home

VISITORS = (
    *("甲先生", "乙女士", "丙师傅", "丁阿姨", "戊小姐", "己老师"),
    *("送餐员", "快递员", "搬家工", "安装工", "保姆", "亲戚一家"),
)
PURPOSES = ("business", "family", "service", "other")
GATES = 2
FIRST_GATE_GUARD = 5


def simulate_visits(day: Day) -> None:
    """Visitors between 7:00 and 21:00 at both gates; one in twenty is not seen leaving."""
    random = day.random("visits")
    usual = day.estate.scale.visits_per_day
    for number in range(random.randint(usual * 9 // 10, usual * 11 // 10)):
        gate = number % GATES
        phone, guard = f"gate{gate + 1}", f"guard{FIRST_GATE_GUARD + 2 * (number % 8) + gate}"
        arrival = day.at(7) + timedelta(seconds=random.randint(0, 14 * 3600))
        visit, payload = day.new_id("visit", number), _arrival(random, day.estate.homes)
        departure = arrival + timedelta(minutes=random.randint(5, 150))
        leaves = random.random() < 0.95
        if day.do(phone, arrival, "visit.arrive", visit, payload, guard) and leaves:
            day.do(phone, departure, "visit.depart", visit, {}, guard)


def _arrival(random: Random, homes: list[Home]) -> dict[str, Any]:
    """Telephone numbers begin with 0000 and plates with a word, so that they are nobody's."""
    payload: dict[str, Any] = {
        "visitor": random.choice(VISITORS),
        "purpose": random.choice(PURPOSES),
        "host_unit": random.choice(homes).id,
        "id_checked": random.random() < 0.3,
    }
    phone, plate = random.randint(0, 9_999_999), random.randint(0, 99_999)
    if random.random() < 0.7:
        payload["phone"] = f"0000{phone:07}"
    if random.random() < 0.2:
        payload["plate"] = f"演示{plate:05}"
    return payload
