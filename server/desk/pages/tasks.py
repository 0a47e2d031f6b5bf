"""Tasks: all planned and assigned work, to find, to export and to give to somebody else."""

from __future__ import annotations

from flask import Blueprint

from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.task_list import TASKS
from sync.protocol.text import _l

bp = Blueprint("tasks", __name__, url_prefix="/desk/tasks")
register_list(bp, TASKS)
NAVIGATION = [
    NavEntry(
        "tasks.index",
        _l("Tasks"),
        "work",
        5,
        "missed_today",
        about=_l("What is to be done, where and by whom."),
    )
]
