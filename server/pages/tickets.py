"""Tickets: who was asked first, and who has the matter in hand."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from sqlalchemy import select

from server.access import allow, here, mine
from server.db import db
from server.names import names_of
from server.oplog import history
from server.pages.records import lines
from server.pages.telling import ask
from server.tables import Area, Person, Ticket
from sync.feed import FRONT
from sync.tickets import URGENCIES

bp = Blueprint("tickets", __name__, url_prefix="/desk/tickets")

PAGE = 100


@bp.get("/")
@allow(*FRONT)
def index() -> str:
    tickets = db.session.scalars(Ticket.newest(here().site_id).limit(PAGE)).all()
    names = names_of(here().site_id)
    return render_template("desk/tickets/index.html", tickets=tickets, names=names)


@bp.get("/<id>")
@allow(*FRONT)
def show(id: str) -> str:
    ticket, site_id = mine(Ticket, id), here().site_id
    return render_template(
        "desk/tickets/show.html",
        ticket=ticket,
        names=names_of(site_id),
        lines=lines(history(site_id, id)),
        people=[p for p in db.session.scalars(Person.at(site_id)) if p.active_to is None],
        areas=db.session.scalars(
            select(Area).where(Area.site_id == site_id).order_by(Area.ordinal)
        ),
        urgencies=URGENCIES,
    )


@bp.post("/<id>/revise")
@allow(*FRONT)
def revise(id: str) -> Any:
    """Only what the form changed goes into the op; `base` is what its author saw."""
    ticket = mine(Ticket, id)
    seen = {name: _text(f"was.{name}") for name in ("details", "contact", "area", "urgency")}
    written = {name: _text(name, was) for name, was in seen.items()}
    payload = {name: text or None for name, text in written.items() if text != seen[name]}
    return ask("ticket.revise", ticket.id, payload, _page(id), base=_base())


@bp.post("/<id>/hand-over")
@allow(*FRONT)
def hand_over(id: str) -> Any:
    mine(Person, request.form.get("handler_id", ""))
    payload = {"handler_id": request.form["handler_id"]}
    return ask("ticket.hand_over", mine(Ticket, id).id, payload, _page(id), base=_base())


def _text(name: str, default: str = "") -> str:
    return request.form.get(name, default).replace("\r\n", "\n").strip()


def _page(id_: str) -> str:
    return url_for("tickets.show", id=id_)


def _base() -> int:
    """The version that the form was made from."""
    return request.form.get("base", type=int) or abort(400)
