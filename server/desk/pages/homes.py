"""The page of a home: everything about 3-2-501."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from flask import Blueprint, render_template, request
from sqlalchemy import select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.home_events import SOURCES, home_counts, home_events
from server.desk.navigation import belong_to
from server.desk.record_access import may_open
from server.desk.story import story_about
from server.models.arrears import ArrearsAccount
from server.models.places import Area, Unit
from server.models.tickets import Ticket
from server.oplog.directory import directory_of
from sync import KINDS
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.service.arrears import owed_cents
from sync.service.ticket_lists import is_breached

bp = Blueprint("homes", __name__, url_prefix="/desk/homes")
PLACE = "reports"

MAX_DEPTH = 8
"""How many areas may lie in one another."""


@bp.get("/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    """A home with its tickets, visits, entries, lost items, work, and what it owes."""
    belong_to("places.index")
    home, site_id, now = get_or_404(Unit, id), current_user().site_id, datetime.now(UTC)
    kind = request.args.get("kind", "")
    open_tickets = db.session.scalars(Ticket.open_tickets(site_id, Ticket.unit == home.id)).all()
    return render_template(
        "desk/homes/show.html",
        home=home,
        areas=[*_areas_around(home)][::-1],
        kinds=list(SOURCES),
        kind=kind if kind in SOURCES else "",
        counts=home_counts(home.id, now),
        events=home_events(home.id, kind, now),
        open_tickets=open_tickets,
        late=sum(is_breached(ticket, now) for ticket in open_tickets),
        account=_account(home),
        owed=lambda account: owed_cents(vars(account)),
        told=story_about(site_id, home.id),
        may_occupy=current_user().has_role(*KINDS["unit.occupy"].roles),
        names=directory_of(site_id),
    )


def _areas_around(home: Unit) -> Iterator[Area]:
    """The areas that a home lies in, the smallest first."""
    area_id: str | None = home.area_id
    for _ in range(MAX_DEPTH):
        area = db.session.get(Area, (home.site_id, area_id)) if area_id else None
        if area is None:
            return
        yield area
        area_id = area.parent_id


def _account(home: Unit) -> ArrearsAccount | None:
    """What a home owes; None for people who must not know it."""
    if not may_open("arrears"):
        return None
    mine = ArrearsAccount.site_id == home.site_id, ArrearsAccount.unit == home.id
    kept = select(ArrearsAccount).where(*mine, ArrearsAccount.purged_at.is_(None))
    return db.session.scalar(kept.order_by(ArrearsAccount.listed_at.desc()))
