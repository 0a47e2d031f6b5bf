"""People of the site, and their phones: who has which, when it was heard, what it still holds."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, url_for

from server.access import allow, here, issue_code
from server.db import db
from server.devices import cut_off
from server.names import names_of
from server.pages.home import invitation
from server.tables import Device, Person
from sync.feed import DESK

bp = Blueprint("people", __name__, url_prefix="/desk/people")


@bp.get("/")
@allow(*DESK)
def index() -> str:
    people = db.session.scalars(Person.at(here().site_id)).all()
    return render_template("desk/people/index.html", people=people)


@bp.get("/phones")
@allow(*DESK)
def phones() -> str:
    return _phones(None)


@bp.post("/phones/code")
@allow(*DESK)
def code() -> str:
    """A new code is shown once and never again: only its hash is kept."""
    return _phones(issue_code(here().site_id, here().person_id))


@bp.post("/phones/<id>/revoke")
@allow(*DESK)
def revoke(id: str) -> Any:
    return _cut_off(id, lost=False)


@bp.post("/phones/<id>/lost")
@allow(*DESK)
def lost(id: str) -> Any:
    return _cut_off(id, lost=True)


def _phones(new: str | None) -> str:
    return render_template(
        "desk/people/phones.html",
        phones=db.session.scalars(Device.at(here().site_id)).all(),
        names=names_of(here().site_id),
        code=new,
        phone=new and invitation(new),
    )


def _cut_off(id_: str, *, lost: bool) -> Any:
    phone = db.session.get(Device, id_) if id_.isascii() and id_.isprintable() else None
    if phone is None or phone.site_id != here().site_id:
        abort(404)
    cut_off(here().site_id, phone.id, lost=lost)
    return redirect(url_for("people.phones"), 303)
