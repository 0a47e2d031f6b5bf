"""Schedules: how often, where, in which time window, who is responsible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk import schedule_form
from server.desk.actions import Action
from server.desk.field_errors import FieldError, FormRefused, check_payload
from server.desk.label_form import form_label
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.options import active_people, list_areas
from server.desk.payload_form import form_number
from server.desk.posted_forms import say
from server.desk.schedule_list import SCHEDULES, WINDOW_LABELS
from server.desk.submit import form_op, submit_and_redirect, submit_ops_and_redirect
from server.jobs import plan_history, scheduler
from server.jobs.holidays import known_until
from server.models.schedules import Schedule
from server.oplog.directory import directory_of
from sync.estate.places import AREA_KINDS, MASTER_DATA_ROLES
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import ROLES
from sync.protocol.text import _l
from sync.work.plan_versions import PlanChange, plan_versions
from sync.work.schedules import KINDS

bp = Blueprint("schedules", __name__, url_prefix="/desk/standards")
NAVIGATION = [
    NavEntry(
        "schedules.index",
        _l("Schedules"),
        "work",
        20,
        about=_l("What is cleaned where, how often and in which hours."),
    )
]
ACTIONS = [Action("schedules.new", _l("Add schedule"))]

EDITORS = KINDS["schedule.change"].roles
DAILY_ALTERNATIVE = {"CL-03": "CL-03b"}
"""A schedule as the rulebook words it, and the daily one that may have been meant."""


def unclear_readings() -> dict[str, Any]:
    """The schedules for which somebody still has to choose a reading, for those who may."""
    may_add = current_user().has_role(*MASTER_DATA_ROLES)
    query = Schedule.for_site(current_user().site_id).where(
        Schedule.needs_confirmation, Schedule.code.in_(DAILY_ALTERNATIVE)
    )
    return {"may_add": may_add, "unclear": db.session.scalars(query).all() if may_add else []}


register_list(bp, replace(SCHEDULES, extra=unclear_readings))


@bp.route("/new", methods=["GET", "POST"])
@allow(*MASTER_DATA_ROLES)
def new() -> Any:
    """A new schedule of this site."""
    blank = SimpleNamespace(id=None, code="", version=None, **_empty_schedule())
    if request.method == "GET":
        return _render_form(blank)
    frame = {"dtstart": _site_midnight().isoformat(), "code": request.form.get("code", "").strip()}
    place = {"area_kind": request.form.get("area_kind"), "role": request.form.get("role")}
    payload = _form_fields() | frame | place
    return _validate_and_submit(blank, "schedule.add", payload)


@bp.route("/<id>", methods=["GET", "POST"])
@allow(*EDITORS)
def edit(id: str) -> Any:
    """The op has only the fields that changed; they take effect on the day in the form."""
    schedule = get_or_404(Schedule, id)
    if request.method == "GET":
        return _render_form(schedule)
    fields = _form_fields()
    changed = {
        name: value for name, value in fields.items() if value != getattr(schedule, name, None)
    }
    from_on = request.form.get("from_on")
    payload = changed | ({"from_on": from_on} if changed and from_on else {})
    return _validate_and_submit(schedule, "schedule.change", payload, preview_fields=fields)


@bp.post("/<id>/reading")
@allow(*MASTER_DATA_ROLES)
def choose_reading(id: str) -> Any:
    """C3: confirm the rulebook's wording, or replace it with the daily schedule from tomorrow."""
    literal = get_or_404(Schedule, id)
    query = Schedule.for_site(current_user().site_id).where(
        Schedule.code == DAILY_ALTERNATIVE.get(literal.code)
    )
    daily = db.session.scalars(query).first() or abort(404)
    confirmed: dict[str, Any] = {"needs_confirmation": False}
    changes = [(literal, confirmed)]
    if request.form.get("take") == "daily":
        tomorrow = (_site_midnight() + timedelta(days=1)).date().isoformat()
        changes = [
            (literal, {**confirmed, "active": False, "from_on": tomorrow}),
            (daily, {"active": True, "from_on": tomorrow}),
        ]
    back = url_for("schedules.index")
    ops = [
        form_op("schedule.change", schedule.id, change, base=schedule.version, page=back)
        for schedule, change in changes
    ]
    return submit_ops_and_redirect(ops, back)


