"""The security log: who signed in, changed an account or a phone, exported or looked data up."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy import or_, select

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.formatting import format_value
from server.desk.homes import requested_page
from server.desk.navigation import NavEntry
from server.desk.options import list_people
from server.i18n.local_time import parse_local_time
from server.models.access import Device
from server.models.security_log import AccessEntry
from server.oplog.directory import directory_of
from server.oplog.hash_chain import log_head
from sync.accountability.security_log import EVENTS
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.text import _l

bp = Blueprint("security_log", __name__, url_prefix="/desk/security-log")
NAVIGATION = [
    NavEntry(
        "security_log.index",
        _l("Security log"),
        "reports",
        60,
        about=_l("Who signed in, who was refused, and who looked at what."),
    )
]

PAGE_SIZE = 100
ALARMING = frozenset({"sign_in_failed", "denied", "foreign_lineage", "log_mismatch"})
"""Events that should not happen: they are marked."""


@bp.get("/")
@allow(*MASTER_DATA_ROLES)
def index() -> str:
    """The entries of the site, newest first, by person, event and period, in pages."""
    filters = {
        name: request.args.get(name, "").strip()[:40] for name in ("person", "event", "phone")
    }
    times = {name: request.args.get(name, "") for name in ("since", "before")}
    site_id, page = current_user().site_id, requested_page()
    query = AccessEntry.newest(site_id).where(*_conditions(filters, times))
    entries = db.session.scalars(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE + 1)).all()
    phones = select(Device.id, Device.label).where(Device.site_id == site_id)
    names = directory_of(site_id)
    return render_template(
        "desk/security_log/index.html",
        entries=[(entry, _details(entry, names)) for entry in entries[:PAGE_SIZE]],
        more=len(entries) > PAGE_SIZE,
        page=page,
        filters={**filters, **times},
        people=list_people(site_id),
        events=sorted(EVENTS),
        alarming=ALARMING,
        phones={row.id: row.label for row in db.session.execute(phones.order_by(Device.label))},
        names=names,
        log=log_head(site_id),
    )


def _conditions(filters: dict[str, str], times: dict[str, str]) -> list[Any]:
    conditions: list[Any] = []
    if person := filters["person"]:
        conditions.append(or_(AccessEntry.by_id == person, AccessEntry.about_id == person))
    if event := filters["event"]:
        conditions.append(AccessEntry.event == event)
    if phone := filters["phone"]:
        conditions.append(AccessEntry.device_id == phone)
    if since := parse_local_time(times["since"]):
        conditions.append(AccessEntry.at >= since)
    if before := parse_local_time(times["before"]):
        conditions.append(AccessEntry.at < before)
    return conditions


def _details(entry: AccessEntry, names: Any) -> str:
    """What is known of an event besides its columns, as text."""
    return format_value("access", "details", entry.details, names) if entry.details else ""
