"""Contractors: which firms work for us, and which of our managers is accountable for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.desk.actions import Action
from server.desk.case_list import cases_about
from server.desk.contractor_list import CONTRACTORS
from server.desk.form_fields import FormField
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.options import active_people, person_options
from server.desk.payload_form import PayloadForm, form_text
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.models.contractors import Contractor
from server.oplog.directory import directory_of
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("contractors", __name__, url_prefix="/desk/contractors")
NAVIGATION = [
    NavEntry(
        "contractors.index",
        _l("Contractors"),
        "people",
        50,
        about=_l("Firms that work on the estate, and who answers for them."),
    )
]
ACTIONS = [Action("contractors.new", _l("Add contractor"))]
register_list(bp, CONTRACTORS)

FORM = PayloadForm("contractor.add", "name", "service", "accountable_id", "contact", "contract_ref")
AGREEMENT_FIELDS = ("purpose", "term", "kinds")


@bp.get("/new")
@allow(*DESK_ROLES)
def new() -> str:
    """The form for a new contractor."""
    return render_template("desk/contractors/edit.html", firm=None, inputs=_inputs({}))


@bp.get("/<id>/edit")
@allow(*DESK_ROLES)
def edit(id: str) -> str:
    """The form of a contractor, and that of the end of its contract."""
    firm = get_or_404(Contractor, id)
    return render_template("desk/contractors/edit.html", firm=firm, inputs=_inputs(vars(firm)))


def _inputs(values: Mapping[str, Any]) -> list[FormField]:
    people = active_people(current_user().site_id)
    managers = [person for person in people if DESK_ROLES & set(person.roles)]
    return FORM.inputs(values, {"accountable_id": person_options(managers)})


@bp.post("/")
@allow(*DESK_ROLES)
def add() -> Any:
    return submit_and_redirect(
        "contractor.add", None, _form_payload(), url_for("contractors.index")
    )


@bp.get("/<id>")
@allow(*DESK_ROLES)
def show(id: str) -> str:
    """One contractor: who works for it, what is agreed, cases about it, and its history."""
    firm = get_or_404(Contractor, id)
    return render_template(
        "desk/contractors/show.html",
        firm=firm,
        workers=[each for each in active_people(firm.site_id) if each.contractor_id == firm.id],
        cases=cases_about(firm.site_id, firm.id),
        told=story_about(firm.site_id, firm.id),
        names=directory_of(firm.site_id),
    )


@bp.post("/<id>")
@allow(*DESK_ROLES)
def change(id: str) -> Any:
    firm = get_or_404(Contractor, id)
    changes = {n: v for n, v in _form_payload().items() if v != getattr(firm, n)}
    base = request.form.get("base", type=int)
    return submit_and_redirect("contractor.change", firm.id, changes, _page_url(id), base=base)


@bp.post("/<id>/end")
@allow(*DESK_ROLES)
def end(id: str) -> Any:
    firm = get_or_404(Contractor, id)
    return submit_and_redirect("contractor.end", firm.id, {}, _page_url(id), base=firm.version)


def _form_payload() -> dict[str, Any]:
    """All fields of the form, None for an empty one; an agreement only if it is complete."""
    payload = dict.fromkeys(FORM.names) | FORM.payload(request.form)
    agreement = {name: form_text(request.form, name) for name in AGREEMENT_FIELDS}
    return {**payload, "agreement": agreement if all(agreement.values()) else None}


def _page_url(id_: str) -> str:
    return url_for("contractors.show", id=id_)
