"""Shifts: who is on duty, handovers and their signatures, shifts not ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template, url_for
from sqlalchemy import select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.navigation import NavEntry
from server.desk.submit import submit_and_redirect
from server.models.access import Device
from server.models.oplog import LoggedOp
from server.models.shifts import Shift
from server.oplog.directory import directory_of
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.work.shifts import MAX_SHIFT, overlapping_shifts

bp = Blueprint("shifts", __name__, url_prefix="/desk/shifts")
NAVIGATION = [
    NavEntry(
        "shifts.index",
        _l("Shifts"),
        "people",
        20,
        about=_l("Who is on duty now, and how shifts were handed over."),
    )
]

LOOKBACK = timedelta(days=7)
MAX_UNCLOSED = 100


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    now, site_id = datetime.now(UTC), current_user().site_id
    recent = db.session.scalars(Shift.since(site_id, now - LOOKBACK)).all()
    forgotten = db.session.scalars(
        Shift.unclosed(site_id, now - MAX_SHIFT).limit(MAX_UNCLOSED)
    ).all()
    running = [shift for shift in recent if is_open(shift) and shift not in forgotten]
    phones = _opening_devices(site_id, [shift.id for shift in (*recent, *forgotten)])
    return render_template(
        "desk/shifts/index.html",
        running=running,
        ended=[shift for shift in recent if not is_open(shift)],
        forgotten=forgotten,
        twice=overlapping_shifts(recent, {id_: device for id_, (device, _) in phones.items()}),
        phones={id_: label for id_, (_, label) in phones.items()},
        names=directory_of(site_id),
    )


@bp.post("/<id>/close")
@allow(*DESK_ROLES)
def close(id: str) -> Any:
    """End what nobody ended on a phone; the current user is recorded."""
    return submit_and_redirect("shift.close", get_or_404(Shift, id).id, {}, url_for("shifts.index"))


def is_open(shift: Shift) -> bool:
    """Whether a shift is neither ended nor handed over."""
    return not (shift.closed_at or shift.handed_over_at)


def _opening_devices(site_id: str, ids: Sequence[str]) -> dict[str, tuple[str | None, str]]:
    """The device id and label of the phone on which each shift was started, by shift."""
    openings = (
        select(LoggedOp.subject, LoggedOp.device_id, Device.label)
        .outerjoin(Device, Device.id == LoggedOp.device_id)
        .where(LoggedOp.site_id == site_id, LoggedOp.subject.in_(ids))
        .where(LoggedOp.kind == "shift.open", LoggedOp.status == "applied")
    )
    return {row.subject: (row.device_id, row.label or "") for row in db.session.execute(openings)}
