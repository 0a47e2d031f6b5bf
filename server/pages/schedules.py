"""The cleaning standards: how often, in which window, who answers for them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from flask_babel import lazy_gettext as _

from server.access import allow, here, mine
from server.db import db
from server.names import names_of
from server.pages.telling import ask
from server.tables import Schedule
from sync.feed import DESK
from sync.schedules import KINDS

bp = Blueprint("schedules", __name__, url_prefix="/desk/standards")

OFTEN = {
    "FREQ=DAILY": _("every day"),
    "FREQ=DAILY;BYHOUR=6,18;BYMINUTE=0;BYSECOND=0": _("every day at 6 and 18"),
    "FREQ=DAILY;BYHOUR=7,11,16;BYMINUTE=0;BYSECOND=0": _("every day at 7, 11 and 16"),
    "FREQ=DAILY;BYHOUR=9,20,23;BYMINUTE=0;BYSECOND=0": _("every day at 9, 20 and 23"),
    "FREQ=DAILY;BYHOUR=8;BYMINUTE=0;BYSECOND=0": _("every day at 8"),
    "FREQ=WEEKLY;BYDAY=MO": _("every week"),
    "FREQ=MONTHLY;BYMONTHDAY=1": _("every month"),
    "FREQ=MONTHLY;BYMONTHDAY=1,11,21": _("three times a month"),
    "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1": _("every three months"),
}
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


@bp.get("/")
@allow(*DESK)
def index() -> str:
    return render_template(
        "desk/schedules/index.html",
        schedules=db.session.scalars(Schedule.at(here().site_id)).all(),
        names=names_of(here().site_id),
        often=OFTEN,
        windows=WINDOWS,
        may_change=here().may(*CHANGERS),
    )


@bp.post("/<id>")
@allow(*CHANGERS)
def change(id: str) -> Any:
    """Only what the form changed goes into the op."""
    schedule, wanted = mine(Schedule, id), request.form
    said = {
        "rrule": wanted.get("rrule") or None,
        "window": wanted.get("window") or None,
        "active": "active" in wanted,
        "needs_confirmation": "needs_confirmation" in wanted,
    }
    payload = {name: value for name, value in said.items() if value != getattr(schedule, name)}
    base = wanted.get("base", type=int) or abort(400)
    return ask("schedule.change", schedule.id, payload, url_for("schedules.index"), base=base)
