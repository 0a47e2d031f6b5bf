"""Whether the process is there. Says nothing of the database, and does not touch it."""

from __future__ import annotations

from flask import Blueprint

from server.auth.access import public

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@public
def healthz() -> dict[str, str]:
    """200 as long as requests are answered."""
    return {"status": "ok"}
