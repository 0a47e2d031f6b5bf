"""Access rules: every route declares who may call it, and one that declares nothing is refused.

A record of another site is answered with 404, never 403, so that its existence is not revealed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import Flask, abort, current_app, g, redirect, request, url_for
from htmx_flask import make_response

from server.auth.devices import identify_device
from server.auth.security_headers import refuse_cross_site
from server.auth.sessions import CurrentUser, current_user, current_user_or_none, desk_sites
from server.db.engine import Model, db
from sync.protocol.roles import ROLE_CONSTANTS

PUBLIC, DEVICE_TOKEN = "anybody", "a phone"

View = TypeVar("View", bound=Callable[..., Any])
Row = TypeVar("Row", bound=Model)


def public(view: View) -> View:
    """Allow everybody, signed in or not."""
    view.allowed = PUBLIC  # type: ignore[attr-defined]
    return view


def device_only(view: View) -> View:
    """Allow only an enrolled phone, by its bearer token; the view finds it in `g.device`."""
    view.allowed = DEVICE_TOKEN  # type: ignore[attr-defined]
    return view


def allow(*roles: str) -> Callable[[View], View]:
    """Allow only signed-in users with one of these roles at the site they have open."""

    def mark(view: View) -> View:
        view.allowed = frozenset(roles)  # type: ignore[attr-defined]
        return view

    return mark


def recent_sign_in(view: View) -> View:
    """Ask who somebody is once more, if they proved it more than 15 minutes ago. A form that they
    sent comes back with what they typed."""
    view.needs_recent_sign_in = True  # type: ignore[attr-defined]
    return view


def before_all_steps(view: View) -> View:
    """Allow people who have yet to replace a first password or to add a second step."""
    view.before_all_steps = True  # type: ignore[attr-defined]
    return view


def access_rule(app: Flask, endpoint: str) -> str | frozenset[str] | None:
    """The rule that a route declares: PUBLIC, DEVICE_TOKEN, a set of roles, or None."""
    rule: str | frozenset[str] | None = getattr(app.view_functions[endpoint], "allowed", None)
    return rule


def get_or_404(table: type[Row], id_: str) -> Row:
    """A record of the current user's site; aborts with 404 for any other id."""
    try:
        id_ = str(UUID(id_))
    except ValueError:
        abort(404)
    return db.session.get(table, (current_user().site_id, id_)) or abort(404)


def init_app(app: Flask) -> None:
    """Check the access rule before every request."""
    app.before_request(_check_access)
    if "static" in app.view_functions:
        public(app.view_functions["static"])
    app.context_processor(lambda: {"current_user": current_user_or_none, "desk_sites": desk_sites})
    app.jinja_env.globals.update(ROLE_CONSTANTS)


def _check_access() -> Any:
    if request.endpoint is None:
        return None  # no such route: Flask answers 404 or 405
    rule = access_rule(current_app, request.endpoint)
    if rule is None:
        abort(403)
    if rule == DEVICE_TOKEN:
        g.device = identify_device(request.environ) or abort(401)
        return None
    refuse_cross_site()
    return None if rule == PUBLIC else _require_role(frozenset(rule))


def _require_role(roles: frozenset[str]) -> Any:
    user = current_user_or_none()
    if user is None:
        if request.method == "POST" and request.content_length:
            abort(401)  # the desk keeps what was typed
        return _redirect_to_sign_in()
    if not user.has_role(*roles):
        abort(403)
    page = page_to_prove(user)
    if page is None:
        return None
    if request.method == "POST" and request.content_length:
        abort(401)
    return _redirect_to(page)


def page_to_prove(user: CurrentUser) -> str | None:
    """The endpoint where a person has to prove something before this request: who they are, or by
    a new password or a second step that nobody else is. None if there is nothing to prove."""
    view = current_app.view_functions[request.endpoint or ""]
    if not getattr(view, "before_all_steps", False):
        if user.must_change:
            return "account.index"
        if user.must_add_step:
            return "two_steps.index"
    if getattr(view, "needs_recent_sign_in", False) and not user.is_recent:
        return "confirm.index"
    return None


def _redirect_to_sign_in() -> Any:
    return _redirect_to("sign_in.form")


def _redirect_to(endpoint: str) -> Any:
    """Redirect to a page to sign in or to prove something; htmx, which asked for a fragment, loads
    it as a whole page."""
    htmx = request.htmx  # type: ignore[attr-defined]  # htmx-flask adds it
    is_page = request.method == "GET" and (htmx.boosted or not htmx)
    back = request.full_path.rstrip("?") if is_page else None
    if htmx:
        return make_response("", 401, redirect=url_for(endpoint, next=back))
    return redirect(url_for(endpoint, next=back), 303)


__all__ = [
    "CurrentUser",
    "access_rule",
    "allow",
    "before_all_steps",
    "current_user",
    "current_user_or_none",
    "device_only",
    "get_or_404",
    "init_app",
    "page_to_prove",
    "public",
    "recent_sign_in",
]
