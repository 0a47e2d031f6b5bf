"""Tickets: first responder, handler, steps, and what is still missing to close."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import segno
from flask import Blueprint, abort, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.actions import Action
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.payload_form import form_text
from server.desk.posted_forms import only_asks
from server.desk.related import entries_of, ticket_subject, tickets_of_home, without_empty
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.desk.ticket_forms import (
    FACT_FORMS,
    OPEN_FORM,
    RECEIVER_INPUTS,
    REVISE_FORM,
    fact_inputs,
    handed_over,
    place_options,
    receivers,
    revise_groups,
)
from server.desk.ticket_list import TICKETS
from server.desk.ticket_steps import (
    BESIDE,
    STEP_LABELS,
    next_step,
    possible_steps,
    promise,
    stations,
)
from server.i18n.locale import localize, translate
from server.models.shifts import Shift
from server.models.tickets import Ticket
from server.oplog.directory import directory_of
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.service.ticket_lists import (
    SAME_MATTER_WINDOW,
    held_for_on_duty,
    is_open,
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
register_list(bp, TICKETS)
NAVIGATION = [
    NavEntry(
        "tickets.index",
        _l("Tickets"),
        "matters",
        10,
        "tickets",
        about=_l("Everything residents brought, with who answers for it and by when."),
    )
]
ACTIONS = [Action("tickets.new", _l("New ticket"))]


@bp.get("/new")
@allow(*FRONT_DESK_ROLES)
def new() -> str:
    """The form for a new ticket; `?unit=` names the home that it is about."""
    site_id = current_user().site_id
    return render_template(
        "desk/tickets/new.html",
        inputs=OPEN_FORM.inputs({"unit": request.args.get("unit")}, place_options(site_id)),
        names=directory_of(site_id),
    )


@bp.get("/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    """One ticket: its next step, what happened, and its properties."""
    ticket, site_id, now = get_or_404(Ticket, id), current_user().site_id, datetime.now(UTC)
    merged_into = ticket.merged_into and db.session.get(Ticket, (site_id, ticket.merged_into))
    names = directory_of(site_id)
    return render_template(
        "desk/tickets/show.html",
        ticket=ticket,
        subject=ticket_subject(ticket),
        missing=missing_steps_if_open(ticket),
        duplicates=_alike(ticket),
        merged_into=merged_into,
        state=state(vars(ticket)),
        stations=stations(ticket, names),
        promise=promise(ticket, now),
        told=story_about(site_id, id),
        related=without_empty([entries_of(ticket=id), tickets_of_home(ticket.unit, now, id)]),
        forms=fact_inputs(site_id),
        groups=revise_groups(vars(ticket), place_options(site_id)),
        qualities=RATED_QUALITIES,
        ratings=RATINGS,
        names=names,
        **_steps(ticket, now),
        **receivers(site_id),
    )


def _steps(ticket: Ticket, now: datetime) -> dict[str, Any]:
    """What can be done about a ticket: the main step, those beside it, and the rare ones."""
    is_back = bool(held_for_on_duty([ticket], _open_shifts(ticket.site_id, now)))
    step = next_step(ticket, is_absentee_back=is_back)
    beside = [other for other in BESIDE.get(step, ()) if other in STEP_LABELS]
    possible = possible_steps(ticket)
    return {
        "is_open": is_open(ticket),
        "is_absentee_back": is_back,
        "step": step,
        "beside": [other for other in beside if other in possible],
        "rare_steps": [other for other in possible if other not in (step, *beside)],
        "steps": {name: translate(text) for name, text in STEP_LABELS.items()},
    }


@bp.post("/alike")
@allow(*FRONT_DESK_ROLES)
@only_asks
def alike() -> str:
    """K17: open tickets that may be about what is being typed into the form for a new one."""
    typed = {name: form_text(request.form, name) for name in ("contact", "unit", "area")}
    more = {name: form_text(request.form, name) for name in ("details", "category")}
    draft = SimpleNamespace(id="", opened_at=datetime.now(UTC), **typed, **more)
    return render_template(
        "desk/tickets/_alike.html",
        tickets=_alike(draft),
        contact=draft.contact,
        names=directory_of(current_user().site_id),
    )


@bp.post("/")
@allow(*FRONT_DESK_ROLES)
def create() -> Any:
    """The current user becomes the first responder."""
    payload = OPEN_FORM.payload(request.form)
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
    """To a person, a role, a trade, or a contractor through its accountable manager."""
    payload = handed_over(request.form.get("to", ""), form_text(request.form, "reason"))
    return submit_and_redirect(
        "ticket.hand_over",
        get_or_404(Ticket, id).id,
        payload,
        _ticket_url(id),
        inputs=RECEIVER_INPUTS,
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


@bp.get("/<id>/slip")
@allow(*FRONT_DESK_ROLES)
def slip(id: str) -> str:
    """The slip for the resident: the number, its check digits and the address of its page."""
    ticket = get_or_404(Ticket, id)
    typed_address = url_for("resident.show", number=ticket.number, _external=True)
    address = typed_address
    if ticket.slip:
        address = url_for("resident.scan", number=ticket.number, slip=ticket.slip, _external=True)
    qr = segno.make(address, error="m").svg_data_uri(scale=5, border=2, light="#fff")
    return render_template(
        "desk/tickets/slip.html",
        ticket=ticket,
        address=address,
        typed_address=typed_address,
        date=f"{ticket.opened_at.astimezone(SITE_ZONE):%Y-%m-%d %H:%M}",
        qr=qr,
    )


def _alike(ticket: Any) -> list[Ticket]:
    """Open tickets that may be about the same matter as a ticket, or as one that is typed."""
    site_id, at = current_user().site_id, ticket.opened_at
    near = Ticket.opened_at.between(at - SAME_MATTER_WINDOW, at + SAME_MATTER_WINDOW)
    labels = directory_of(site_id)
    return possible_duplicates(
        ticket,
        db.session.scalars(Ticket.open_tickets(site_id, near)),
        lambda unit: localize(labels.unit_label(unit)),
    )


def _open_shifts(site_id: str, now: datetime) -> dict[str, Shift]:
    """The shifts that are open now, by person."""
    shifts = db.session.scalars(Shift.since(site_id, now - MAX_SHIFT))
    return {s.person_id: s for s in shifts if not (s.closed_at or s.handed_over_at)}


def _ticket_url(id_: str) -> str:
    return url_for("tickets.show", id=id_)


def _base_version() -> int:
    """The version that the form was drawn from. Aborts with 400 if it is missing."""
    return request.form.get("base", type=int) or abort(400)
