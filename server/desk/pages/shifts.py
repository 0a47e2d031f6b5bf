"""Shifts: who is on duty, handovers and their signatures, shifts not ended."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for

from server.auth.access import allow, get_or_404
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.shift_list import SHIFTS
from server.desk.submit import submit_and_redirect
from server.models.shifts import Shift
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("shifts", __name__, url_prefix="/desk/shifts")
register_list(bp, SHIFTS)
NAVIGATION = [
    NavEntry(
        "shifts.index",
        _l("Shifts"),
        "people",
        20,
        about=_l("Who is on duty now, and how shifts were handed over."),
    )
]


@bp.post("/<id>/close")
@allow(*DESK_ROLES)
def close(id: str) -> Any:
    """End what nobody ended on a phone; the current user is recorded."""
    return submit_and_redirect("shift.close", get_or_404(Shift, id).id, {}, url_for("shifts.index"))
