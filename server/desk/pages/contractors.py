"""Contractors: who works for us, and who of ours answers for it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk.post import ask
from server.models import Contractor, Person
from server.oplog.directory import names_of
from sync.protocol.digest import DESK

bp = Blueprint("contractors", __name__, url_prefix="/desk/contractors")

AGREEMENT = ("purpose", "term", "kinds")


@bp.get("/")
@allow(*DESK)
def index() -> str:
    site_id = here().site_id
    return render_template(
        "desk/contractors/index.html",
        firms=db.session.scalars(Contractor.at(site_id)).all(),
        leaders=[
            person
            for person in db.session.scalars(Person.at(site_id))
            if person.active_to is None and DESK & set(person.roles)
        ],
        names=names_of(site_id),
    )


@bp.post("/")
@allow(*DESK)
def add() -> Any:
    return ask("contractor.add", None, _said(), _back())


@bp.post("/<id>")
@allow(*DESK)
def change(id: str) -> Any:
    firm = mine(Contractor, id)
    said = {n: v for n, v in _said().items() if v != getattr(firm, n)}
    return ask("contractor.change", firm.id, said, _back(), base=request.form.get("base", type=int))


@bp.post("/<id>/end")
@allow(*DESK)
def end(id: str) -> Any:
    firm = mine(Contractor, id)
    return ask("contractor.end", firm.id, {}, _back(), base=firm.version)


def _said() -> dict[str, Any]:
    form = request.form
    told = ("name", "service", "contact", "contract_ref", "accountable_id")
    said: dict[str, Any] = {name: form.get(name, "").strip() or None for name in told}
    agreed = {name: form.get(name, "").strip() for name in AGREEMENT}
    return {**said, "agreement": agreed if all(agreed.values()) else None}


def _back() -> str:
    return url_for("contractors.index")
