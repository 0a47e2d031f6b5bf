"""The health check: whether the process answers. It does not use the database."""

from __future__ import annotations

from flask import Blueprint

from server.auth.access import public

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@public
def healthz() -> dict[str, str]:
    """200 while the server answers requests."""
    return {"status": "ok"}
