"""The standards: how often, where, in which window, who answers for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from marshmallow import ValidationError
from sqlalchemy import select

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk import schedule_form
from server.desk.post import ask
from server.i18n.filters import SITE_ZONE
from server.jobs import scheduler
from server.jobs.holidays import known_until
from server.models import Area, Person, Schedule
from server.oplog.directory import names_of
from server.oplog.receive import own, post_many
from sync.estate.places import AREA_KINDS, MASTERS
from sync.protocol.digest import DESK, ROLES
from sync.work.schedules import KINDS, Addition, Change

bp = Blueprint("schedules", __name__, url_prefix="/desk/standards")

CHANGERS = KINDS["schedule.change"].roles
WINDOWS = {
    "PT1H": _("within an hour"),
    "PT2H": _("within 2 hours"),
    "PT3H": _("within 3 hours"),
    "PT4H": _("within 4 hours"),
    "PT10H": _("within 10 hours"),
    "P1D": _("that day"),
    "P7D": _("that week"),
    "UNTIL_NEXT": _("until the next time"),
}
ALTERNATIVE = {"CL-03": "CL-03b"}
"""The literal text of the rulebook, and the reading that may have been meant."""


@bp.get("/")
@allow(*DESK)
def index() -> str:
    now = datetime.now(UTC)
    schedules = db.session.scalars(Schedule.at(here().site_id)).all()
    return render_template(
        "desk/schedules/index.html",
        schedules=schedules,
        runs={schedule.id: schedule_form.next_runs(schedule, now) for schedule in schedules},
        often=schedule_form.in_words,
        alternatives=ALTERNATIVE,
        **_words(),
    )


@bp.route("/new", methods=["GET", "POST"])
@allow(*MASTERS)
def new() -> Any:
    """A standard of the site's own."""
    blank = SimpleNamespace(id=None, code="", version=None, **_blank())
    if request.method == "GET":
        return _form(blank)
    frame = {"dtstart": _today().isoformat(), "code": request.form.get("code", "").strip()}
    place = {"area_kind": request.form.get("area_kind"), "role": request.form.get("role")}
    payload = _said() | frame | place
    return _save(blank, "schedule.add", payload, Addition())


@bp.route("/<id>", methods=["GET", "POST"])
@allow(*CHANGERS)
def edit(id: str) -> Any:
    """Only what the form changed goes into the op; it holds from the day that the form names."""
    schedule = mine(Schedule, id)
    if request.method == "GET":
        return _form(schedule)
    said = _said()
    changed = {
        name: value for name, value in said.items() if value != getattr(schedule, name, None)
    }
    from_on = request.form.get("from_on")
    payload = changed | ({"from_on": from_on} if changed and from_on else {})
    return _save(schedule, "schedule.change", payload, Change(), shown=said)


@bp.post("/<id>/reading")
@allow(*MASTERS)
def reading(id: str) -> Any:
    """C3: the literal text is confirmed, or the daily reading takes its place from tomorrow."""
    literal = mine(Schedule, id)
    named = Schedule.at(here().site_id).where(Schedule.code == ALTERNATIVE.get(literal.code))
    daily = db.session.scalars(named).first() or abort(404)
    confirmed: dict[str, Any] = {"needs_confirmation": False}
    changes = [(literal, confirmed)]
    if request.form.get("take") == "daily":
        tomorrow = (_today() + timedelta(days=1)).date().isoformat()
        changes = [
            (literal, {**confirmed, "active": False, "from_on": tomorrow}),
            (daily, {"active": True, "from_on": tomorrow}),
        ]
    post_many(here().site_id, [_change(schedule, said) for schedule, said in changes])
    return redirect(url_for("schedules.index"), 303)


def _change(schedule: Schedule, said: dict[str, Any]) -> dict[str, Any]:
    by, base = here().person_id, schedule.version
    return own("schedule.change", schedule.id, said, by=by, base=base)


