"""Missed tasks: each confirmed one needs a decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.field_errors import FieldError, FormRefused, refused_by_rule
from server.desk.navigation import NavEntry
from server.desk.submit import form_op, submit_ops_and_redirect
from server.models.access import Device
from server.models.people import Person
from server.models.places import Area
from server.models.tasks import Task
from server.oplog.directory import directory_of
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.work.board import undisposed_misses
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
        misses=_filtered_misses(),
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
    form = request.form
    chosen, confirmed = (
        set(form.getlist("task")),
        {task.id: task for task in _certain_misses(DAY_SPANS[-1])},
    )
    note = form.get("note", "").strip() or None
    payload = {"disposition": form.get("disposition", ""), "note": note}
    back = url_for("missed_tasks.index")
    if not chosen:
        sentence = gettext("Choose at least one task.")
        raise FormRefused(sentence, [FieldError(("task",), sentence)], page=back)
    ops = [
        form_op("task.dispose", id_, payload, base=confirmed[id_].version, page=back)
        for id_ in sorted(chosen & confirmed.keys())
    ]
    answer = submit_ops_and_redirect(ops, back)
    if chosen - confirmed.keys():
        raise refused_by_rule("not-yet-known", {}, back)
    return answer


def _filtered_misses() -> list[Task]:
    args = request.args
    days = args.get("days", default=DAY_SPANS[1], type=int)
    filters = {"responsible_id": args.get("person"), "area_id": args.get("area")}
    return [
        task
        for task in _certain_misses(days if days in DAY_SPANS else DAY_SPANS[1])
        if all(not value or getattr(task, name) == value for name, value in filters.items())
    ]


def _certain_misses(days: int) -> list[Task]:
    now, site = datetime.now(UTC), current_user().site_id
    tasks = db.session.scalars(Task.unfinished_between(site, now - timedelta(days=days), now)).all()
    phones = db.session.scalars(Device.for_site(site)).all()
    certain = {task.id for task in undisposed_misses(tasks, phones, now)}
    return [task for task in tasks if task.id in certain]


def _select_for_site(table: Any) -> Any:
    return select(table).where(table.site_id == current_user().site_id)
