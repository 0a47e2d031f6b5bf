"""Tickets: who was asked first, who has the matter in hand, and what it still lacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import segno
from flask import Blueprint, abort, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.history import op_lines
from server.desk.navigation import NavEntry
from server.desk.submit import submit_and_redirect
from server.i18n.local_time import parse_local_time
from server.i18n.locale import localize
from server.models.contractors import Contractor
from server.models.people import Person
from server.models.places import Area, Unit
from server.models.shifts import Shift
from server.models.tickets import Ticket
from server.oplog.directory import directory_of
from server.oplog.receive import ops_about
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.service.ticket_lists import (
    DUE_SOON,
    TICKET_LISTS,
    awaits_acceptance,
    held_for_on_duty,
    is_breached,
    missing_steps_if_open,
    possible_duplicates,
)
from sync.service.tickets import (
    CHANNELS,
    ESCALATIONS,
    MATTERS,
    RATED_QUALITIES,
    RATINGS,
    REACTIONS,
    URGENCIES,
    state,
)
from sync.work.shifts import MAX_SHIFT

bp = Blueprint("tickets", __name__, url_prefix="/desk/tickets")
NAVIGATION = [NavEntry("tickets.index", _l("Tickets"), 50)]

PAGE_SIZE = 100

OPEN_FIELDS = (
    *("channel", "matter", "contact", "declined_because", "details", "area", "unit", "urgency"),
    *("item", "condition", "done_on_the_spot", "reaction"),
)
"""What the form of a new ticket says."""

FACT_FIELDS = {
    "give_back": ("reason",),
    "hold": ("for_id", "reason"),
    "escalate": ("to_id", "reason", "note"),
    "follow": ("text",),
    "promise": ("promised_at",),
    "resolve": ("how",),
    "feed_back": ("reaction", "note", "because"),
    "enquire": ("who", "answered"),
    "register": ("item", "condition"),
    "pass_on": ("item", "to"),
    "return_item": ("item", "to"),
    "reopen": ("reason",),
}
"""What the desk may tell of a ticket, with the fields of each form."""


@bp.get("/")
@allow(*FRONT_DESK_ROLES)
def index() -> str:
    """The board: one list of open matters, or the newest of all."""
    me, now, site_id = current_user().person_id, datetime.now(UTC), current_user().site_id
    open_ = db.session.scalars(Ticket.open_tickets(site_id)).all()
    lists = {n: [t for t in open_ if on(t, me, now)] for n, on in TICKET_LISTS.items()}
    lists["nudged"] = held_for_on_duty(open_, _open_shifts(site_id, now))
    asked = request.args.get("list", "open")
    every = (
        db.session.scalars(Ticket.newest(site_id).limit(PAGE_SIZE)).all() if asked == "all" else []
    )
    return render_template(
        "desk/tickets/index.html",
        tickets=lists.get(asked, every),
        lists={name: len(found) for name, found in lists.items()},
        asked=asked if asked in lists else "all",
        late={t.id for t in open_ if is_breached(t, now)},
        waiting={t.id for t in open_ if awaits_acceptance(t)},
        names=directory_of(site_id),
        **_form_choices(site_id),
    )


@bp.get("/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    ticket, site_id, now = get_or_404(Ticket, id), current_user().site_id, datetime.now(UTC)
    near = Ticket.opened_at.between(ticket.opened_at - DUE_SOON, ticket.opened_at + DUE_SOON)
    other = db.session.get(Ticket, (site_id, ticket.merged_into)) if ticket.merged_into else None
    return render_template(
        "desk/tickets/show.html",
        ticket=ticket,
        lacks=missing_steps_if_open(ticket),
        late=is_breached(ticket, now),
        here_now=bool(held_for_on_duty([ticket], _open_shifts(site_id, now))),
        alike=possible_duplicates(ticket, db.session.scalars(Ticket.open_tickets(site_id, near))),
        into=other,
        names=directory_of(site_id),
        lines=op_lines(ops_about(site_id, id)),
        **_form_choices(site_id),
    )


@bp.post("/")
@allow(*FRONT_DESK_ROLES)
def open_() -> Any:
    """Whoever is asked at the desk is the first responder, like anybody in the field."""
    said = {name: text for name in OPEN_FIELDS if (text := _form_text(name))}
    payload = {"details": "", **said, **_promise_payload()}
    return submit_and_redirect("ticket.open", None, payload, url_for("tickets.index"))


@bp.post("/<id>/revise")
@allow(*FRONT_DESK_ROLES)
def revise(id: str) -> Any:
    """Only what the form changed goes into the op; `base` is what its author saw."""
    ticket = get_or_404(Ticket, id)
    seen = {n: _form_text(f"was.{n}") for n in ("details", "contact", "area", "unit", "urgency")}
    written = {name: _form_text(name, was) for name, was in seen.items()}
    payload = {name: text or None for name, text in written.items() if text != seen[name]}
    return submit_and_redirect(
        "ticket.revise", ticket.id, payload, _ticket_url(id), base=_base_version()
    )


@bp.post("/<id>/hand-over")
@allow(*FRONT_DESK_ROLES)
def hand_over(id: str) -> Any:
    """To a person, a post, or a firm through whoever of ours answers for it."""
    sort, _, who = request.form.get("to", "").partition(":")
    if sort == "person":
        payload = {"handler_id": get_or_404(Person, who).id}
    elif sort == "firm":
        firm = get_or_404(Contractor, who)
        payload = {"contractor_id": firm.id, "accountable_id": firm.accountable_id}
    else:
        payload = {"role": who}
    payload |= {"reason": reason} if (reason := _form_text("reason")) else {}
    return submit_and_redirect(
        "ticket.hand_over", get_or_404(Ticket, id).id, payload, _ticket_url(id)
    )


@bp.post("/<id>/tell/<kind>")
@allow(*FRONT_DESK_ROLES)
def tell(id: str, kind: str) -> Any:
    """What happened to the matter: a fact, as a phone would tell it."""
    ticket, wanted = get_or_404(Ticket, id), FACT_FIELDS.get(kind) or abort(404)
    said: dict[str, Any] = {name: text for name in wanted if (text := _form_text(name))}
    said |= _promise_payload() if kind == "promise" else {}
    marks = {name: mark for name in RATED_QUALITIES if (mark := _form_text(f"marks.{name}"))}
    said |= {"marks": marks} if marks else {}
    return submit_and_redirect(f"ticket.{kind}", ticket.id, said, _ticket_url(id))


@bp.post("/<id>/accept")
@allow(*FRONT_DESK_ROLES)
def accept(id: str) -> Any:
    return submit_and_redirect("ticket.accept", get_or_404(Ticket, id).id, {}, _ticket_url(id))


@bp.post("/<id>/merge")
@allow(*FRONT_DESK_ROLES)
def merge(id: str) -> Any:
    """The earlier of the two stays, whichever of them the form stood on."""
    other = get_or_404(Ticket, request.form.get("other_id", ""))
    back = min(get_or_404(Ticket, id), other, key=lambda ticket: (ticket.opened_at, ticket.id))
    payload = {"other_id": other.id}
    return submit_and_redirect(
        "ticket.merge",
        get_or_404(Ticket, id).id,
        payload,
        _ticket_url(back.id),
        base=_base_version(),
    )


@bp.get("/<id>/slip")
@allow(*FRONT_DESK_ROLES)
def slip(id: str) -> str:
    """A slip of paper for the resident: the number, and where it can be looked up."""
    ticket = get_or_404(Ticket, id)
    address = url_for("resident.show", number=ticket.number, _external=True)
    drawn = segno.make(address, error="m").svg_data_uri(scale=5, border=2, light="#fff")
    return render_template("desk/tickets/slip.html", ticket=ticket, address=address, drawn=drawn)


def _form_choices(site_id: str) -> dict[str, Any]:
    """What the forms choose from."""
    people = [p for p in db.session.scalars(Person.for_site(site_id)) if p.active_to is None]
    areas = select(Area).where(Area.site_id == site_id).order_by(Area.ordinal)
    units = select(Unit).where(Unit.site_id == site_id).order_by(Unit.id)
    firms = [firm for firm in db.session.scalars(Contractor.for_site(site_id)) if not firm.ended_at]
    return {
        "state_of": lambda ticket: state(vars(ticket)),
        "people": people,
        "leaders": [p for p in people if {"supervisor", "manager"} & set(p.roles)],
        "roles": sorted({role for person in people for role in person.roles}),
        "firms": firms,
        "areas": db.session.scalars(areas).all(),
        "units": sorted(db.session.scalars(units), key=lambda unit: localize(unit.label)),
        "urgencies": URGENCIES,
        "channels": CHANNELS,
        "matters": MATTERS,
        "reactions": REACTIONS,
        "escalations": ESCALATIONS,
        "qualities": RATED_QUALITIES,
        "marks": RATINGS,
    }


def _open_shifts(site_id: str, now: datetime) -> dict[str, Shift]:
    """Whose shift is open now."""
    recent = db.session.scalars(Shift.since(site_id, now - MAX_SHIFT))
    return {one.person_id: one for one in recent if not (one.closed_at or one.handed_over_at)}


def _promise_payload() -> dict[str, datetime]:
    moment = parse_local_time(request.form.get("promised_at"))
    return {"promised_at": moment} if moment else {}


def _form_text(name: str, default: str = "") -> str:
    return request.form.get(name, default).replace("\r\n", "\n").strip()


def _ticket_url(id_: str) -> str:
    return url_for("tickets.show", id=id_)


def _base_version() -> int:
    """The version that the form was made from."""
    return request.form.get("base", type=int) or abort(400)