def _save(schedule: Any, kind: str, payload: dict[str, Any], schema: Any, shown: Any = None) -> Any:
    """The form again with what is wrong or with the next runs; otherwise the op."""
    wrong = payload.pop("wrong", None)
    after = SimpleNamespace(**{**_as_dict(schedule), **(shown or payload)})
    after.dtstart = getattr(schedule, "dtstart", None) or _today()
    try:
        schema.load(payload)
    except ValidationError as error:
        wrong = wrong or "; ".join(_texts(error.messages))
    if wrong or "preview" in request.form:
        return _form(after, wrong=wrong, preview=not wrong), 422 if wrong else 200
    if not payload:
        return redirect(url_for("schedules.index"), 303)
    base = request.form.get("base", type=int)
    answer = ask(kind, schedule.id, payload, url_for("schedules.index"), base=base)
    scheduler.plan(here().site_id, datetime.now(UTC))
    return answer


def _said() -> dict[str, Any]:
    """What the form says, as fields of a schedule; `wrong` where it cannot be understood."""
    form = request.form
    said: dict[str, Any] = {
        "label": {"zh": form.get("zh", "").strip(), "en": form.get("en", "").strip()},
        "area_ids": form.getlist("area_ids"),
        "responsible_id": form.get("responsible_id") or None,
        "rdate": schedule_form.days_of(form.get("rdate", "")),
        "exdate": schedule_form.days_of(form.get("exdate", "")),
        "window": form.get("window") or None,
        "grace": form.get("grace", default=0, type=int),
        "active": "active" in form,
        "needs_confirmation": "needs_confirmation" in form,
    }
    try:
        return said | schedule_form.rule_of(form, form.getlist("week"))
    except schedule_form.NotUnderstood as error:
        return said | {"wrong": str(error)}


def _form(schedule: Any, wrong: str | None = None, preview: bool = False) -> str:
    now = datetime.now(UTC)
    return render_template(
        "desk/schedules/form.html",
        schedule=schedule,
        rhythm=schedule_form.typed(request.form)
        if request.form
        else schedule_form.rhythm_of(schedule),
        wrong=wrong,
        runs=schedule_form.next_runs(schedule, now) if not wrong else [],
        preview=preview,
        tomorrow=(_today() + timedelta(days=1)).date().isoformat(),
        known_until=known_until(),
        flag_days=schedule_form.coming_flag_days(now),
        areas=db.session.scalars(_of_site(Area).order_by(Area.ordinal, Area.id)).all(),
        people=db.session.scalars(_of_site(Person).where(Person.active_to.is_(None))).all(),
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {
        "names": names_of(here().site_id),
        "windows": WINDOWS,
        "presets": schedule_form.PRESETS,
        "week": schedule_form.WEEK,
        "kinds": AREA_KINDS,
        "roles": ROLES,
        "may_change": here().may(*CHANGERS),
        "may_add": here().may(*MASTERS),
    }


def _of_site(table: Any) -> Any:
    return select(table).where(table.site_id == here().site_id)


def _blank() -> dict[str, Any]:
    return {
        **dict.fromkeys(("rrule", "window", "responsible_id")),
        **{name: [] for name in ("rdate", "exdate", "area_ids", "items")},
        **{"label": {"zh": "", "en": ""}, "grace": 0, "active": True, "workdays_only": False},
        **{"needs_confirmation": False, "area_kind": "stairwell", "role": "cleaner"},
        **{"dtstart": _today(), "tzid": str(SITE_ZONE)},
    }


def _as_dict(schedule: Any) -> dict[str, Any]:
    if isinstance(schedule, SimpleNamespace):
        return vars(schedule)
    return {column.key: getattr(schedule, column.key) for column in Schedule.__table__.columns}


def _today() -> datetime:
    return datetime.now(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def _texts(messages: Any) -> list[str]:
    if isinstance(messages, str):
        return [gettext(messages)]
    inner = messages.values() if isinstance(messages, dict) else messages
    return [text for each in inner for text in _texts(each)]
