"""People of the site, and their phones: who has which, when it was heard, what it still holds."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import or_

from server.auth.access import allow, here, issue_code, mine
from server.auth.devices import cut_off
from server.db.engine import db
from server.desk import labels
from server.desk.enrolment import invitation
from server.desk.phone_status import hands, reports
from server.desk.post import ask
from server.models import Device, Parcel, Person, Site, Ticket
from server.oplog.directory import names_of
from server.oplog.receive import own, post_many
from sync.estate.places import MASTERS
from sync.protocol.digest import DESK

bp = Blueprint("people", __name__, url_prefix="/desk/people")

PARCELS = 50


@bp.get("/")
@allow(*DESK)
def index() -> str:
    """Everybody, and how much each of them answers for."""
    site_id = here().site_id
    open_ = db.session.scalars(Ticket.open(site_id)).all()
    owes = Counter(id_ for ticket in open_ for id_ in {ticket.steward_id, ticket.handler_id})
    return render_template(
        "desk/people/index.html",
        people=db.session.scalars(Person.at(site_id)).all(),
        owes=owes,
        may_let_go=here().may(*MASTERS),
    )


@bp.post("/<id>/leave")
@allow(*MASTERS)
def leave(id: str) -> Any:
    """K18: whoever leaves hands on what they answer for, in the same breath."""
    person, heir = mine(Person, id), request.form.get("heir", "")
    owed = or_(Ticket.steward_id == person.id, Ticket.handler_id == person.id)
    matters = db.session.scalars(Ticket.open(here().site_id, owed)).all()
    if matters and mine(Person, heir).active_to:
        abort(404)
    handed = {"from_id": person.id, "to_id": heir}
    by = here().person_id
    ops = [own("ticket.succeed", ticket.id, handed, by=by) for ticket in matters]
    answers = post_many(here().site_id, [*ops, own("person.leave", person.id, {}, by=by)])
    refused = [answer["code"] for answer in answers if answer["status"] == "refused"]
    back = url_for("people.index")
    return redirect(f"{back}?said={refused[0]}" if refused else back, 303)


@bp.get("/phones")
@allow(*DESK)
def phones() -> str:
    return _phones(None)


@bp.post("/phones/code")
@allow(*DESK)
def code() -> str:
    """A new code is shown once and never again: only its hash is kept."""
    return _phones(issue_code(here().site_id, here().person_id))


@bp.post("/phones/silence")
@allow(*MASTERS)
def silence() -> Any:
    hours = {"silent_hours": request.form.get("silent_hours", type=int)}
    return ask("site.retain", here().site_id, hours, url_for("people.phones"))


@bp.post("/phones/<id>/revoke")
@allow(*DESK)
def revoke(id: str) -> Any:
    return _cut_off(id, lost=False)


@bp.post("/phones/<id>/lost")
@allow(*DESK)
def lost(id: str) -> Any:
    return _cut_off(id, lost=True)


@bp.get("/phones/<id>")
@allow(*DESK)
def phone(id: str) -> str:
    """One phone: what it said of itself, and what is missing of it here."""
    site, device = here().site_id, _mine(id)
    using = hands(site).get(device.id, set())
    names = names_of(site)
    return render_template(
        "desk/people/phone.html",
        report=reports(site, [device])[0],
        parcels=db.session.scalars(Parcel.of(site, device.id).limit(PARCELS)).all(),
        people=sorted(name for by in using if (name := names.person(by))),
        names=names,
        kinds=labels.KINDS,
    )


def _phones(new: str | None) -> str:
    site_id = here().site_id
    return render_template(
        "desk/people/phones.html",
        reports=reports(site_id, db.session.scalars(Device.at(site_id)).all()),
        names=names_of(here().site_id),
        code=new,
        silent_hours=db.session.get_one(Site, (site_id, site_id)).silent_hours,
        may_set=here().may(*MASTERS),
        phone=new and invitation(new),
    )


def _cut_off(id_: str, *, lost: bool) -> Any:
    cut_off(here().site_id, _mine(id_).id, lost=lost)
    return redirect(url_for("people.phones"), 303)


def _mine(id_: str) -> Device:
    phone = db.session.get(Device, id_) if id_.isascii() and id_.isprintable() else None
    return phone if phone and phone.site_id == here().site_id else abort(404)
