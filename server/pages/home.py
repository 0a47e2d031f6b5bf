"""The front door: who can sign in, and how a phone gets in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import segno
from flask import Blueprint, current_app, render_template, request, url_for
from sqlalchemy import select

from server import demo
from server.access import issue_code, public
from server.credentials import digest
from server.db import db
from server.devices import CODE_LIFETIME, plain
from server.tables import Account, Enrolment, Person, Site

bp = Blueprint("home", __name__)


@bp.get("/")
@public
def index() -> str:
    """A demonstration says who can sign in; any other server only where."""
    if not current_app.config.get("DEMO"):
        return render_template("desk/home.html")
    home = demo.ident("squirrel")
    site, code = db.session.get(Site, (home, home)), _demo_code(home)
    return render_template(
        "desk/demo.html",
        cast=_cast(),
        pins=demo.pins(),
        password=demo.PASSWORD,
        code=code,
        phone=invitation(code),
        site=site,
    )


def invitation(code: str) -> dict[str, Any]:
    """Where a phone goes to be enrolled, as an address and as a QR."""
    address = url_for("field.shell", page="enrol", _external=True, _anchor=code)
    drawn = segno.make(address, error="m").svg_data_uri(scale=6, border=3, light="#fff")
    safe = request.is_secure or request.host.partition(":")[0] in ("localhost", "127.0.0.1")
    return {"address": address, "qr": drawn, "safe": safe}


def _cast() -> list[dict[str, Any]]:
    rows = db.session.execute(
        select(Person.id, Person.name, Person.roles, Account.username, Site.label)
        .outerjoin(Account, Account.person_id == Person.id)
        .join(Site, (Site.site_id == Person.site_id) & (Site.id == Person.site_id))
        .where(Person.active_to.is_(None))
        .order_by(Site.id != demo.ident("squirrel"), Person.employee_no)
    )
    return [dict(row._mapping) for row in rows]


def _demo_code(site_id: str) -> str:
    """A code that still works: looking at the page again does not make a new one each time."""
    kept: dict[str, Any] = current_app.extensions.setdefault("lodge-demo-code", {})
    if not _fresh(kept.get(site_id)):
        kept[site_id] = issue_code(site_id, None)
    code: str = kept[site_id]
    return code


def _fresh(code: str | None) -> bool:
    row = db.session.get(Enrolment, digest(plain(code))) if code else None
    half_way = datetime.now(UTC) + timedelta(seconds=CODE_LIFETIME.total_seconds() / 2)
    return row is not None and row.used_at is None and row.expires_at > half_way
