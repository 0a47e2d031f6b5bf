"""A day's shifts, tasks and patrols in the large demo."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select

from server.auth.qr_tokens import label_token
from server.db.engine import db
from server.maintenance.demo.large.day import Day
from server.maintenance.demo.large.estate import SITE_ID
from server.maintenance.demo.large.people import KEYS_BY_ID, PEOPLE
from server.models.patrol import PatrolRound
from server.models.tasks import Task

CLEANING_PHONES = 6
ON_DUTY_SHARE = 0.72
GUARD_SHIFTS = (0, 8, 16)
SKIP_REASONS = ("住户装修堵门", "下雨", "电梯停运")
STANDING_HOURS = (9, 12, 15)


def phone_of(person: str) -> str:
    """The phone that a cleaner, guard or repair worker shares with others."""
    number = int("".join(filter(str.isdigit, person)))
    if person.startswith("cleaner"):
        return f"cleaning{1 + number % CLEANING_PHONES}"
    if person.startswith("guard"):
        return "patrol" if number % 2 else f"gate{1 + number // 2 % 2}"
    return "repair"


def simulate_shifts(day: Day) -> None:
    random = day.random("shifts")
    for key, person in PEOPLE.items():
        if person.role not in ("cleaner", "guard", "contractor_worker", "repair"):
            continue
        if random.random() > ON_DUTY_SHARE:
            continue
        hour = {"cleaner": 6, "guard": random.choice(GUARD_SHIFTS)}.get(person.role, 8)
        start = day.at(hour, random.randint(0, 25))
        end = start + timedelta(hours=8, minutes=random.randint(0, 20))
        shift, in_uniform = day.new_id("shift", key), random.random() < 0.97
        payload: dict[str, Any] = {"uniform": in_uniform}
        payload |= {} if in_uniform else {"note": "being_washed"}
        if day.do(phone_of(key), start, "shift.open", shift, payload, key):
            closing = {"unsent": 0, "open_items": {}}
            day.do(phone_of(key), end, "shift.close", shift, closing, key)


def simulate_tasks(day: Day) -> None:
    """Most tasks are done on their day, weekly ones spread over the week; some are missed."""
    random = day.random("tasks")
    for task in _open_tasks(day):
        weekly = task.window_end - task.window_start > timedelta(days=2)
        if task.id in day.estate.handled_tasks:
            continue
        if weekly and random.random() > (0.30 if day.start.weekday() < 5 else 0.1):
            continue
        if not weekly and random.random() < 0.03:
            day.estate.handled_tasks.add(task.id)  # missed
            continue
        moment = _task_moment(day, task, random)
        if not weekly and random.random() < 0.02:
            moment = task.window_end + timedelta(minutes=40)
        if moment <= day.now:
            day.estate.handled_tasks.add(task.id)
            _finish_task(day, task, moment, random)


def _open_tasks(day: Day) -> list[Any]:
    columns = (Task.id, Task.responsible_id, Task.window_start, Task.window_end)
    query = (
        select(*columns, Task.items, Task.standing)
        .where(Task.site_id == SITE_ID, Task.done_at.is_(None), Task.cancelled_at.is_(None))
        .where(Task.window_start <= day.at(23), Task.window_end > day.at(0))
        .order_by(Task.window_start, Task.id)
    )
    tasks = list(db.session.execute(query).all())
    db.session.remove()
    return tasks


def _task_moment(day: Day, task: Any, random: Random) -> datetime:
    """Some time of the task's window within working hours."""
    earliest, latest = max(task.window_start, day.at(6)), min(task.window_end, day.at(17))
    if latest <= earliest:
        earliest, latest = task.window_start, task.window_end
    moment: datetime = earliest + (latest - earliest) * random.random()
    return moment


def _finish_task(day: Day, task: Any, moment: datetime, random: Random) -> None:
    person = KEYS_BY_ID[task.responsible_id]
    phone = phone_of(person)
    if random.random() < 0.01:
        reason = {"reason": random.choice(SKIP_REASONS)}
        day.do(phone, moment, "task.skip", task.id, reason, person)
    elif task.standing:
        for hour in STANDING_HOURS:
            confirmed_at = day.at(hour, random.randint(0, 40))
            day.do(phone, confirmed_at, "task.confirm", task.id, {}, person)
    elif task.items:
        for item in range(len(task.items)):
            ticked_at = moment + timedelta(minutes=item)
            day.do(phone, ticked_at, "task.tick", task.id, {"item": item}, person)
    else:
        day.do(phone, moment, "task.complete", task.id, {}, person)


def simulate_patrols(day: Day) -> None:
    """Guards scan the checkpoints of every patrol, but for a few."""
    random = day.random("patrols")
    for patrol in _patrols(day):
        if patrol.window_end > day.now or random.random() < 0.02:
            continue
        person = KEYS_BY_ID[patrol.responsible_id]
        for number, point in enumerate(patrol.points):
            seconds = random.randint(0, 60)
            at = patrol.window_start + timedelta(minutes=2 + 4 * number, seconds=seconds)
            kind, payload = _scan(point["checkpoint"], random.random())
            if kind:
                day.do("patrol", at, kind, patrol.id, payload, person)


def _patrols(day: Day) -> list[Any]:
    columns = (PatrolRound.id, PatrolRound.points, PatrolRound.responsible_id)
    query = (
        select(*columns, PatrolRound.window_start, PatrolRound.window_end)
        .where(PatrolRound.site_id == SITE_ID)
        .where(PatrolRound.window_start >= day.at(0), PatrolRound.window_start < day.at(24))
        .order_by(PatrolRound.window_start, PatrolRound.id)
    )
    patrols = list(db.session.execute(query).all())
    db.session.remove()
    return patrols


def _scan(checkpoint: str, chance: float) -> tuple[str | None, dict[str, Any]]:
    """What happens at a checkpoint: kind and payload of the op, None for a missed one."""
    if chance < 0.01:
        return None, {}
    if chance < 0.02:
        return "round.skip", {"checkpoint": checkpoint, "reason": "locked"}
    if chance < 0.05:
        manual = {"checkpoint": checkpoint, "method": "manual", "note": "标签破损"}
        return "round.scan", manual
    token = label_token(SITE_ID, checkpoint, 1)
    return "round.scan", {"checkpoint": checkpoint, "method": "qr", "token": token}
