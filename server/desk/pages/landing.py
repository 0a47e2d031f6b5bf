"""The landing page; in a demo with user names and a setup code for a phone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, current_app, render_template
from sqlalchemy import select

from server.auth.access import public
from server.auth.credentials import token_digest
from server.auth.devices import CODE_LIFETIME, issue_code, normalize_code
from server.db.engine import db
from server.desk.enrolment import enrolment_link
from server.maintenance import demo
from server.models.access import Account, EnrolmentCode
from server.models.people import Person
from server.models.places import Site

bp = Blueprint("landing", __name__)


@bp.get("/")
@public
def index() -> str:
    """A demo lists who can sign in; any other server only links to the sign-in page."""
    if not current_app.config.get("DEMO"):
        return render_template("desk/landing.html")
    site_id, pins = demo.main_site_id(), demo.pins()
    site, code = db.session.get(Site, (site_id, site_id)), _reusable_demo_code(site_id)
    return render_template(
        "desk/demo.html",
        cast=_demo_people(site_id, pins),
        pins=pins,
        password=demo.PASSWORD,
        code=code,
        phone=enrolment_link(code),
        site=site,
    )


def _demo_people(site_id: str, person_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Names, roles, sites and user names of these people, those of a site first."""
    rows = db.session.execute(
        select(Person.id, Person.name, Person.roles, Account.username, Site.label)
        .outerjoin(Account, Account.person_id == Person.id)
        .join(Site, (Site.site_id == Person.site_id) & (Site.id == Person.site_id))
        .where(Person.id.in_(list(person_ids)), Person.active_to.is_(None))
        .order_by(Site.id != site_id, Person.employee_no)
    )
    return [dict(row._mapping) for row in rows]


def _reusable_demo_code(site_id: str) -> str:
    """A setup code that is still valid; a reload does not create a new one."""
    kept: dict[str, Any] = current_app.extensions.setdefault("lodge-demo-code", {})
    if not _is_reusable(kept.get(site_id)):
        kept[site_id] = issue_code(site_id, None)
    code: str = kept[site_id]
    return code


def _is_reusable(code: str | None) -> bool:
    row = db.session.get(EnrolmentCode, token_digest(normalize_code(code))) if code else None
    half_way = datetime.now(UTC) + timedelta(seconds=CODE_LIFETIME.total_seconds() / 2)
    return row is not None and row.used_at is None and row.expires_at > half_way
