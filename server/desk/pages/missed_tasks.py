"""Missed work: each confirmed missed task and missed checkpoint of a patrol needs a decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.navigation import NavEntry
from server.models.access import Device
from server.models.patrol import PatrolRound
from server.models.people import Person
from server.models.places import Area
from server.models.tasks import Task
from server.oplog.directory import directory_of
from server.oplog.incoming import NewOp
from server.oplog.receive import make_op, submit_many
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.work.board import BoardTask, planned_late, undisposed_misses
from sync.work.dispositions import DISPOSITIONS
from sync.work.patrol_report import undisposed_points

bp = Blueprint("missed_tasks", __name__, url_prefix="/desk/misses")
NAVIGATION = [NavEntry("missed_tasks.index", _l("Missed work"), 110)]

DAY_SPANS = (1, 7, 31)


@dataclass(frozen=True, slots=True)
class Miss:
    """A missed task, or a missed checkpoint of a patrol. In the form it is the value `key` of the
    input `task` or `point`."""

    record: Any
    type: str
    label: dict[str, str]
    area_id: str
    checkpoint: str = ""

    @property
    def key(self) -> str:
        id_: str = self.record.id
        return id_ if self.type == "task" else f"{id_}|{self.checkpoint}"

    @property
    def lead_code(self) -> str:
        """The code of the lead under which a case about it can be opened."""
        return "missed" if self.type == "task" else "missed_point"


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    """Confirmed missed work without a decision; not what a phone may still report done."""
    return render_template(
        "desk/missed_tasks/index.html",
        misses=_filtered_misses(),
        planned_late=_planned_late(DAY_SPANS[-1]),
        spans=DAY_SPANS,
        names=directory_of(current_user().site_id),
        dispositions=DISPOSITIONS,
        areas=db.session.scalars(_select_for_site(Area).order_by(Area.ordinal, Area.id)).all(),
        people=db.session.scalars(_select_for_site(Person).order_by(Person.name)).all(),
    )


@bp.post("/")
@allow(*DESK_ROLES)
def dispose() -> Any:
    """One decision about several missed tasks and checkpoints; those not confirmed are skipped."""
    form, user = request.form, current_user()
    confirmed = {miss.key: miss for miss in _certain_misses(DAY_SPANS[-1])}
    chosen = {*form.getlist("task"), *form.getlist("point")}
    note = form.get("note", "").strip() or None
    decision = {"disposition": form.get("disposition", ""), "note": note}
    misses = [confirmed[key] for key in sorted(chosen & confirmed.keys())]
    ops = list(_dispose_ops(misses, decision, user.person_id))
    answers = submit_many(user.site_id, ops) if ops else []
    codes = [answer["code"] for answer in answers if answer["status"] not in ("applied", "merged")]
    codes += ["not-yet-known"] if chosen - confirmed.keys() else []
    back = url_for("missed_tasks.index")
    return redirect(f"{back}?said={codes[0]}" if codes else back, 303)


def _dispose_ops(misses: list[Miss], decision: dict[str, Any], by: str) -> Iterator[NewOp]:
    """An op for each task, and one for each patrol with all of its checkpoints."""
    rounds: dict[str, list[Miss]] = {}
    for miss in misses:
        if miss.type == "round":
            rounds.setdefault(miss.record.id, []).append(miss)
        else:
            base = miss.record.version
            yield make_op("task.dispose", miss.record.id, decision, by=by, base=base)
    for id_, points in rounds.items():
        payload = {"checkpoints": [point.checkpoint for point in points], **decision}
        yield make_op("round.dispose", id_, payload, by=by, base=points[0].record.version)


def _filtered_misses() -> list[Miss]:
    args = request.args
    days = args.get("days", default=DAY_SPANS[1], type=int)
    person, area = args.get("person"), args.get("area")
    return [
        miss
        for miss in _certain_misses(days if days in DAY_SPANS else DAY_SPANS[1])
        if (not person or miss.record.responsible_id == person)
        and (not area or miss.area_id == area)
    ]


def _certain_misses(days: int) -> list[Miss]:
    """Every undecided miss of so many days, the newest first."""
    now, site, scalars = datetime.now(UTC), current_user().site_id, db.session.scalars
    since = now - timedelta(days=days)
    tasks = scalars(Task.unfinished_between(site, since, now)).all()
    phones = scalars(Device.for_site(site)).all()
    misses = [
        Miss(task, "task", task.label, task.area_id)
        for task in undisposed_misses(tasks, phones, now)
        if isinstance(task, Task)
    ]
    for round_ in scalars(PatrolRound.ended_between(site, since, now)):
        misses += [
            Miss(round_, "round", point["label"], point["area_id"], point["checkpoint"])
            for point in undisposed_points(round_, phones, now)
        ]
    return sorted(misses, key=lambda miss: (miss.record.window_end, miss.area_id), reverse=True)


def _planned_late(days: int) -> list[BoardTask]:
    """R10: unfinished tasks of so many days for which nobody answers."""
    now, site = datetime.now(UTC), current_user().site_id
    tasks = db.session.scalars(Task.unfinished_between(site, now - timedelta(days=days), now)).all()
    return planned_late(tasks, db.session.scalars(Device.for_site(site)).all(), now)


def _select_for_site(table: Any) -> Any:
    return select(table).where(table.site_id == current_user().site_id)
