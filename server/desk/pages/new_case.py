"""Raising a case: from a fact that asks for an answer, with all that explains it shown first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from server.auth.access import allow, here
from server.db.engine import db
from server.desk.post import as_local, local_time
from server.models import Case, Category, Device, Person, Round, Shift, Task, Ticket, Weather
from server.oplog.directory import names_of
from server.oplog.receive import own, post_many
from sync.accountability.case_payloads import SUBJECTS
from sync.accountability.leads import (
    Around,
    Lead,
    broken,
    explanations,
    flagged,
    missed,
    unasked,
    without_uniform,
)
from sync.protocol.clock import iso
from sync.protocol.digest import DESK
from sync.service.arrears.ledger import cents
from sync.service.ticket_lists import breached

bp = Blueprint("raising", __name__, url_prefix="/desk/raise")

BACK, AROUND = timedelta(days=31), timedelta(days=1)


@bp.get("/")
@allow(*DESK)
def index() -> str:
    """Facts that ask for an answer and are in no case yet; nothing follows by itself."""
    names = names_of(here().site_id)
    return render_template("desk/cases/leads.html", leads=_leads(), names=names)


@bp.get("/case")
@allow(*DESK)
def form() -> str:
    site_id, lead = here().site_id, _lead(request.args)
    return render_template(
        "desk/cases/raise.html",
        lead=lead,
        sides=_sides(lead),
        categories=db.session.scalars(Category.in_force(site_id)).all(),
        people=[p for p in db.session.scalars(Person.at(site_id)) if not p.active_to],
        kinds=SUBJECTS,
        names=names_of(site_id),
        now=as_local(datetime.now(UTC)),
    )


@bp.post("/case")
@allow(*DESK)
def raise_() -> Any:
    """The case, and with it the word about the miss that it came from, if that still waits."""
    who, said, lead = here(), request.form, _lead(request.form)
    case = own("case.raise", None, _case(lead), by=who.person_id)
    ops = [case]
    task = lead.record if lead and lead.type == "task" else None
    if task is not None and task.disposition is None:
        note = said.get("text", "").strip() or said.get("subject_name", "").strip() or "→"
        word = {"disposition": "case", "note": note}
        ops.append(own("task.dispose", task.id, word, by=who.person_id, base=task.version))
    first = post_many(who.site_id, ops)[0]
    if first["status"] == "applied":
        return redirect(url_for("cases.show", id=case["subject"]), 303)
    back: dict[str, Any] = {name: said[name] for name in ("code", "type", "id") if said.get(name)}
    return redirect(url_for("raising.form", **back, said=first.get("code")), 303)


def _case(lead: Lead | None) -> dict[str, Any]:
    said = request.form
    category, _, sub = said.get("category", "").partition("|")
    yuan = said.get("amount", "").strip()
    return {
        "category_id": category,
        "sub": sub or None,
        "subject_kind": said.get("subject_kind", ""),
        "subject_name": said.get("subject_name", "").strip() or None,
        "answers_id": said.get("answers_id", ""),
        "facts": [*_sides(lead), *_reproach(lead)],
        "amount": (cents(yuan) or yuan) if yuan else None,
    }


def _reproach(lead: Lead | None) -> list[dict[str, Any]]:
    text = request.form.get("text", "").strip()
    told = {"code": "told_against", "at": local_time(request.form.get("at")), "text": text}
    if lead is None:
        return [told] if text else []
    fact = {"code": lead.code, "type": lead.type, "id": lead.id, "at": iso(lead.at)}
    return [{**fact, "text": " ".join(filter(None, (lead.text, text)))}]


def _leads() -> list[Lead]:
    now, site_id = datetime.now(UTC), here().site_id
    since, scalars = now - BACK, db.session.scalars
    phones = scalars(Device.at(site_id)).all()
    leads = [
        *missed(scalars(Task.unticked(site_id, since, now)), phones, now),
        *flagged(scalars(Round.between(site_id, since, now))),
        *broken(t for t in scalars(Ticket.open(site_id)) if breached(t, now)),
        *without_uniform(scalars(Shift.since(site_id, since))),
    ]
    return unasked(leads, scalars(Case.at(site_id)))


def _lead(asked: Any) -> Lead | None:
    """The lead that a page was opened from; none when the case is raised by hand."""
    key = tuple(asked.get(name, "") for name in ("code", "type", "id"))
    return next((lead for lead in _leads() if lead.key == key), None)


def _sides(lead: Lead | None) -> list[dict[str, Any]]:
    """A18: found anew when the case is raised, so that nobody can leave them out."""
    if lead is None:
        return []
    site_id, scalars = here().site_id, db.session.scalars
    start, end = lead.at - AROUND, lead.at + AROUND
    around = Around(
        tasks=scalars(Task.between(site_id, start, end)).all(),
        shifts=scalars(Shift.since(site_id, start)).all(),
        weather=scalars(Weather.newest(site_id).where(Weather.reported_at >= start)).all(),
        phones=scalars(Device.at(site_id)).all(),
    )
    return [{**fact, "at": iso(fact["at"])} for fact in explanations(lead, around)]
