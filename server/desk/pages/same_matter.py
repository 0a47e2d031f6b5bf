"""Tickets that may be one matter: side by side, merged or told apart."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.homes import requested_page
from server.desk.posted_forms import say_nothing
from server.desk.submit import submit_and_redirect
from server.i18n.locale import localize
from server.models.tickets import Ticket
from server.oplog.directory import directory_of
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import Texts, _l
from sync.service.same_matter import Pair, compare, in_order, pairs_among
from sync.service.ticket_lists import SAME_MATTER_WINDOW, are_apart, possible_duplicates
from sync.service.tickets import state

bp = Blueprint("same_matter", __name__, url_prefix="/desk/tickets/same")

PLACE = "matters"

PAGE_SIZE = 8
REASONS: Texts = {
    "another-home": _l("another home"),
    "another-contact": _l("another contact"),
    "another-problem": _l("another problem"),
    "another-matter": _l("another request type"),
    "work-done-before": _l("the first was done before the second came"),
    "days-apart": _l("more than a day apart"),
    "same-contact": _l("same contact"),
    "same-home": _l("same home"),
    "same-area": _l("same area"),
    "same-problem": _l("same problem"),
    "same-words": _l("same words"),
    "soon-after": _l("within four hours"),
}


@bp.get("/")
@allow(*FRONT_DESK_ROLES)
def index() -> str:
    """Pairs of open tickets that may be one matter: all, or those of one ticket."""
    site = current_user().site_id
    ticket = get_or_404(Ticket, request.args["ticket"]) if "ticket" in request.args else None
    pairs = proposals(ticket)
    pages = max(1, -(-len(pairs) // PAGE_SIZE))
    page = min(requested_page(), pages)
    return render_template(
        "desk/same_matter/index.html",
        pairs=pairs[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        total=len(pairs),
        ticket=ticket,
        reasons=REASONS,
        state_of=lambda each: state(vars(each)),
        told_apart=_told_apart(),
        names=directory_of(site),
        page=page,
        pages=pages,
    )


@bp.post("/<id>")
@allow(*FRONT_DESK_ROLES)
def decide(id: str) -> Any:
    """Merge two tickets, tell them apart, or take back that they were told apart."""
    ticket = get_or_404(Ticket, id)
    other = get_or_404(Ticket, request.form.get("other_id", ""))
    about = get_or_404(Ticket, request.form["ticket"]).id if request.form.get("ticket") else None
    page, decision = url_for("same_matter.index", ticket=about), request.form.get("take")
    if decision == "same":
        base = request.form.get("base", type=int) or abort(400)
        payload: dict[str, Any] = {"other_id": other.id}
        return submit_and_redirect("ticket.merge", ticket.id, payload, page, base=base)
    payload = {"other_id": other.id, "apart": decision == "apart"}
    submit_and_redirect("ticket.keep_apart", ticket.id, payload, page)
    say_nothing()  # the page says it, and offers to undo it
    apart = f"{ticket.id}.{other.id}" if payload["apart"] else None
    return redirect(url_for("same_matter.index", ticket=about, apart=apart), 303)


def proposals(ticket: Ticket | None) -> list[Pair]:
    """K17: the pairs of open tickets of the current user's site, or those with one ticket: those
    for which most speaks first, then the newest. What speaks against one counts twice."""
    user = current_user()
    query, names = Ticket.open_tickets(user.site_id), directory_of(user.site_id)

    @cache
    def home_label(unit: str | None) -> str:
        return localize(names.unit_label(unit))

    if ticket is None:
        found = pairs_among(db.session.scalars(query).all(), home_label)
    else:
        since, until = ticket.opened_at - SAME_MATTER_WINDOW, ticket.opened_at + SAME_MATTER_WINDOW
        near = db.session.scalars(query.where(Ticket.opened_at.between(since, until)))
        alike = possible_duplicates(ticket, near, home_label)
        found = (in_order(ticket, other) for other in alike)
    pairs = [compare(first, second, home_label) for first, second in found]
    return sorted(pairs, key=lambda pair: 2 * len(pair.against) - len(pair.in_favour))


def _told_apart() -> tuple[Ticket, Ticket] | None:
    """The two tickets that were told apart just before, for the line that offers to undo it."""
    ids, site = request.args.get("apart", "").split("."), current_user().site_id
    found = [db.session.get(Ticket, (site, id_)) for id_ in ids[:2]]
    match found:
        case [Ticket() as one, Ticket() as other] if are_apart(one, other):
            return one, other
    return None
