"""Accountability categories: adding, publishing, who has read them; time for statements."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.actions import Action
from server.desk.category_list import CATEGORIES, HOURS_FORM
from server.desk.label_form import form_label
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.options import active_people
from server.desk.submit import submit_and_redirect
from server.i18n.languages import language_codes
from server.models.categories import CaseCategory
from server.models.training_sessions import TrainingSession
from server.oplog.directory import directory_of
from sync.accountability.categories import category_id, state
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.training.training_sessions import approach_counts

bp = Blueprint("categories", __name__, url_prefix="/desk/rules")
NAVIGATION = [
    NavEntry(
        "categories.index",
        _l("Accountability categories"),
        "people",
        90,
        about=_l("What people can be held to account for, published before it applies."),
    )
]

ACTIONS = [Action("categories.new", _l("Add category"))]
register_list(bp, CATEGORIES)

MAX_DISCUSSIONS = 20
SUB_CATEGORY_PATTERN = re.compile(r"\s*(\S+)\s+(\S.*)")
"""A category item as it is typed, with its name in one or more languages: 7a 中文 / English."""


@bp.get("/new")
@allow(*MASTER_DATA_ROLES)
def new() -> str:
    """The form for a new category."""
    return render_template("desk/categories/new.html")


@bp.get("/<id>")
@allow(*DESK_ROLES)
def show(id: str) -> str:
    """One category: what it says, who has read it, and where it was discussed."""
    category = get_or_404(CaseCategory, id)
    people = active_people(category.site_id)
    return render_template(
        "desk/categories/show.html",
        category=category,
        state=state(vars(category)),
        unread=[person for person in people if person.id not in category.acknowledged],
        people=people,
        discussions=_discussions(category.site_id) if category.clause == "G6" else [],
        names=directory_of(category.site_id),
        may_change=current_user().has_role(*MASTER_DATA_ROLES),
    )


def _discussions(site_id: str) -> list[tuple[TrainingSession, Counter[str]]]:
    """A19: the case discussions of trainings with their tally of approaches, without names."""
    sessions = db.session.scalars(TrainingSession.with_case_study(site_id).limit(MAX_DISCUSSIONS))
    return [(session, approach_counts(session.answers)) for session in sessions]


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
    payload = {
        "code": code,
        "label": form_label(form, "label"),
        "text": form_label(form, "text"),
        "subs": [_parse_sub_category(sub) for sub in subs],
        "with_amount": "with_amount" in form,
    }
    return submit_and_redirect(
        "category.add", category_id(site_id, code), payload, url_for("categories.index")
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
def set_statement_hours() -> Any:
    """A6: how many hours people have for a statement."""
    payload, site_id = HOURS_FORM.payload(request.form), current_user().site_id
    return submit_and_redirect("site.retain", site_id, payload, url_for("categories.index"))


def _submit(kind: str, id: str) -> Any:
    category = get_or_404(CaseCategory, id)
    return submit_and_redirect(
        kind, category.id, {}, url_for("categories.show", id=id), base=category.version
    )
