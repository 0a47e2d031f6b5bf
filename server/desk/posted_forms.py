"""Forms as they arrive: each drawn form is taken once, and says afterwards what became of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from uuid_utils.compat import uuid7

from server.auth.access import access_rule
from server.auth.security_headers import FORM_PARTS
from server.auth.sessions import cookie_name, current_user, current_user_or_none, set_cookie
from server.db.engine import db, write_transaction
from server.desk.field_errors import FormRefused
from server.desk.form_tokens import TOKEN_FIELD, FormToken, add_tokens, page_address, parse_token
from server.desk.unsaved_forms import delete_saved, keep_unsaved
from server.models.desk_forms import TakenForm
from sync.protocol.op import UUID_NAMESPACE
from sync.protocol.text import _l

FORM_BYTES = 512 * 1024
"""So large a form is read, so that a text that is too long comes back to its author."""

SAVED, SILENT = "saved", "silent"
"""What the next page says; besides them, a refusal code or a status."""

View = TypeVar("View", bound=Callable[..., Any])

_locks = [threading.Lock() for _ in range(64)]
"""The same form sent twice at once is handled one after the other. A form has one of these locks,
by its token."""


@dataclass(slots=True)
class PostedForm:
    """The form of this request."""

    token: FormToken | None
    content_hash: str
    op_count: int = 0

    def next_op_ids(self) -> tuple[str, str]:
        """The ids of an op, and of a record that it may create: the same when it is sent again."""
        self.op_count += 1
        if self.token is None:
            return str(uuid7()), str(uuid7())
        drawn = uuid5(UUID(UUID_NAMESPACE), self.token.text)
        return (
            str(uuid5(drawn, f"{self.content_hash}|{self.op_count}")),
            str(uuid5(drawn, f"record|{self.op_count}")),
        )


def large_form(max_bytes: int, max_parts: int = FORM_PARTS) -> Callable[[View], View]:
    """Let a view receive a form of so many bytes and fields, which is more than usual."""

    def mark(view: View) -> View:
        view.form_limits = max_bytes, max_parts  # type: ignore[attr-defined]
        return view

    return mark


def reads_own_upload(view: View) -> View:
    """For a view that sets its own limits before it reads a file; what it takes in must be
    harmless when it comes twice."""
    view.reads_own_upload = True  # type: ignore[attr-defined]
    return view


def only_asks(view: View) -> View:
    """For a view whose form asks for a page and records nothing: it may be sent any number of
    times, and nothing was saved."""
    view.only_asks = True  # type: ignore[attr-defined]
    return view


def posted_form() -> PostedForm:
    """The form of this request. Outside of a form, as in jobs, one without a token."""
    if "posted_form" not in g:
        g.posted_form = PostedForm(None, "")
    form: PostedForm = g.posted_form
    return form


def say(code: str) -> None:
    """Say this on the next page instead of "saved": a refusal code or a status."""
    g.said = code


def say_nothing() -> None:
    """For a page that says by itself what became of the form."""
    g.said = SILENT


def show_once() -> None:
    """For a page with a secret that the form made: sent again, as by reloading, the form makes no
    other one, and leads to the page where it stood."""
    g.shown_once = True


def form_outcome() -> str:
    """What the form that was sent just before led to; it is said on one page only."""
    g.outcome_was_read = True
    return request.cookies.get(_said_cookie(), "")


def init_app(app: Flask) -> None:
    """Take each form once; draw tokens into pages."""
    app.before_request(_receive)
    app.after_request(_finish)
    app.teardown_request(_unlock)
    app.context_processor(
        lambda: {"form_outcome": form_outcome, "session_seconds": session_seconds}
    )
    app.context_processor(lambda: {"draft_owner": draft_owner})


def session_seconds() -> dict[str, int]:
    """How long the session of the current user lasts: unless they do something, and in any case."""
    user, now = current_user(), datetime.now(UTC)
    idle, total = user.idle_ends_at - now, user.ends_at - now
    return {"idle": int(idle.total_seconds()), "total": int(total.total_seconds())}


def draft_owner() -> str:
    """A name for the current user, by which the browser keeps drafts of several people apart."""
    return sha256(current_user().person_id.encode()).hexdigest()[:16]


def is_desk_form() -> bool:
    """Whether this request is a form that a signed-in person posts."""
    if request.method != "POST" or request.endpoint is None:
        return False
    rule = access_rule(current_app, request.endpoint)
    return isinstance(rule, frozenset)


def _only_asks() -> bool:
    return getattr(current_app.view_functions[request.endpoint or ""], "only_asks", False)


def _receive() -> Any:
    if not is_desk_form() or _only_asks():
        return None
    view = current_app.view_functions[request.endpoint or ""]
    if getattr(view, "reads_own_upload", False):
        return None
    limits = getattr(view, "form_limits", (FORM_BYTES, FORM_PARTS))
    request.max_form_memory_size, request.max_form_parts = limits
    token = parse_token(request.form.get(TOKEN_FIELD))
    g.posted_form = PostedForm(token, _content_hash())
    return _answer_if_taken(token) if token else None


def _answer_if_taken(token: FormToken) -> Any:
    """The former answer if this form was taken before. Refuses other text in the same form, and a
    form that was drawn for somebody else."""
    user = current_user()
    if (token.person_id, token.site_id) != (user.person_id, user.site_id):
        keep_unsaved(token.person_id, token.site_id, token.page)
        abort(409, "other-user")
    g.form_lock = _locks[int(token.digest[:8], 16) % len(_locks)]
    g.form_lock.acquire()
    taken = db.session.get(TakenForm, token.digest)
    if taken is None:
        return None
    if taken.content_hash != posted_form().content_hash:
        raise FormRefused(
            _l("This form was already saved. Check the page; save again only if you need to."),
            status=409,
        )
    return redirect(taken.location, 303)


def _finish(response: Response) -> Response:
    if is_desk_form() and not _only_asks() and current_user_or_none() and _is_taken(response):
        if response.location:
            _set_said(response)
        _record_taken(response.location)
    if not response.location and g.get("outcome_was_read") and request.cookies.get(_said_cookie()):
        response.delete_cookie(_said_cookie(), path="/", secure=request.is_secure, httponly=True)
    user = g.get("current_user")
    if user and response.mimetype == "text/html" and not g.get("tokens_drawn"):
        token = posted_form().token
        page = token.page if token else page_address()
        response.set_data(add_tokens(response.get_data(as_text=True), user, page))
    return response


def _set_said(response: Response) -> None:
    if request.path.startswith("/desk/"):
        set_cookie(response, _said_cookie(), g.get("said", SAVED))


def _is_taken(response: Response) -> bool:
    """Whether a form did what it is for, rather than lead to a page to prove something first."""
    if not response.location:
        return response.status_code == 200
    to_prove = {url_for(endpoint) for endpoint in ("sign_in.form", "confirm.index")}
    return response.status_code < 400 and urlsplit(response.location).path not in to_prove


def _record_taken(location: str | None) -> None:
    form, now = posted_form(), datetime.now(UTC)
    if location is None and form.token and g.get("shown_once"):
        location = form.token.page
    with write_transaction():
        delete_saved(current_user().person_id, request.path)
        if location and form.token and db.session.get(TakenForm, form.token.digest) is None:
            db.session.execute(TakenForm.expired(now))
            db.session.add(
                TakenForm(
                    token_hash=form.token.digest,
                    content_hash=form.content_hash,
                    location=location[:2000],
                    at=now,
                )
            )


def _unlock(_: BaseException | None) -> None:
    lock = g.pop("form_lock", None)
    if lock is not None:
        lock.release()


def _content_hash() -> str:
    fields = [pair for pair in request.form.items(multi=True) if pair[0] != TOKEN_FIELD]
    files = [(name, file.filename) for name, file in request.files.items(multi=True)]
    return sha256(repr((request.path, fields, files)).encode()).hexdigest()


def _said_cookie() -> str:
    return cookie_name("lodge-said")
