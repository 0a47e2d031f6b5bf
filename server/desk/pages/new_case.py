"""Opening a case, by hand or from a lead, with possible explanations shown first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.actions import Action
from server.desk.homes import requested_page
from server.desk.options import active_people, in_natural_order
from server.desk.payload_form import form_moment
from server.desk.submit import form_op, submit_ops
from server.models.access import Device
from server.models.cases import Case
from server.models.categories import CaseCategory
from server.models.contractors import Contractor
from server.models.inspections import Inspection
from server.models.patrol import PatrolRound
from server.models.people import Person
from server.models.shifts import Shift
from server.models.tasks import Task
from server.models.teams import Team
from server.models.tickets import Ticket
from server.models.weather import WeatherReport
from server.oplog.directory import directory_of
from server.oplog.incoming import NewOp
from sync.accountability.case_payloads import SUBJECT_KINDS
from sync.accountability.leads import (
    Lead,
    LeadContext,
    broken_promise_leads,
    excusing_facts,
    flagged_scan_leads,
    image_leads,
    is_about_image,
    leads_without_case,
    missed_point_leads,
    missed_task_leads,
    uniform_leads,
)
from sync.protocol.clock import format_time
from sync.protocol.normalise import parse_amount
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.service.ticket_lists import is_breached
from sync.work.patrol_report import undisposed_points

bp = Blueprint("new_case", __name__, url_prefix="/desk/raise")
PLACE = "people"
ACTIONS = [Action("new_case.form", _l("Open a case"))]

INPUTS = {"category_id": "category", "sub": "category", "facts": "text"}
"""The inputs of the form that are not named like their field of the payload."""

PAGE_SIZE = 50
LOOKBACK, CONTEXT_SPAN = timedelta(days=31), timedelta(days=1)


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    """Leads: facts that may need a case and have none yet, those about one type of record."""
    site_id, asked = current_user().site_id, request.args.get("type", "")
    type_ = asked if asked in LEADS else next(iter(LEADS))
    leads, page = _open_leads(type_), requested_page()
    start = (page - 1) * PAGE_SIZE
    return render_template(
        "desk/cases/leads.html",
        leads=leads[start : start + PAGE_SIZE],
        total=len(leads),
        page=page,
        pages=-(-len(leads) // PAGE_SIZE),
        types=tuple(LEADS),
        type=type_,
        is_about_image=is_about_image,
        image_category=db.session.scalar(CaseCategory.of_clause(site_id, "G6")),
        names=directory_of(site_id),
    )


@bp.get("/case")
@allow(*DESK_ROLES)
def form() -> str:
    site_id, lead = current_user().site_id, _find_lead(request.args)
    return render_template(
        "desk/new_case/index.html",
        lead=lead,
        sides=_explaining_facts(lead),
        categories=db.session.scalars(CaseCategory.in_force(site_id)).all(),
        people=_people(lead),
        teams=in_natural_order(db.session.scalars(Team.for_site(site_id)), "name"),
        firms=in_natural_order(db.session.scalars(Contractor.for_site(site_id)), "name"),
        kinds=SUBJECT_KINDS,
        names=directory_of(site_id),
    )


def _people(lead: Lead | None) -> list[Person]:
    """Everybody who works here, whom the lead is about first; none is chosen beforehand."""
    concerned = lead.person_id if lead else None
    people = active_people(current_user().site_id)
    return sorted(people, key=lambda person: person.id != concerned)


@bp.post("/case")
@allow(*DESK_ROLES)
def create() -> Any:
    """Open the case; missed work that it came from gets the decision "case" if it has none."""
    form, lead = request.form, _find_lead(request.form)
    back: dict[str, Any] = {name: form[name] for name in ("code", "type", "id") if form.get(name)}
    page = url_for("new_case.form", **back)
    case = form_op("case.raise", None, _case_payload(lead), inputs=INPUTS, page=page)
    ops = [case, *_dispose_ops(lead, form.get("text", "").strip(), page)]
    submit_ops(ops, INPUTS, page)
    return redirect(url_for("cases.show", id=case["subject"]), 303)


def _dispose_ops(lead: Lead | None, note: str, page: str) -> list[NewOp]:
    """The decision "case" about the missed task or checkpoints of a lead that have none."""
    if lead is None or not note:
        return []
    decision = {"disposition": "case", "note": note}
    record = lead.record
    if lead.code == "missed" and record.disposition is None:
        return [form_op("task.dispose", record.id, decision, base=record.version, page=page)]
    if lead.code == "missed_point":
        phones = db.session.scalars(Device.for_site(record.site_id)).all()
        points = undisposed_points(record, phones, datetime.now(UTC))
        payload = {"checkpoints": [point["checkpoint"] for point in points], **decision}
        if points:
            return [form_op("round.dispose", record.id, payload, base=record.version, page=page)]
    return []


def _case_payload(lead: Lead | None) -> dict[str, Any]:
    form = request.form
    category, _, sub = form.get("category", "").partition("|")
    yuan = form.get("amount", "").strip()
    return {
        "category_id": category,
        "sub": sub or None,
        "subject_kind": form.get("subject_kind", ""),
        "subject_id": form.get("subject_id") or None,
        "answers_id": form.get("answers_id", ""),
        "facts": [*_explaining_facts(lead), *_accusing_facts(lead)],
        "amount": (parse_amount(yuan) or yuan) if yuan else None,
    }


def _accusing_facts(lead: Lead | None) -> list[dict[str, Any]]:
    text = request.form.get("text", "").strip()
    typed = {
        "code": "told_against",
        "at": form_moment(request.form, "at"),
        "text": text,
    }
    if lead is None:
        return [typed] if text else []
    fact = {"code": lead.code, "type": lead.type, "id": lead.id, "at": format_time(lead.at)}
    reason = {"reason": lead.reason} if lead.reason else {}
    return [{**fact, "text": " ".join(filter(None, (lead.text, text))), **reason}]


def _task_leads(site_id: str, since: datetime, now: datetime) -> list[Lead]:
    phones = db.session.scalars(Device.for_site(site_id)).all()
    tasks = db.session.scalars(Task.unfinished_between(site_id, since, now))
    return missed_task_leads(tasks, phones, now)


def _round_leads(site_id: str, since: datetime, now: datetime) -> list[Lead]:
    phones = db.session.scalars(Device.for_site(site_id)).all()
    ended = db.session.scalars(PatrolRound.ended_between(site_id, since, now)).all()
    begun = db.session.scalars(PatrolRound.between(site_id, since, now))
    return [*missed_point_leads(ended, phones, now), *flagged_scan_leads(begun)]


def _ticket_leads(site_id: str, since: datetime, now: datetime) -> list[Lead]:
    open_tickets = db.session.scalars(Ticket.open_tickets(site_id)).all()
    told = db.session.scalars(Ticket.told_since(site_id, since))
    broken = broken_promise_leads(t for t in open_tickets if is_breached(t, now))
    return [*broken, *image_leads(told, ())]


def _shift_leads(site_id: str, since: datetime, _: datetime) -> list[Lead]:
    return uniform_leads(db.session.scalars(Shift.since(site_id, since)))


def _inspection_leads(site_id: str, since: datetime, _: datetime) -> list[Lead]:
    return image_leads((), db.session.scalars(Inspection.since(site_id, since)))


LEADS: Mapping[str, Callable[[str, datetime, datetime], list[Lead]]] = {
    "task": _task_leads,
    "round": _round_leads,
    "ticket": _ticket_leads,
    "inspection": _inspection_leads,
    "shift": _shift_leads,
}
"""What finds the leads of a site in a period, by the type of the records that they are about."""


def _open_leads(type_: str) -> list[Lead]:
    """The leads about records of a type that are in no case yet."""
    now, site_id = datetime.now(UTC), current_user().site_id
    leads = LEADS[type_](site_id, now - LOOKBACK, now)
    return leads_without_case(leads, db.session.scalars(Case.for_site(site_id)))


def _find_lead(asked: Any) -> Lead | None:
    """The lead that the request names; None for a case opened by hand."""
    key = tuple(asked.get(name, "") for name in ("code", "type", "id"))
    if key[1] not in LEADS:
        return None
    return next((lead for lead in _open_leads(key[1]) if lead.key == key), None)


def _explaining_facts(lead: Lead | None) -> list[dict[str, Any]]:
    """A18: explaining facts, searched again on opening, so that nobody can omit them."""
    if lead is None:
        return []
    site_id, scalars = current_user().site_id, db.session.scalars
    start, end = lead.at - CONTEXT_SPAN, lead.at + CONTEXT_SPAN
    around = LeadContext(
        tasks=scalars(Task.between(site_id, start, end)).all(),
        rounds=scalars(PatrolRound.between(site_id, start, end)).all(),
        shifts=scalars(Shift.since(site_id, start)).all(),
        weather=scalars(
            WeatherReport.newest(site_id).where(WeatherReport.reported_at >= start)
        ).all(),
        phones=scalars(Device.for_site(site_id)).all(),
    )
    return [{**fact, "at": format_time(fact["at"])} for fact in excusing_facts(lead, around)]
