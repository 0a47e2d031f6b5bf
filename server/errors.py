"""What went wrong and what helps, for people as a page, for programs as problem+json."""

from __future__ import annotations

import errno
import json
from typing import Any

import structlog
from flask import Flask, Response, g, make_response, render_template, request
from flask_babel import lazy_gettext as _
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException

from server.auth.credentials import HasherOverloaded
from server.auth.devices import TooManyTries
from server.db.engine import DATABASE_ERRORS

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
DISK_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)

log = structlog.get_logger("lodge.problems")


def problem_json(status: int, title: str, detail: str, **more: Any) -> Response:
    """A problem as programs read it (RFC 9457); `detail` says what helps."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    answer = make_response(json.dumps(body, ensure_ascii=False), status)
    answer.content_type = "application/problem+json"
    return answer


def init_app(app: Flask) -> None:
    """Answer every error, expected or not, without a word of the programme's inside."""
    app.register_error_handler(HTTPException, handle_http_error)
    app.register_error_handler(TooManyTries, lambda error: error_response(429, wait=error.seconds))
    app.register_error_handler(HasherOverloaded, lambda _: error_response(503, wait=5))
    for error in (*DATABASE_ERRORS, NoConnection):
        app.register_error_handler(error, handle_database_error)
    app.register_error_handler(OSError, handle_disk_error)


def handle_database_error(error: Exception) -> Response:
    """The database is locked, full, read-only or away: nothing was answered, so ask again."""
    cause = getattr(error, "orig", None) or error
    log.error("the database does not take this", error=type(cause).__name__, said=str(cause))
    g.current_user = None  # whoever it is stands in that database: the page does without
    return error_response(503, wait=10)


def handle_disk_error(error: OSError) -> Response:
    """The disk takes no more, or nothing at all."""
    if error.errno not in DISK_ERRNOS:
        raise error
    log.error("the disk does not take this", error=error.strerror)
    return error_response(503, wait=60)


def handle_http_error(error: HTTPException) -> Any:
    """The answer to an error of HTTP; a redirect is none."""
    status = error.code or 500
    if status < 400 or error.response is not None:
        return error.get_response()
    response = error_response(
        status, CROSS_SITE_REMEDY if error.description == "cross-site" else None
    )
    for name, value in error.get_headers(request.environ):
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            response.headers[name] = value
    return response


def error_response(status: int, remedy: Any = None, wait: int | None = None) -> Response:
    """One problem, told the way that the asker reads."""
    title, usual = MESSAGES.get(status) or MESSAGES[500 if status >= 500 else 400]
    remedy = remedy or usual
    if wants_json():
        response = problem_json(status, str(title), str(remedy))
    else:
        page = render_template("desk/problem.html", status=status, title=title, remedy=remedy)
        response = make_response(page, status)
    if wait is not None:
        response.headers["Retry-After"] = str(wait)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def wants_json() -> bool:
    """Whether a program asked rather than a person."""
    if request.path.startswith("/sync/") or request.is_json:
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html")
    return best == "application/json"


__all__ = ["error_response", "init_app", "problem_json"]
