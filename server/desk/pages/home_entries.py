"""Entries at the desk: who was in this home between then and then."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, render_template, request

from server.auth.access import allow, here
from server.db.engine import db
from server.desk.homes import homes, page_asked, settled, time_of, unheard
from server.models import Entry
from server.oplog.directory import names_of
from sync.protocol.digest import FRONT

bp = Blueprint("entries", __name__, url_prefix="/desk/entries")

PAGE = 100


@bp.get("/")
@allow(*FRONT)
def index() -> str:
    """Whoever is in a home now, and whoever was, by home, name and time; page by page."""
    asked = {name: request.args.get(name, "").strip() for name in ("unit", "who")}
    times = {name: request.args.get(name, "") for name in ("since", "before")}
    since, before = (time_of(times[name]) for name in ("since", "before"))
    page = page_asked()
    site_id, now = here().site_id, datetime.now(UTC)
    names = names_of(site_id)
    query = Entry.found(site_id, **asked, since=since, before=before, names=names)
    found = db.session.scalars(query.offset((page - 1) * PAGE).limit(PAGE + 1)).all()
    end = settled(before, now)
    return render_template(
        "desk/entries/index.html",
        entries=found[:PAGE],
        more=len(found) > PAGE,
        page=page,
        asked={**asked, **times},
        inside=db.session.scalars(Entry.inside(site_id)).all(),
        unheard=unheard(site_id, end),
        end=end,
        names=names,
        units=homes(site_id),
    )
