"""What people answer for: categories, published and read; how long a statement is waited for."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk.post import ask
from server.models import Category, Person, Site
from server.oplog.directory import names_of
from sync import TYPES
from sync.accountability.categories import category_id
from sync.estate.places import MASTERS
from sync.protocol.digest import DESK

bp = Blueprint("categories", __name__, url_prefix="/desk/rules")

LINE = re.compile(r"\s*(\S+)\s+(.+?)\s*/\s*(.+?)\s*")
"""A sub-code as it is typed: 7a 中文 / English."""


@bp.get("/")
@allow(*DESK)
def index() -> str:
    site_id = here().site_id
    people = [person for person in db.session.scalars(Person.at(site_id)) if not person.active_to]
    found = db.session.scalars(Category.at(site_id)).all()
    return render_template(
        "desk/cases/rules.html",
        categories=[(one, TYPES["category"].state(vars(one))) for one in found],
        people=people,
        site=db.session.get_one(Site, (site_id, site_id)),
        may_change=here().may(*MASTERS),
        names=names_of(site_id),
    )


@bp.post("/add")
@allow(*MASTERS)
def add() -> Any:
    form, site_id = request.form, here().site_id
    code = form.get("code", "").strip().upper()
    subs = [LINE.fullmatch(line) for line in form.get("subs", "").splitlines() if line.strip()]
    said = {
        "code": code,
        "label": {lang: form.get(f"label.{lang}", "").strip() for lang in ("zh", "en")},
        "text": {lang: form.get(f"text.{lang}", "").strip() for lang in ("zh", "en")},
        "subs": [_sub(sub) for sub in subs],
        "with_amount": "with_amount" in form,
    }
    return ask("category.add", category_id(site_id, code), said, url_for("categories.index"))


def _sub(line: re.Match[str] | None) -> dict[str, Any]:
    code, zh, en = line.groups() if line else ("", "", "")
    return {"code": code, "label": {"zh": zh, "en": en}}


@bp.post("/<id>/publish")
@allow(*MASTERS)
def publish(id: str) -> Any:
    return _ask("category.publish", id)


@bp.post("/<id>/deactivate")
@allow(*MASTERS)
def deactivate(id: str) -> Any:
    return _ask("category.deactivate", id)


@bp.post("/waiting")
@allow(*MASTERS)
def wait() -> Any:
    hours = {"statement_hours": request.form.get("statement_hours", type=int)}
    return ask("site.retain", here().site_id, hours, url_for("categories.index"))


def _ask(kind: str, id: str) -> Any:
    category = mine(Category, id)
    return ask(kind, category.id, {}, url_for("categories.index"), base=category.version)
