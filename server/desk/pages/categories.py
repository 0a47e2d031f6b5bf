"""What people answer for: categories, published and read; how long a statement is waited for."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.label_form import form_label
from server.desk.navigation import NavEntry
from server.desk.submit import submit_and_redirect
from server.i18n.languages import language_codes
from server.models.categories import CaseCategory
from server.models.people import Person
from server.models.places import Site
from server.oplog.directory import directory_of
from sync import RECORD_TYPES
from sync.accountability.categories import category_id
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("categories", __name__, url_prefix="/desk/rules")
NAVIGATION = [NavEntry("categories.index", _l("Accountability categories"), 130)]

SUB_CATEGORY_PATTERN = re.compile(r"\s*(\S+)\s+(\S.*)")
"""A sub-code as it is typed, with its name in one or more languages: 7a 中文 / English."""


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    site_id = current_user().site_id
    people = [
        person for person in db.session.scalars(Person.for_site(site_id)) if not person.active_to
    ]
    found = db.session.scalars(CaseCategory.for_site(site_id)).all()
    return render_template(
        "desk/categories/index.html",
        categories=[(one, RECORD_TYPES["category"].state(vars(one))) for one in found],
        people=people,
        site=db.session.get_one(Site, (site_id, site_id)),
        may_change=current_user().has_role(*MASTER_DATA_ROLES),
        names=directory_of(site_id),
    )


@bp.post("/add")
@allow(*MASTER_DATA_ROLES)
def add() -> Any:
    form, site_id = request.form, current_user().site_id
    code = form.get("code", "").strip().upper()
    subs = [
        SUB_CATEGORY_PATTERN.fullmatch(line)
        for line in form.get("subs", "").splitlines()
        if line.strip()
    ]
    said = {
        "code": code,
        "label": form_label(form, "label"),
        "text": form_label(form, "text"),
        "subs": [_parse_sub_category(sub) for sub in subs],
        "with_amount": "with_amount" in form,
    }
    return submit_and_redirect(
        "category.add", category_id(site_id, code), said, url_for("categories.index")
    )


def _parse_sub_category(line: re.Match[str] | None) -> dict[str, Any]:
    code, names = line.groups() if line else ("", "")
    codes = language_codes()
    texts = (text.strip() for text in names.split("/", len(codes) - 1))
    label = {lang: text for lang, text in zip(codes, texts, strict=False) if text}
    return {"code": code, "label": label}


@bp.post("/<id>/publish")
@allow(*MASTER_DATA_ROLES)
def publish(id: str) -> Any:
    return _submit("category.publish", id)


@bp.post("/<id>/deactivate")
@allow(*MASTER_DATA_ROLES)
def deactivate(id: str) -> Any:
    return _submit("category.deactivate", id)


@bp.post("/waiting")
@allow(*MASTER_DATA_ROLES)
def wait() -> Any:
    hours = {"statement_hours": request.form.get("statement_hours", type=int)}
    return submit_and_redirect(
        "site.retain", current_user().site_id, hours, url_for("categories.index")
    )


def _submit(kind: str, id: str) -> Any:
    category = get_or_404(CaseCategory, id)
    return submit_and_redirect(
        kind, category.id, {}, url_for("categories.index"), base=category.version
    )
