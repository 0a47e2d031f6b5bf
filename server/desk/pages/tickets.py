"""Tickets: who was asked first, who has the matter in hand, and what it still lacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import segno
from flask import Blueprint, abort, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk.history import lines
from server.desk.post import ask
from server.i18n.filters import typed
from server.models import Area, Contractor, Person, Shift, Ticket, Unit
from server.oplog.directory import names_of
from server.oplog.receive import history
from sync.protocol.digest import FRONT
from sync.service.ticket_lists import LISTS, SOON, breached, lacks, lookalikes, nudges, waits
from sync.service.tickets import (
    CHANNELS,
    ESCALATIONS,
    MARKS,
    MATTERS,
    QUALITIES,
    REACTIONS,
    URGENCIES,
    state,
)
from sync.work.shifts import LONGEST

bp = Blueprint("tickets", __name__, url_prefix="/desk/tickets")

PAGE = 100

ASKED = (
    *("channel", "matter", "contact", "declined_because", "details", "area", "unit", "urgency"),
    *("item", "condition", "done_on_the_spot", "reaction"),
)
"""What the form of a new ticket says."""

TOLD = {
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
@allow(*FRONT)
def index() -> str:
    """The board: one list of open matters, or the newest of all."""
    me, now, site_id = here().person_id, datetime.now(UTC), here().site_id
    open_ = db.session.scalars(Ticket.open(site_id)).all()
    lists = {n: [t for t in open_ if on(t, me, now)] for n, on in LISTS.items()}
    lists["nudged"] = nudges(open_, _on_duty(site_id, now))
    asked = request.args.get("list", "open")
    every = db.session.scalars(Ticket.newest(site_id).limit(PAGE)).all() if asked == "all" else []
    return render_template(
        "desk/tickets/index.html",
        tickets=lists.get(asked, every),
        lists={name: len(found) for name, found in lists.items()},
        asked=asked if asked in lists else "all",
        late={t.id for t in open_ if breached(t, now)},
        waiting={t.id for t in open_ if waits(t)},
        names=names_of(site_id),
        **_form(site_id),
    )


@bp.get("/<id>")
@allow(*FRONT)
def show(id: str) -> str:
    ticket, site_id, now = mine(Ticket, id), here().site_id, datetime.now(UTC)
    near = Ticket.opened_at.between(ticket.opened_at - SOON, ticket.opened_at + SOON)
    other = db.session.get(Ticket, (site_id, ticket.merged_into)) if ticket.merged_into else None
    return render_template(
        "desk/tickets/show.html",
        ticket=ticket,
        lacks=lacks(ticket),
        late=breached(ticket, now),
        here_now=bool(nudges([ticket], _on_duty(site_id, now))),
        alike=lookalikes(ticket, db.session.scalars(Ticket.open(site_id, near))),
        into=other,
        names=names_of(site_id),
        lines=lines(history(site_id, id)),
        **_form(site_id),
    )


@bp.post("/")
@allow(*FRONT)
def open_() -> Any:
    """Whoever is asked at the desk is the first responder, like anybody in the field."""
    said = {name: text for name in ASKED if (text := _text(name))}
    payload = {"details": "", **said, **_promised()}
    return ask("ticket.open", None, payload, url_for("tickets.index"))


@bp.post("/<id>/revise")
@allow(*FRONT)
def revise(id: str) -> Any:
    """Only what the form changed goes into the op; `base` is what its author saw."""
    ticket = mine(Ticket, id)
    seen = {n: _text(f"was.{n}") for n in ("details", "contact", "area", "unit", "urgency")}
    written = {name: _text(name, was) for name, was in seen.items()}
    payload = {name: text or None for name, text in written.items() if text != seen[name]}
    return ask("ticket.revise", ticket.id, payload, _page(id), base=_base())


@bp.post("/<id>/hand-over")
@allow(*FRONT)
def hand_over(id: str) -> Any:
    """To a person, a post, or a firm through whoever of ours answers for it."""
    sort, _, who = request.form.get("to", "").partition(":")
    if sort == "person":
        payload = {"handler_id": mine(Person, who).id}
    elif sort == "firm":
        firm = mine(Contractor, who)
        payload = {"contractor_id": firm.id, "accountable_id": firm.accountable_id}
    else:
        payload = {"role": who}
    payload |= {"reason": reason} if (reason := _text("reason")) else {}
    return ask("ticket.hand_over", mine(Ticket, id).id, payload, _page(id))


@bp.post("/<id>/tell/<kind>")
@allow(*FRONT)
def tell(id: str, kind: str) -> Any:
    """What happened to the matter: a fact, as a phone would tell it."""
    ticket, wanted = mine(Ticket, id), TOLD.get(kind) or abort(404)
    said: dict[str, Any] = {name: text for name in wanted if (text := _text(name))}
    said |= _promised() if kind == "promise" else {}
    marks = {name: mark for name in QUALITIES if (mark := _text(f"marks.{name}"))}
    said |= {"marks": marks} if marks else {}
    return ask(f"ticket.{kind}", ticket.id, said, _page(id))


@bp.post("/<id>/accept")
@allow(*FRONT)
def accept(id: str) -> Any:
    return ask("ticket.accept", mine(Ticket, id).id, {}, _page(id))


@bp.post("/<id>/merge")
@allow(*FRONT)
def merge(id: str) -> Any:
    """The earlier of the two stays, whichever of them the form stood on."""
    other = mine(Ticket, request.form.get("other_id", ""))
    back = min(mine(Ticket, id), other, key=lambda ticket: (ticket.opened_at, ticket.id))
    payload = {"other_id": other.id}
    return ask("ticket.merge", mine(Ticket, id).id, payload, _page(back.id), base=_base())


@bp.get("/<id>/slip")
@allow(*FRONT)
def slip(id: str) -> str:
    """A slip of paper for the resident: the number, and where it can be looked up."""
    ticket = mine(Ticket, id)
    address = url_for("resident.show", number=ticket.number, _external=True)
    drawn = segno.make(address, error="m").svg_data_uri(scale=5, border=2, light="#fff")
    return render_template("desk/tickets/slip.html", ticket=ticket, address=address, drawn=drawn)


def _form(site_id: str) -> dict[str, Any]:
    """What the forms choose from."""
    people = [p for p in db.session.scalars(Person.at(site_id)) if p.active_to is None]
    areas = select(Area).where(Area.site_id == site_id).order_by(Area.ordinal)
    units = select(Unit).where(Unit.site_id == site_id).order_by(Unit.id)
    firms = [firm for firm in db.session.scalars(Contractor.at(site_id)) if not firm.ended_at]
    return {
        "state_of": lambda ticket: state(vars(ticket)),
        "people": people,
        "leaders": [p for p in people if {"supervisor", "manager"} & set(p.roles)],
        "roles": sorted({role for person in people for role in person.roles}),
        "firms": firms,
        "areas": db.session.scalars(areas).all(),
        "units": sorted(db.session.scalars(units), key=lambda unit: unit.label["zh"]),
        "urgencies": URGENCIES,
        "channels": CHANNELS,
        "matters": MATTERS,
        "reactions": REACTIONS,
        "escalations": ESCALATIONS,
        "qualities": QUALITIES,
        "marks": MARKS,
    }


def _on_duty(site_id: str, now: datetime) -> dict[str, Shift]:
    """Whose shift is open now."""
    recent = db.session.scalars(Shift.since(site_id, now - LONGEST))
    return {one.person_id: one for one in recent if not (one.closed_at or one.handed_over_at)}


def _promised() -> dict[str, datetime]:
    moment = typed(request.form.get("promised_at", ""))
    return {"promised_at": moment} if moment else {}


def _text(name: str, default: str = "") -> str:
    return request.form.get(name, default).replace("\r\n", "\n").strip()


def _page(id_: str) -> str:
    return url_for("tickets.show", id=id_)


def _base() -> int:
    """The version that the form was made from."""
    return request.form.get("base", type=int) or abort(400)
