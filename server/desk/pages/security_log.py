"""The security log: who signed in, changed an account or a phone, exported or looked data up."""

from __future__ import annotations

from flask import Blueprint

from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.security_list import SECURITY_LOG
from sync.protocol.text import _l

bp = Blueprint("security_log", __name__, url_prefix="/desk/security-log")
register_list(bp, SECURITY_LOG)
NAVIGATION = [
    NavEntry(
        "security_log.index",
        _l("Security log"),
        "reports",
        60,
        about=_l("Who signed in, who was refused, and who looked at what."),
    )
]