def _validate_and_submit(
    schedule: Any, kind: str, payload: dict[str, Any], preview_fields: Any = None
) -> Any:
    """The form again with the next dates, or submit the op."""
    check_payload(kind, payload)
    if "preview" in request.form:
        after = SimpleNamespace(**{**_as_dict(schedule), **(preview_fields or payload)})
        after.dtstart = getattr(schedule, "dtstart", None) or _site_midnight()
        return _render_form(after, preview=KINDS[kind].payload().load(payload))
    if not payload:
        say("nothing-changed")
        return redirect(url_for("schedules.index"), 303)
    base, back = request.form.get("base", type=int), url_for("schedules.index")
    answer = submit_and_redirect(kind, schedule.id, payload, back, base=base)
    scheduler.plan(current_user().site_id, datetime.now(UTC))
    return answer


def _form_fields() -> dict[str, Any]:
    """The form as fields of a schedule. Raises FormRefused if the recurrence is not valid."""
    form = request.form
    fields: dict[str, Any] = {
        "label": form_label(form, "label"),
        "area_ids": form.getlist("area_ids"),
        "responsible_id": form.get("responsible_id") or None,
        "rdate": schedule_form.split_list(form.get("rdate", "")),
        "exdate": schedule_form.split_list(form.get("exdate", "")),
        "window": form.get("window") or None,
        "grace": form_number(form, "grace", 0),
        "active": "active" in form,
        "needs_confirmation": "needs_confirmation" in form,
    }
    try:
        return fields | schedule_form.parse_recurrence(form, form.getlist("week"))
    except schedule_form.InvalidRecurrence as error:
        raise FormRefused(str(error), [FieldError((error.input,), str(error))]) from error


def _announced(schedule: Any, now: datetime, changed: Mapping[str, Any] | None) -> dict[str, Any]:
    """The next dates of a schedule as if `changed` were saved now, and whether they are planned."""
    site_id, id_ = current_user().site_id, schedule.id or ""
    changes = plan_history.plan_changes(site_id, [id_], plan_history.SCHEDULE_KINDS)[id_]
    changes += [PlanChange.from_payload(changed, now, schedule.tzid)] if changed else []
    is_due = schedule_form.due_anywhere(scheduler.list_places(site_id))
    versions = plan_versions(changes)
    newest = versions[-1].fields if versions else {"active": False}
    if changes and not newest["active"]:
        versions = plan_versions([*changes, PlanChange(now, {"active": True})])
    return {
        "runs": schedule_form.next_windows(versions, lambda _: True, now),
        "in_use": newest["active"],
        "has_place": not versions or is_due(versions[-1].as_duty(id_)),
    }


def _render_form(schedule: Any, preview: Mapping[str, Any] | None = None) -> str:
    now = datetime.now(UTC)
    return render_template(
        "desk/schedules/form.html",
        schedule=schedule,
        rhythm=schedule_form.recurrence_from_request(request.form)
        if request.form
        else schedule_form.recurrence_from_schedule(schedule),
        announced=_announced(schedule, now, preview),
        preview=preview is not None,
        tomorrow=(_site_midnight() + timedelta(days=1)).date().isoformat(),
        known_until=known_until(),
        flag_days=schedule_form.upcoming_flag_days(now),
        areas=list_areas(current_user().site_id),
        people=active_people(current_user().site_id),
        **_shared_context(),
    )


def _shared_context() -> dict[str, Any]:
    return {
        "names": directory_of(current_user().site_id),
        "windows": WINDOW_LABELS,
        "presets": schedule_form.PRESETS,
        "week": schedule_form.WEEKDAYS,
        "kinds": AREA_KINDS,
        "roles": ROLES,
        "may_change": current_user().has_role(*EDITORS),
        "may_add": current_user().has_role(*MASTER_DATA_ROLES),
    }


def _select_for_site(table: Any) -> Any:
    return select(table).where(table.site_id == current_user().site_id)


def _empty_schedule() -> dict[str, Any]:
    return {
        **dict.fromkeys(("rrule", "window", "responsible_id")),
        **{name: [] for name in ("rdate", "exdate", "area_ids", "items")},
        **{"label": {}, "grace": 0, "active": True, "workdays_only": False},
        **{"needs_confirmation": False, "area_kind": "stairwell", "role": "cleaner"},
        **{"dtstart": _site_midnight(), "tzid": str(SITE_ZONE)},
    }


def _as_dict(schedule: Any) -> dict[str, Any]:
    if isinstance(schedule, SimpleNamespace):
        return vars(schedule)
    return {column.key: getattr(schedule, column.key) for column in Schedule.__table__.columns}


def _site_midnight() -> datetime:
    return datetime.now(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
