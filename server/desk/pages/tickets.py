"""Tickets: who was asked first, who has the matter in hand, and what it still lacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import segno
from flask import Blueprint, abort, render_template, request, url_for
from flask_babel import gettext

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.form_fields import FormField, Options
from server.desk.history import op_lines
from server.desk.labels import value_labels
from server.desk.navigation import NavEntry
from server.desk.options import (
    active_contractors,
    active_people,
    area_options,
    home_options,
    person_options,
)
from server.desk.payload_form import PayloadForm, form_text
from server.desk.submit import submit_and_redirect
from server.models.contractors import Contractor
from server.models.people import Person
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
    RATED_QUALITIES,
    RATINGS,
    state,
)
from sync.work.shifts import MAX_SHIFT

bp = Blueprint("tickets", __name__, url_prefix="/desk/tickets")
NAVIGATION = [NavEntry("tickets.index", _l("Tickets"), 50)]

PAGE_SIZE = 100

OPEN_FORM = PayloadForm(
    "ticket.open",
    *("channel", "matter", "contact", "declined_because", "details", "unit", "area", "urgency"),
    *("item", "condition", "promised_at", "done_on_the_spot", "reaction"),
)
REVISE_FORM = PayloadForm("ticket.revise", "details", "contact", "unit", "area", "urgency")
FACT_FORMS = {
    "give_back": PayloadForm("ticket.give_back"),
    "hold": PayloadForm("ticket.hold"),
    "escalate": PayloadForm("ticket.escalate"),
    "follow": PayloadForm("ticket.follow"),
    "promise": PayloadForm("ticket.promise"),
    "resolve": PayloadForm("ticket.resolve"),
    "feed_back": PayloadForm("ticket.feed_back", "reaction", "note", "because"),
    "enquire": PayloadForm("ticket.enquire"),
    "register": PayloadForm("ticket.register", "item", "condition"),
    "pass_on": PayloadForm("ticket.pass_on"),
    "return_item": PayloadForm("ticket.return_item"),
    "reopen": PayloadForm("ticket.reopen"),
}
"""The forms of what the desk may record about a ticket."""


@bp.get("/")
@allow(*FRONT_DESK_ROLES)
def index() -> str:
    """One list of open tickets, or the newest of all."""
    user, now, site_id = current_user().person_id, datetime.now(UTC), current_user().site_id
    tickets = db.session.scalars(Ticket.open_tickets(site_id)).all()
    lists = {n: [t for t in tickets if on(t, user, now)] for n, on in TICKET_LISTS.items()}
    lists["nudged"] = held_for_on_duty(tickets, _open_shifts(site_id, now))
    selected = request.args.get("list", "open")
    if selected == "all":
        lists["all"] = list(db.session.scalars(Ticket.newest(site_id).limit(PAGE_SIZE)))
    return render_template(
        "desk/tickets/index.html",
        tickets=lists.get(selected, []),
        lists={name: len(members) for name, members in lists.items() if name != "all"},
        selected=selected if selected in lists else "all",
        late={t.id for t in tickets if is_breached(t, now)},
        waiting={t.id for t in tickets if awaits_acceptance(t)},
        state_of=lambda ticket: state(vars(ticket)),
        inputs=OPEN_FORM.inputs(options=_place_options(site_id)),
        names=directory_of(site_id),
    )


@bp.get("/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    ticket, site_id, now = get_or_404(Ticket, id), current_user().site_id, datetime.now(UTC)
    near = Ticket.opened_at.between(ticket.opened_at - DUE_SOON, ticket.opened_at + DUE_SOON)
    merged_into = ticket.merged_into and db.session.get(Ticket, (site_id, ticket.merged_into))
    return render_template(
        "desk/tickets/show.html",
        ticket=ticket,
        missing=missing_steps_if_open(ticket),
        late=is_breached(ticket, now),
        is_absentee_back=bool(held_for_on_duty([ticket], _open_shifts(site_id, now))),
        duplicates=possible_duplicates(
            ticket, db.session.scalars(Ticket.open_tickets(site_id, near))
        ),
        merged_into=merged_into,
        state=state(vars(ticket)),
        forms=_fact_inputs(site_id),
        revise_inputs=REVISE_FORM.inputs(vars(ticket), _place_options(site_id)),
        qualities=RATED_QUALITIES,
        ratings=RATINGS,
        names=directory_of(site_id),
        lines=op_lines(ops_about(site_id, id)),
        **_receivers(site_id),
    )


@bp.post("/")
@allow(*FRONT_DESK_ROLES)
def create() -> Any:
    """The current user becomes the first responder."""
    payload = {"details": "", **OPEN_FORM.payload(request.form)}
    return submit_and_redirect("ticket.open", None, payload, url_for("tickets.index"))


@bp.post("/<id>/revise")
@allow(*FRONT_DESK_ROLES)
def revise(id: str) -> Any:
    """The op has only the fields that the form changed; `base` is the version it was drawn from."""
    ticket, changes = get_or_404(Ticket, id), REVISE_FORM.changes(request.form)
    return submit_and_redirect(
        "ticket.revise", ticket.id, changes, _ticket_url(id), base=_base_version()
    )


@bp.post("/<id>/hand-over")
@allow(*FRONT_DESK_ROLES)
def hand_over(id: str) -> Any:
    """To a person, a role, or a contractor through its accountable manager."""
    receiver_type, _, receiver = request.form.get("to", "").partition(":")
    if receiver_type == "person":
        payload = {"handler_id": get_or_404(Person, receiver).id}
    elif receiver_type == "firm":
        contractor = get_or_404(Contractor, receiver)
        payload = {"contractor_id": contractor.id, "accountable_id": contractor.accountable_id}
    else:
        payload = {"role": receiver}
    payload |= {"reason": reason} if (reason := form_text(request.form, "reason")) else {}
    return submit_and_redirect(
        "ticket.hand_over", get_or_404(Ticket, id).id, payload, _ticket_url(id)
    )


@bp.post("/<id>/tell/<kind>")
@allow(*FRONT_DESK_ROLES)
def record_fact(id: str, kind: str) -> Any:
    """A fact about the ticket, as a phone would record it."""
    ticket, form = get_or_404(Ticket, id), FACT_FORMS.get(kind) or abort(404)
    payload = form.payload(request.form)
    ratings = {name: request.form.get(f"marks.{name}") for name in RATED_QUALITIES}
    if marks := {name: rating for name, rating in ratings.items() if rating}:
        payload["marks"] = marks
    return submit_and_redirect(f"ticket.{kind}", ticket.id, payload, _ticket_url(id))


@bp.post("/<id>/accept")
@allow(*FRONT_DESK_ROLES)
def accept(id: str) -> Any:
    return submit_and_redirect("ticket.accept", get_or_404(Ticket, id).id, {}, _ticket_url(id))


@bp.post("/<id>/merge")
@allow(*FRONT_DESK_ROLES)
def merge(id: str) -> Any:
    """The earlier of the two tickets stays, whichever page the form was on."""
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


def _place_options(site_id: str) -> dict[str, Options]:
    return {"unit": home_options(site_id), "area": area_options(site_id)}


def _fact_inputs(site_id: str) -> dict[str, list[FormField]]:
    """The inputs of every fact's form, by its kind."""
    people = active_people(site_id)
    leaders = [person for person in people if {"supervisor", "manager"} & set(person.roles)]
    options = {"for_id": person_options(people), "to_id": person_options(leaders)}
    inputs = {kind: form.inputs(options=options) for kind, form in FACT_FORMS.items()}
    reasons = list(value_labels("ticket", "reason").items())
    receiver_labels = {"pass_on": gettext("Passed on to"), "return_item": gettext("Returned to")}
    for kind, label in receiver_labels.items():
        inputs[kind] = FACT_FORMS[kind].inputs(labels={"to": label})
    inputs["escalate"] = FACT_FORMS["escalate"].inputs(options={**options, "reason": reasons})
    return inputs


def _receivers(site_id: str) -> dict[str, Any]:
    """To whom a ticket may be transferred: people, roles and contractors."""
    people = active_people(site_id)
    return {
        "people": people,
        "roles": sorted({role for person in people for role in person.roles}),
        "contractors": active_contractors(site_id),
    }


def _open_shifts(site_id: str, now: datetime) -> dict[str, Shift]:
    """The shifts that are open now, by person."""
    shifts = db.session.scalars(Shift.since(site_id, now - MAX_SHIFT))
    return {s.person_id: s for s in shifts if not (s.closed_at or s.handed_over_at)}


def _ticket_url(id_: str) -> str:
    return url_for("tickets.show", id=id_)


def _base_version() -> int:
    """The version that the form was made from."""
    return request.form.get("base", type=int) or abort(400)
