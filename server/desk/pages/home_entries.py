"""Home entries: who was in a home, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.homes import (
    certain_until,
    list_homes,
    possibly_unsynced_phones,
    requested_page,
)
from server.desk.navigation import NavEntry
from server.desk.payload_form import PayloadForm
from server.desk.submit import submit_and_redirect
from server.i18n.local_time import parse_local_time
from server.models.home_entries import HomeEntry
from server.oplog.directory import directory_of
from sync.gate.home_entries import possible_pairs
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

PAGE_SIZE = 100
LOOKBACK = timedelta(days=7)
"""How long an exit is proposed to an entry, and joined ones are listed."""
JOIN_FORM = PayloadForm("entry.join")


@bp.get("/")
@allow(*FRONT_DESK_ROLES)
def index() -> str:
    """Who is in a home now, and a search by home, name and time, in pages."""
    filters = {name: request.args.get(name, "").strip() for name in ("unit", "who")}
    times = {name: request.args.get(name, "") for name in ("since", "before")}
    since, before = (parse_local_time(times[name]) for name in ("since", "before"))
    page = requested_page()
    site_id, now = current_user().site_id, datetime.now(UTC)
    names = directory_of(site_id)
    query = HomeEntry.search(site_id, **filters, since=since, before=before, names=names)
    entries = db.session.scalars(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE + 1)).all()
    end = certain_until(before, now)
    return render_template(
        "desk/home_entries/index.html",
        entries=entries[:PAGE_SIZE],
        more=len(entries) > PAGE_SIZE,
        page=page,
        filters={**filters, **times},
        inside=db.session.scalars(HomeEntry.inside(site_id)).all(),
        pairs=possible_pairs(db.session.scalars(HomeEntry.unpaired(site_id, now - LOOKBACK))),
        joined=db.session.scalars(HomeEntry.joined_since(site_id, now - LOOKBACK)).all(),
        unheard=possibly_unsynced_phones(site_id, end),
        end=end,
        names=names,
        units=list_homes(site_id),
    )


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
