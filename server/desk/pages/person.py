"""The page of a person: what they are, what they have to do, and what they did."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, render_template, request
from flask_babel import gettext

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.navigation import belong_to
from server.desk.related import RelatedGroup, group, ticket_link, without_empty
from server.desk.story import recent_ops, story_about, story_of, subjects_of
from server.models.oplog import LoggedOp
from server.models.people import Person
from server.models.shifts import Shift
from server.models.tickets import Ticket
from server.oplog.directory import directory_of
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.clock import SITE_ZONE
from sync.protocol.normalise import parse_date
from sync.protocol.roles import DESK_ROLES
from sync.work.shifts import MAX_SHIFT

bp = Blueprint("person", __name__, url_prefix="/desk/people")
PLACE = "people"

MAX_DONE, SHOWN_DONE = 60, 20
"""How much of what somebody did the page tells, and how much of it is not folded."""


@bp.get("/<id>")
@allow(*DESK_ROLES)
def show(id: str) -> str:
    """A person, with what they did: the newest, or that of one day (`?day=`)."""
    belong_to("people.index")
    person, now = get_or_404(Person, id), datetime.now(UTC)
    day = parse_date(request.args.get("day", ""))
    done = story_of(_ops_by(person, day), newest=SHOWN_DONE)
    return render_template(
        "desk/person/show.html",
        person=person,
        day=day,
        done=done,
        subjects=subjects_of(done),
        told=story_about(person.site_id, person.id),
        shift=_current_shift(person, now),
        related=without_empty(_related(person)),
        may_change=current_user().has_role(*MASTER_DATA_ROLES) and not person.active_to,
        names=directory_of(person.site_id),
    )


def _ops_by(person: Person, day: date | None) -> list[LoggedOp]:
    """What a person did lately, newest first."""
    which = [LoggedOp.by == person.id]
    if day:
        begin = datetime.combine(day, time(), SITE_ZONE)
        which.append(LoggedOp.occurred_at.between(begin, begin + timedelta(days=1)))
    return recent_ops(person.site_id, *which, most=MAX_DONE)


def _related(person: Person) -> list[RelatedGroup]:
    """The open tickets of a person."""
    mine = (Ticket.steward_id == person.id) | (Ticket.handler_id == person.id)
    return [group(gettext("Open tickets"), Ticket.open_tickets(person.site_id, mine), ticket_link)]


def _current_shift(person: Person, now: datetime) -> Shift | None:
    """The shift that a person has open."""
    shifts = db.session.scalars(
        Shift.since(person.site_id, now - MAX_SHIFT).where(Shift.person_id == person.id)
    )
    return next((shift for shift in shifts if not (shift.closed_at or shift.handed_over_at)), None)
