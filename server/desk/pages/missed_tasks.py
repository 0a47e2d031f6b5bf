"""Missed work: each confirmed missed task and missed checkpoint of a patrol needs a decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.field_errors import FieldError, FormRefused, refused_by_rule
from server.desk.navigation import NavEntry
from server.desk.options import list_areas, list_people
from server.desk.submit import form_op, submit_ops_and_redirect
from server.models.access import Device
from server.models.patrol import PatrolRound
from server.models.tasks import Task
from server.oplog.directory import directory_of
from server.oplog.incoming import NewOp
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.work.board import BoardTask, planned_late, undisposed_misses
from sync.work.dispositions import DISPOSITIONS
from sync.work.patrol_report import undisposed_points

bp = Blueprint("missed_tasks", __name__, url_prefix="/desk/misses")
NAVIGATION = [
    NavEntry(
        "missed_tasks.index",
        _l("Missed work"),
        "quality",
        20,
        "missed",
        about=_l("Work that was missed for certain; each needs a decision."),
    )
]

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
        areas=list_areas(current_user().site_id),
        people=list_people(current_user().site_id),
    )


@bp.post("/")
@allow(*DESK_ROLES)
def dispose() -> Any:
    """One decision about several missed tasks and checkpoints: all of them or none."""
    form, back = request.form, url_for("missed_tasks.index")
    confirmed = {miss.key: miss for miss in _certain_misses(DAY_SPANS[-1])}
    chosen = {*form.getlist("task"), *form.getlist("point")}
    if not chosen:
        sentence = gettext("Choose at least one.")
        raise FormRefused(sentence, [FieldError(("task", "point"), sentence)], page=back)
    note = form.get("note", "").strip() or None
    decision = {"disposition": form.get("disposition", ""), "note": note}
    if chosen - confirmed.keys():
        raise refused_by_rule("not-yet-known", {}, back)
    misses = [confirmed[key] for key in sorted(chosen)]
    return submit_ops_and_redirect(list(_dispose_ops(misses, decision, back)), back)


def _dispose_ops(misses: list[Miss], decision: dict[str, Any], page: str) -> Iterator[NewOp]:
    """An op for each task, and one for each patrol with all of its checkpoints."""
    rounds: dict[str, list[Miss]] = {}
    for miss in misses:
        if miss.type == "round":
            rounds.setdefault(miss.record.id, []).append(miss)
        else:
            base = miss.record.version
            yield form_op("task.dispose", miss.record.id, decision, base=base, page=page)
    for id_, points in rounds.items():
        payload = {"checkpoints": [point.checkpoint for point in points], **decision}
        base = points[0].record.version
        yield form_op("round.dispose", id_, payload, base=base, page=page)


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
