"""The resident's page: where a matter stands, by the number on paper, and nothing personal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

from server.auth.access import public
from server.auth.rate_limit import RateLimit, count_attempt
from server.db.engine import db
from server.models.tickets import Ticket
from sync.service.ticket_lists import is_breached
from sync.service.tickets import state

bp = Blueprint("resident", __name__, url_prefix="/r")

LOOKUP_LIMIT = RateLimit("resident", free_tries=30, max_tries=60, window=timedelta(hours=1))
"""Numbers cannot be guessed by trying: there are 2**40 of them."""

PROGRESS_STEPS = ("received", "in_hand", "done", "answered")


@bp.get("/")
@public
def index() -> Any:
    """Where somebody types the number from their slip."""
    asked = request.args.get("number", "").strip()
    if asked:
        return redirect(url_for("resident.show", number=normalise_number(asked)), 303)
    return render_template("resident.html", ticket=None, asked="")


@bp.get("/<number>")
@public
def show(number: str) -> Any:
    """K21: the state in plain words. A number that led to a merged ticket leads to the one kept."""
    if count_attempt((LOOKUP_LIMIT, request.remote_addr or "")):
        abort(429)
    ticket = db.session.scalars(Ticket.by_number(normalise_number(number))).first()
    while ticket and ticket.merged_into:
        ticket = db.session.get(Ticket, (ticket.site_id, ticket.merged_into))
    told = ticket and {
        "number": normalise_number(number),
        "opened_at": ticket.opened_at,
        "promised_at": ticket.promised_at,
        "late": is_breached(ticket, datetime.now(UTC)),
        "step": progress_step(vars(ticket)),
    }
    page = render_template("resident.html", ticket=told, asked=number, steps=PROGRESS_STEPS)
    return page, (200 if told else 404)


def normalise_number(number: str) -> str:
    """A number as people type it: T-ABCD2345, t abcd2345, abcd2345."""
    letters = "".join(sign for sign in number.upper() if sign.isascii() and sign.isalnum())
    return f"T-{letters.removeprefix('T') if len(letters) > 8 else letters}"


def progress_step(ticket: Any) -> str:
    """How far a matter has come, as whoever asked for it sees it."""
    known = state(ticket)
    if known == "closed":
        return "answered"
    if known == "resolved":
        return "done"
    return "received" if known in ("draft", "received") else "in_hand"
