"""The resident's page: the progress of a ticket, without personal data, to whoever has its slip."""

from __future__ import annotations

import hmac
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

from server.auth.access import public
from server.auth.rate_limit import RateLimit, client_address, count_attempt
from server.db.engine import db
from server.models.ticket_numbers import TicketNumber
from server.models.tickets import Ticket
from sync.service.ticket_lists import is_breached
from sync.service.tickets import NUMBER_PATTERN, PROGRESS_BY_STATE, PROGRESS_STEPS, state

bp = Blueprint("resident", __name__, url_prefix="/r")

LOOKUP_LIMIT = RateLimit("resident", free_tries=30, max_tries=60, window=timedelta(hours=1))
NUMBER_LIMIT = RateLimit("slip", free_tries=10, max_tries=30, window=timedelta(days=1))
"""How often the check digits of one number may be typed, from all addresses together. Its QR code
works meanwhile."""

CHECK_DIGITS = re.compile(r"[0-9]{4}")
SLIP_CODE_LENGTH = 20


@bp.get("/")
@public
def index() -> Any:
    """The form for the number on the slip, or what it found."""
    number = normalise_number(request.args.get("number", ""))
    if not number:
        return render_template("resident.html", ticket=None, number="")
    if not NUMBER_PATTERN.fullmatch(number):
        return redirect(url_for("resident.show", number=number), 303)
    digits = _letters(request.args.get("digits", ""))
    if not CHECK_DIGITS.fullmatch(digits):
        return render_template("resident.html", ticket=None, number=number, asks_digits=True)
    _count(number)
    return _answer(number, digits)


@bp.get("/<number>")
@public
def show(number: str) -> Any:
    """K21: a number that was derived from the ticket's id cannot be guessed: it needs no digits."""
    number = normalise_number(number)
    if NUMBER_PATTERN.fullmatch(number):
        return render_template("resident.html", ticket=None, number=number)
    _count()
    return _answer(number, None)


@bp.get("/<number>/<slip>")
@public
def scan(number: str, slip: str) -> Any:
    """What the QR code of a slip leads to."""
    _count()
    code = slip if len(slip) == SLIP_CODE_LENGTH else ""
    return _answer(normalise_number(number), code)


def _count(number: str | None = None) -> None:
    """Aborts with 429 after too many looks of one client, or at one number with typed digits."""
    limits = [(LOOKUP_LIMIT, client_address())]
    if count_attempt(*limits, *([(NUMBER_LIMIT, number)] if number else [])):
        abort(429)


def _answer(number: str, code: str | None) -> Any:
    """K21: the progress in plain words; a merged ticket's number leads to the other. K23: of two
    tickets with one number, neither is shown. `code` is the slip's code, or its check digits; None
    for a number that needs none."""
    tickets = [t for t in db.session.scalars(Ticket.by_number(number)) if _opens(t, code)]
    is_shared = any(_is_shared(ticket) for ticket in tickets)
    found = {ticket.id: ticket for ticket in map(_after_merging, tickets) if ticket}
    is_shared = is_shared or len(found) > 1
    ticket = next(iter(found.values())) if found and not is_shared else None
    page = render_template(
        "resident.html",
        ticket=ticket and _progress(ticket, number),
        is_shared=is_shared,
        not_found=not found,
        number=number,
        steps=PROGRESS_STEPS,
    )
    return page, (200 if found else 404)


def _opens(ticket: Ticket, code: str | None) -> bool:
    """Whether somebody who knows the number and this code may see how far the ticket is."""
    if code is None or ticket.slip is None:
        return code is None and ticket.slip is None
    expected = ticket.slip[: max(len(code), 4)]
    return code.isascii() and hmac.compare_digest(expected, code)


def _is_shared(ticket: Ticket) -> bool:
    entry = db.session.get(TicketNumber, (ticket.site_id, ticket.number))
    return entry is not None and entry.is_shared


def _progress(ticket: Ticket, number: str) -> dict[str, Any]:
    """What the page shows of a ticket."""
    return {
        "number": number,
        "opened_at": ticket.opened_at,
        "promised_at": ticket.promised_at,
        "late": is_breached(ticket, datetime.now(UTC)),
        "state": state(vars(ticket)),
        "step": PROGRESS_BY_STATE[state(vars(ticket))],
    }


def _after_merging(ticket: Ticket) -> Ticket | None:
    """The ticket into which a ticket was merged, or itself."""
    current: Ticket | None = ticket
    while current and current.merged_into:
        current = db.session.get(Ticket, (current.site_id, current.merged_into))
    return current


def normalise_number(number: str) -> str:
    """A typed number in its canonical form: 1234567 for `123 4567`, T-ABCD2345 for `t abcd2345` or
    `abcd2345`; empty for nothing."""
    letters = _letters(number)
    if not letters or NUMBER_PATTERN.fullmatch(letters):
        return letters
    return f"T-{letters.removeprefix('T') if len(letters) > 8 else letters}"


def _letters(typed: str) -> str:
    """The letters and digits of what somebody typed, in capitals, full-width ones as plain ones."""
    plain = unicodedata.normalize("NFKC", typed).upper()
    return "".join(char for char in plain if char.isascii() and char.isalnum())
