"""Find a page of the desk, or what to begin: the palette, and the same as a page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from server.auth.access import allow
from server.desk.actions import offer
from server.desk.posted_forms import only_asks
from sync.protocol.roles import FRONT_DESK_ROLES

bp = Blueprint("palette", __name__, url_prefix="/desk/find")

MAX_LENGTH = 80


@bp.get("/")
@allow(*FRONT_DESK_ROLES)
def index() -> str:
    """Every page and action, what each page is for, and the keys."""
    return render_template("desk/palette/index.html", asked="", found=offer(""))


@bp.post("/")
@allow(*FRONT_DESK_ROLES)
@only_asks
def find() -> Any:
    """What was asked for is in no address. htmx, which asks while somebody types, gets the lines
    alone."""
    asked = request.form.get("asked", "")[:MAX_LENGTH]
    is_typing = request.htmx  # type: ignore[attr-defined]  # htmx-flask adds it
    template = "desk/palette/_found.html" if is_typing else "desk/palette/index.html"
    return render_template(template, asked=asked, found=offer(asked))
