"""Contractors: who works for us, and who of ours answers for it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.navigation import NavEntry
from server.desk.submit import submit_and_redirect
from server.models.contractors import Contractor
from server.models.people import Person
from server.oplog.directory import directory_of
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("contractors", __name__, url_prefix="/desk/contractors")
NAVIGATION = [NavEntry("contractors.index", _l("Contractors"), 220)]

AGREEMENT_FIELDS = ("purpose", "term", "kinds")


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    site_id = current_user().site_id
    return render_template(
        "desk/contractors/index.html",
        firms=db.session.scalars(Contractor.for_site(site_id)).all(),
        leaders=[
            person
            for person in db.session.scalars(Person.for_site(site_id))
            if person.active_to is None and DESK_ROLES & set(person.roles)
        ],
        names=directory_of(site_id),
    )


@bp.post("/")
@allow(*DESK_ROLES)
def add() -> Any:
    return submit_and_redirect("contractor.add", None, _form_fields(), _index_url())


@bp.post("/<id>")
@allow(*DESK_ROLES)
def change(id: str) -> Any:
    firm = get_or_404(Contractor, id)
    said = {n: v for n, v in _form_fields().items() if v != getattr(firm, n)}
    return submit_and_redirect(
        "contractor.change", firm.id, said, _index_url(), base=request.form.get("base", type=int)
    )


@bp.post("/<id>/end")
@allow(*DESK_ROLES)
def end(id: str) -> Any:
    firm = get_or_404(Contractor, id)
    return submit_and_redirect("contractor.end", firm.id, {}, _index_url(), base=firm.version)


def _form_fields() -> dict[str, Any]:
    form = request.form
    told = ("name", "service", "contact", "contract_ref", "accountable_id")
    said: dict[str, Any] = {name: form.get(name, "").strip() or None for name in told}
    agreed = {name: form.get(name, "").strip() for name in AGREEMENT_FIELDS}
    return {**said, "agreement": agreed if all(agreed.values()) else None}


def _index_url() -> str:
    return url_for("contractors.index")
