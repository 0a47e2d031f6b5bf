"""Error responses, with a remedy: a page for people, problem+json for programs."""

from __future__ import annotations

import errno
import json
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask_babel import lazy_gettext as _
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException

from server.auth.credentials import HasherOverloaded
from server.auth.devices import TooManyTries
from server.auth.sessions import current_user_or_none
from server.db.engine import DATABASE_ERRORS
from server.oplog.security_log import log_access

MESSAGES = {
    400: (_("Invalid request"), _("Go back, reload the page and try once more.")),
    401: (_("Please sign in"), _("Sign in, then come back to this page.")),
    403: (_("Not allowed"), _("Your role cannot do this. Ask your manager.")),
    404: (_("Page not found"), _("It may belong to another site, or the address may be wrong.")),
    405: (_("Not possible here"), _("Go back and use the buttons of the page.")),
    409: (_("Someone else was faster"), _("Reload the page to see the current state.")),
    413: (_("File too large"), _("Send less data at a time.")),
    415: (
        _("Unsupported content type"),
        _("Use the format described on the page or in the API guide."),
    ),
    429: (_("Too many attempts"), _("Wait a little, then try again.")),
    500: (_("Server error"), _("Your saved records are safe. Try again soon.")),
    503: (_("The server is busy"), _("Your records are safe. Try again in a moment.")),
}
CROSS_SITE_REMEDY = _(
    "This request did not come from a page of this server. Open Lodge again and retry."
)
REMEDIES = {
    "cross-site": CROSS_SITE_REMEDY,
    "other-user": _(
        "Someone else signed in meanwhile, or another site was opened. What was typed is kept and "
        "comes back when its author signs in again at the first site."
    ),
}
"""Remedies of errors that a program describes with these words."""
TYPED_TEXT_KEEPER = "lodge-typed-text-keeper"
"""The extension of an application that shows a posted form again: a function of status, title and
remedy that returns a page, or None where the usual one is right."""
DISK_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)

log = structlog.get_logger("lodge.errors")


def problem_json(status: int, title: str, detail: str, **more: Any) -> Response:
    """A problem for programs (RFC 9457). `detail` says the remedy, `more` are extension members."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    response = make_response(json.dumps(body, ensure_ascii=False), status)
    response.content_type = "application/problem+json"
    return response


def init_app(app: Flask) -> None:
    """Answer every error, expected or not, without revealing internals."""
    app.register_error_handler(HTTPException, handle_http_error)
    app.register_error_handler(TooManyTries, lambda error: error_response(429, wait=error.seconds))
    app.register_error_handler(HasherOverloaded, lambda _: error_response(503, wait=5))
    for error in (*DATABASE_ERRORS, NoConnection):
        app.register_error_handler(error, handle_database_error)
    app.register_error_handler(OSError, handle_disk_error)


def handle_database_error(error: Exception) -> Response:
    """503 where the database is locked, full, read-only or unreachable: the client tries again."""
    cause = getattr(error, "orig", None) or error
    log.error("database error", error=type(cause).__name__, message=str(cause))
    g.current_user = None  # the error page must not query the database for the user
    return error_response(503, wait=10)


def handle_disk_error(error: OSError) -> Response:
    """503 where the disk is full, read-only or broken; any other OSError is raised again."""
    if error.errno not in DISK_ERRNOS:
        raise error
    log.error("disk error", error=error.strerror)
    return error_response(503, wait=60)


def handle_http_error(error: HTTPException) -> Any:
    """The response to an HTTP error; redirects, and errors with a response of their own, as is."""
    status = error.code or 500
    if status < 400 or error.response is not None:
        return error.get_response()
    if status == 403:
        _log_denial()
    response = error_response(status, REMEDIES.get(error.description or ""))
    for name, value in error.get_headers(request.environ):
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            response.headers[name] = value
    return response


def _log_denial() -> None:
    """Write into the security log who asked for what they may not have."""
    user = current_user_or_none()
    if user:
        details = {"page": request.url_rule.rule if request.url_rule else ""}
        log_access("denied", site_id=user.site_id, by=user.person_id, details=details)


def error_response(status: int, remedy: Any = None, wait: int | None = None) -> Response:
    """A problem as a page or as JSON, whichever the client asked for. The page of a posted form has
    what was typed, unless another site made it.

    `remedy` replaces the usual remedy of the status, `wait` is in seconds.
    """
    keeps_text = remedy not in REMEDIES.values()
    title, usual_remedy = MESSAGES.get(status) or MESSAGES[500 if status >= 500 else 400]
    remedy = remedy or usual_remedy
    if wants_json():
        response = problem_json(status, str(title), str(remedy))
    else:
        keeper = current_app.extensions.get(TYPED_TEXT_KEEPER) if keeps_text else None
        page = keeper and keeper(status, str(title), str(remedy))
        response = make_response(
            page or render_template("desk/problem.html", status=status, title=title, remedy=remedy),
            status,
        )
    if wait is not None:
        response.headers["Retry-After"] = str(wait)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def wants_json() -> bool:
    """Whether the client is a program rather than a browser."""
    if request.path.startswith("/sync/") or request.is_json:
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html")
    return best == "application/json"


__all__ = ["error_response", "init_app", "problem_json"]
