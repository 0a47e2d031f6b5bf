"""Accountability cases: the register, and one case with facts, statements and history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.case_list import case_state
from server.desk.case_register import CASES
from server.desk.homes import certain_until, possibly_unsynced_phones
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.payload_form import PayloadForm, form_moment
from server.desk.related import linked_facts, without_empty
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.models.cases import Case
from server.models.categories import CaseCategory
from server.models.places import Site
from server.oplog.directory import directory_of
from sync.accountability.case_payloads import FINDINGS, is_accusing
from sync.accountability.due_process import decision_error, is_reopened
from sync.protocol.clock import parse_time
from sync.protocol.op import Op
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("cases", __name__, url_prefix="/desk/cases")
NAVIGATION = [
    NavEntry(
        "cases.index",
        _l("Accountability"),
        "people",
        80,
        about=_l("Questions of accountability: everybody is heard before a decision."),
    )
]

register_list(bp, CASES)

HOURS_TO_ASK = 1
"""How many hours the proposed due time of a statement is later than it has to be."""
ASK_FORM = PayloadForm("case.ask", "answer_until")
CLOSE_FORM = PayloadForm("case.close", "because")


@bp.get("/<id>")
@allow(*DESK_ROLES)
def show(id: str) -> str:
    """One case: explaining facts first, then accusing ones, then statements and decisions."""
    case, now = get_or_404(Case, id), datetime.now(UTC)
    site = db.session.get_one(Site, (case.site_id, case.site_id))
    again = is_reopened(case)
    return render_template(
        "desk/cases/show.html",
        case=case,
        state=case_state(case),
        facts=sorted(case.facts, key=lambda fact: (is_accusing(fact), fact["at"])),
        lacking=decision_error(case, _draft_decision(case, site, now)),
        unheard=_unheard_phones(case, now),
        own=current_user().person_id == case.answers_id,
        open=(again or not case.decided_at) and (again or not case.closed_at),
        again=again,
        findings=FINDINGS,
        ask_inputs=ASK_FORM.inputs(
            {"answer_until": now + timedelta(hours=site.statement_hours + HOURS_TO_ASK)}
        ),
        names=directory_of(case.site_id),
        told=story_about(case.site_id, case.id),
        related=without_empty([linked_facts(case)]),
    )


def _unheard_phones(case: Case, now: datetime) -> Sequence[Any]:
    """J6: phones that may still send something from before the latest fact of the case."""
    times = [parse_time(fact["at"]) for fact in case.facts]
    return possibly_unsynced_phones(case.site_id, certain_until(max(times, default=now), now))


def _draft_decision(case: Case, site: Site, now: datetime) -> Op:
    """A decision as it would be judged now, to show beforehand what is missing."""
    category = db.session.get(CaseCategory, (case.site_id, case.category_id))
    return Op(
        id=case.id,
        kind="case.decide",
        subject=case.id,
        by=current_user().person_id,
        occurred_at=now,
        received_at=now,
        payload={"category_id": case.category_id, "site_id": case.site_id},
        related={case.category_id: category, case.site_id: site},
    )


@bp.post("/<id>/find")
@allow(*DESK_ROLES)
def add_fact(id: str) -> Any:
    fact = {
        "code": request.form.get("code", ""),
        "at": form_moment(request.form, "at"),
        "text": request.form.get("text", "").strip(),
    }
    return _submit("case.find", id, {"facts": [fact]})


@bp.post("/<id>/ask")
@allow(*DESK_ROLES)
def request_statement(id: str) -> Any:
    payload = {**ASK_FORM.payload(request.form), "site_id": current_user().site_id}
    return _submit("case.ask", id, payload)


@bp.post("/<id>/decide")
@allow(*DESK_ROLES)
def decide(id: str) -> Any:
    return _submit("case.decide", id, _decision_payload(id))


@bp.post("/<id>/review")
@allow(*DESK_ROLES)
def review(id: str) -> Any:
    return _submit("case.review", id, _decision_payload(id))


@bp.post("/<id>/close")
@allow(*DESK_ROLES)
def close(id: str) -> Any:
    return _submit("case.close", id, CLOSE_FORM.payload(request.form))


def _decision_payload(id: str) -> dict[str, Any]:
    case = get_or_404(Case, id)
    texts = {name: request.form.get(name, "").strip() for name in ("finding", "measures")}
    return {**texts, "category_id": case.category_id, "site_id": case.site_id}


def _submit(kind: str, id: str, payload: dict[str, Any]) -> Any:
    """Submit an op about the case, with the version that the page showed as base."""
    case = get_or_404(Case, id)
    base = request.form.get("base", default=case.version, type=int)
    back = url_for("cases.show", id=case.id)
    return submit_and_redirect(kind, case.id, payload, back, inputs={"facts": "text"}, base=base)
