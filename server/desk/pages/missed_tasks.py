"""Missed tasks: each confirmed one needs a decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.navigation import NavEntry
from server.models.access import Device
from server.models.people import Person
from server.models.places import Area
from server.models.tasks import Task
from server.oplog.directory import directory_of
from server.oplog.receive import make_op, submit_many
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.work.board import planned_late, undisposed_misses
from sync.work.task_payloads import DISPOSITIONS

bp = Blueprint("missed_tasks", __name__, url_prefix="/desk/misses")
NAVIGATION = [NavEntry("missed_tasks.index", _l("Missed tasks"), 110)]

DAY_SPANS = (1, 7, 31)


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    """Confirmed missed tasks without a decision; not those that a phone may still report done."""
    return render_template(
        "desk/missed_tasks/index.html",
        misses=_filtered(undisposed_misses),
        planned_late=_filtered(planned_late),
        spans=DAY_SPANS,
        names=directory_of(current_user().site_id),
        dispositions=DISPOSITIONS,
        areas=db.session.scalars(_select_for_site(Area).order_by(Area.ordinal, Area.id)).all(),
        people=db.session.scalars(_select_for_site(Person).order_by(Person.name)).all(),
    )


@bp.post("/")
@allow(*DESK_ROLES)
def dispose() -> Any:
    """One decision about several missed tasks; those not confirmed are skipped."""
    form, user = request.form, current_user()
    chosen, confirmed = (
        set(form.getlist("task")),
        {task.id: task for task in _unfinished(DAY_SPANS[-1], undisposed_misses)},
    )
    note = form.get("note", "").strip() or None
    payload = {"disposition": form.get("disposition", ""), "note": note}
    ops = [
        make_op("task.dispose", id_, payload, by=user.person_id, base=confirmed[id_].version)
        for id_ in sorted(chosen & confirmed.keys())
    ]
    answers = submit_many(user.site_id, ops) if ops else []
    codes = [answer["code"] for answer in answers if answer["status"] not in ("applied", "merged")]
    codes += ["not-yet-known"] if chosen - confirmed.keys() else []
    back = url_for("missed_tasks.index")
    return redirect(f"{back}?said={codes[0]}" if codes else back, 303)


Choice = Callable[[Sequence[Task], Sequence[Device], datetime], list[Any]]
"""Chooses tasks that were not done in time."""


def _filtered(choose: Choice) -> list[Task]:
    args = request.args
    days = args.get("days", default=DAY_SPANS[1], type=int)
    filters = {"responsible_id": args.get("person"), "area_id": args.get("area")}
    return [
        task
        for task in _unfinished(days if days in DAY_SPANS else DAY_SPANS[1], choose)
        if all(not value or getattr(task, name) == value for name, value in filters.items())
    ]


def _unfinished(days: int, choose: Choice) -> list[Task]:
    now, site = datetime.now(UTC), current_user().site_id
    tasks = db.session.scalars(Task.unfinished_between(site, now - timedelta(days=days), now)).all()
    phones = db.session.scalars(Device.for_site(site)).all()
    chosen = {task.id for task in choose(tasks, phones, now)}
    return [task for task in tasks if task.id in chosen]


def _select_for_site(table: Any) -> Any:
    return select(table).where(table.site_id == current_user().site_id)
