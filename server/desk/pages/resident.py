"""The resident's page: the progress of a ticket by its number, without personal data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

from server.auth.access import public
from server.auth.rate_limit import RateLimit, count_attempt
from server.db.engine import db
from server.models.tickets import Ticket
from sync.service.ticket_lists import is_breached
from sync.service.tickets import PROGRESS_BY_STATE, PROGRESS_STEPS, state

bp = Blueprint("resident", __name__, url_prefix="/r")

LOOKUP_LIMIT = RateLimit("resident", free_tries=30, max_tries=60, window=timedelta(hours=1))
"""Ticket numbers cannot be guessed by trying: there are 2**40 of them."""


@bp.get("/")
@public
def index() -> Any:
    """The form for the number on the slip."""
    number = request.args.get("number", "").strip()
    if number:
        return redirect(url_for("resident.show", number=normalise_number(number)), 303)
    return render_template("resident.html", ticket=None, number="")


@bp.get("/<number>")
@public
def show(number: str) -> Any:
    """K21: the progress in plain words; a merged ticket's number leads to the other. K23: of two
    tickets with one number, neither is shown."""
    if count_attempt((LOOKUP_LIMIT, request.remote_addr or "")):
        abort(429)
    tickets = db.session.scalars(Ticket.by_number(normalise_number(number))).all()
    found = {ticket.id: ticket for ticket in map(_after_merging, tickets) if ticket}
    ticket = next(iter(found.values())) if len(found) == 1 else None
    progress = ticket and {
        "number": normalise_number(number),
        "opened_at": ticket.opened_at,
        "promised_at": ticket.promised_at,
        "late": is_breached(ticket, datetime.now(UTC)),
        "state": state(vars(ticket)),
        "step": PROGRESS_BY_STATE[state(vars(ticket))],
    }
    page = render_template(
        "resident.html",
        ticket=progress,
        is_shared=len(found) > 1,
        number=number,
        steps=PROGRESS_STEPS,
    )
    return page, (200 if found else 404)


def _after_merging(ticket: Ticket) -> Ticket | None:
    """The ticket into which a ticket was merged, or itself."""
    current: Ticket | None = ticket
    while current and current.merged_into:
        current = db.session.get(Ticket, (current.site_id, current.merged_into))
    return current


def normalise_number(number: str) -> str:
    """A typed number in its canonical form: T-ABCD2345 for `t abcd2345` or `abcd2345`."""
    letters = "".join(char for char in number.upper() if char.isascii() and char.isalnum())
    return f"T-{letters.removeprefix('T') if len(letters) > 8 else letters}"
