"""Sign-in and sign-out, password, language, and switching the site."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext
from itsdangerous import BadSignature, URLSafeSerializer

from server.auth.access import allow, current_user, public
from server.auth.credentials import (
    get_or_create_account,
    password_matches,
    password_weakness,
    set_password,
)
from server.auth.keys import serializer
from server.auth.rate_limit import (
    ADDRESS,
    KNOWN_BROWSER,
    UNKNOWN_BROWSER,
    RateLimit,
    count_attempt,
    reset_attempts,
)
from server.auth.sessions import (
    cookie_name,
    current_user_or_none,
    desk_sites,
    end_all_sessions,
    end_session,
    set_cookie,
    start_session,
)
from server.db.engine import db, write_transaction
from server.desk.field_errors import FieldError, FormRefused
from server.desk.kept_forms import newest_unsaved_page, unsaved_page
from server.desk.posted_forms import say_nothing, session_seconds
from server.desk.unsaved_forms import discard_unsaved
from server.i18n.languages import language_codes
from server.i18n.locale import COOKIE
from server.models.access import Account
from server.oplog.security_log import log_access
from sync.protocol.roles import FRONT_DESK_ROLES

bp = Blueprint("sign_in", __name__)

COOKIE_DAYS = 180


@bp.get("/sign-in")
@public
def form() -> Any:
    return redirect(url_for("board.index"), 303) if current_user_or_none() else _render_form("")


@bp.post("/sign-in")
@public
def sign_in() -> Any:
    """Start a session; an unknown name and a wrong password get the same answer."""
    typed = request.form.get("username", "")[:64].strip().lower()
    username = typed if typed.isprintable() else ""
    limits = _rate_limits(username)
    wait = count_attempt(*limits)
    account = db.session.scalar(Account.by_username(username))
    if wait:
        _log_failure(account)
        minutes = int(wait.total_seconds() // 60) + 1
        return _render_form(gettext("Too many attempts. Try again in %(n)d min.", n=minutes)), 429
    if not password_matches(account, request.form.get("password", "")) or account is None:
        _log_failure(account)
        return _render_form(gettext("User name or password is wrong.")), 401
    sites = [site.site_id for site in desk_sites(account.person_id)]
    if not sites:
        return _render_form(
            gettext("This account is for the phone app. It cannot be used at the desk.")
        ), 403
    reset_attempts(*(limit for limit in limits if limit[0] is not ADDRESS))
    unsaved = newest_unsaved_page(account.person_id)
    if unsaved and unsaved[0] in sites:
        return _start_session(account.person_id, username, *unsaved)
    return _start_session(account.person_id, username, sites[0], request.form.get("next"))


@bp.post("/sign-out")
@public
def sign_out() -> Any:
    user = current_user_or_none()
    with write_transaction():
        if user:
            log_access("sign_out", site_id=user.site_id, by=user.person_id, about=user.person_id)
        end_session()
    response = redirect(url_for("landing.index"), 303)
    response.delete_cookie(cookie_name(), path="/", secure=request.is_secure, httponly=True)
    return response


@bp.post("/site")
@allow(*FRONT_DESK_ROLES)
def switch_site() -> Any:
    """Switch to another site of the current user, with a new session and token."""
    site_id = request.form.get("site_id", "")
    if site_id not in [site.site_id for site in desk_sites(current_user().person_id)]:
        abort(404)
    response = redirect(url_for("board.index"), 303)
    token = start_session(current_user().person_id, site_id, request.cookies.get(cookie_name()))
    set_cookie(response, cookie_name(), token)
    return response


@bp.post("/language")
@public
def language() -> Any:
    """Change the language and go back to the same page."""
    lang = request.form.get("lang", "")
    came_from = urlsplit(request.referrer or "")
    back = came_from.path if came_from.netloc == request.host else "/"
    response = redirect(local_path(back), 303)
    if lang in language_codes():
        set_cookie(response, COOKIE, lang, COOKIE_DAYS)
    return response


@bp.get("/desk/session")
@allow(*FRONT_DESK_ROLES)
def session_end() -> Any:
    """How many seconds the session lasts. Asking is activity of the user, unless htmx asks."""
    return session_seconds()


@bp.get("/desk/unsaved")
@allow(*FRONT_DESK_ROLES)
def unsaved() -> str:
    return unsaved_page()


@bp.post("/desk/unsaved/<id>/discard")
@allow(*FRONT_DESK_ROLES)
def discard(id: str) -> Any:
    """Discard a form of the current user that was not saved when the session ended."""
    page = discard_unsaved(current_user().person_id, id)
    say_nothing()
    return redirect(local_path(page or url_for("board.index")), 303)


@bp.get("/desk/account")
@allow(*FRONT_DESK_ROLES)
def account() -> str:
    return render_template("desk/account.html", changed="changed" in request.args)


@bp.post("/desk/account")
@allow(*FRONT_DESK_ROLES)
def change_password() -> Any:
    """Change the password; all other sessions of the user end."""
    own_account, new = get_or_create_account(current_user().person_id), request.form.get("new", "")
    username = own_account.username or ""
    wait = count_attempt((KNOWN_BROWSER, f"{username}\n{current_user().token_hash}"))
    if wait or not password_matches(own_account, request.form.get("password", "")):
        raise _password_refused("password", gettext("The current password is wrong."))
    weakness = password_weakness(username, new)
    if weakness:
        raise _password_refused("new", _weakness_message(weakness))
    with write_transaction():
        set_password(current_user().person_id, username, new)
        end_all_sessions(current_user().person_id, except_token_hash=current_user().token_hash)
        own = current_user().person_id
        log_access("password", site_id=None, by=own, about=own)
    say_nothing()
    return redirect(url_for("sign_in.account", changed=1), 303)


def _password_refused(name: str, message: str) -> FormRefused:
    return FormRefused(message, [FieldError((name,), message)], status=400)


def local_path(path: str | None) -> str:
    """The path if it is one of this server, else "/": never an address of another server."""
    plain = path is not None and path.startswith("/") and path.isprintable()
    return path if plain and path and path[1:2] not in ("/", "\\") else "/"


def _rate_limits(username: str) -> list[tuple[RateLimit, str]]:
    """The rate limits of a sign-in; a browser used before has a limit of its own."""
    browser = _known_browser(username)
    own_limit = (
        (KNOWN_BROWSER, f"{username}\n{browser}") if browser else (UNKNOWN_BROWSER, username)
    )
    return [own_limit, (ADDRESS, request.remote_addr or "")]


def _start_session(person_id: str, username: str, site_id: str, page: str | None) -> Any:
    response = redirect(local_path(page), 303)
    with write_transaction():
        token = start_session(person_id, site_id, request.cookies.get(cookie_name()))
        log_access("sign_in", site_id=site_id, by=person_id, about=person_id)
    set_cookie(response, cookie_name(), token)
    known = _cookie_signer().dumps(
        [username, _known_browser(username) or secrets.token_urlsafe(16)]
    )
    set_cookie(response, cookie_name("lodge-known"), str(known), COOKIE_DAYS)
    return response


def _log_failure(account: Account | None) -> None:
    """A wrong password, or one attempt too many. Of an unknown user name nothing is kept: it may be
    a password in the wrong field."""
    log_access(
        "sign_in_failed", site_id=None, by=None, about=account.person_id if account else None
    )


def _known_browser(username: str) -> str | None:
    try:
        name, browser = _cookie_signer().loads(request.cookies.get(cookie_name("lodge-known"), ""))
    except (BadSignature, ValueError, TypeError):
        return None
    return str(browser) if name == username else None


def _cookie_signer() -> URLSafeSerializer:
    return serializer("known-browser")


def _render_form(fault: str) -> str:
    back = local_path(request.values.get("next", url_for("board.index")))
    return render_template("desk/sign_in.html", fault=fault, back=back)


def _weakness_message(why: str) -> str:
    if why == "guessable":
        return gettext(
            "Too easy to guess. Use a combination of words that only you would think of."
        )
    return gettext("Use between 10 and 256 characters.")
