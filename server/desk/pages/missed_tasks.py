"""Missed work: each confirmed missed task and missed checkpoint of a patrol needs a decision."""

from __future__ import annotations

from flask import Blueprint

from server.desk.lists import register_list
from server.desk.miss_lists import MISSED_POINTS, MISSED_TASKS
from server.desk.navigation import NavEntry
from sync.protocol.text import _l

bp = Blueprint("missed_tasks", __name__, url_prefix="/desk/misses")
register_list(bp, MISSED_TASKS)
register_list(bp, MISSED_POINTS, "/points", "points")
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
