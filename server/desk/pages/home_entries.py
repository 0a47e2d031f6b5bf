"""Home entries: the list, and joining what two phones recorded of one visit."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for

from server.auth.access import allow, get_or_404
from server.desk.home_entry_list import HOME_ENTRIES
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.payload_form import PayloadForm
from server.desk.submit import submit_and_redirect
from server.models.home_entries import HomeEntry
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("home_entries", __name__, url_prefix="/desk/entries")
NAVIGATION = [
    NavEntry(
        "home_entries.index",
        _l("Home entries"),
        "matters",
        40,
        about=_l("Who went into which home, for what, and who agreed."),
    )
]

register_list(bp, HOME_ENTRIES)

JOIN_FORM = PayloadForm("entry.join")


@bp.post("/<id>/join")
@allow(*FRONT_DESK_ROLES)
def join(id: str) -> Any:
    """J7: an exit becomes part of the entry that it ends."""
    payload = JOIN_FORM.payload(request.form)
    back = url_for("home_entries.index")
    return submit_and_redirect("entry.join", get_or_404(HomeEntry, id).id, payload, back)


@bp.post("/<id>/separate")
@allow(*FRONT_DESK_ROLES)
def separate(id: str) -> Any:
    """J7: joining was wrong; both records are again as they were."""
    back = url_for("home_entries.index")
    return submit_and_redirect("entry.separate", get_or_404(HomeEntry, id).id, {}, back)
