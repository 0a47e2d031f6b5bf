"""Sign-in in one or two steps, sign-out, language, and switching the site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext

from server.auth.access import allow, before_all_steps, current_user, public
from server.auth.passkeys import sign_in_options, use_passkey
from server.auth.rate_limit import RateLimit, client_address, count_attempt
from server.auth.second_factors import has_passkeys, has_second_factor
from server.auth.sessions import (
    PASSKEY,
    PASSWORD,
    TWO_STEPS,
    cookie_name,
    current_user_or_none,
    desk_sites,
    end_session,
    renew_session,
    set_cookie,
)
from server.auth.sign_in_steps import (
    begin_step,
    count_try,
    current_step,
    finish_step,
    set_step_cookie,
)
from server.db.engine import db, write_transaction
from server.desk.kept_forms import unsaved_page
from server.desk.posted_forms import say_nothing, session_seconds
from server.desk.signing_in import (
    Fault,
    check_code,
    check_password,
    is_used_up,
    local_path,
    open_desk,
    page_after,
    used_up,
)
from server.desk.unsaved_forms import discard_unsaved
from server.i18n.languages import language_codes
from server.i18n.locale import COOKIE
from server.models.access import Account
from server.oplog.security_log import log_access
from sync.protocol.roles import FRONT_DESK_ROLES

bp = Blueprint("sign_in", __name__)

COOKIE_DAYS = 180
PASSKEY_LIMIT = RateLimit("passkey", free_tries=60, max_tries=600, window=timedelta(hours=1))
"""Questions for a passkey from one address. Nobody guesses one; each costs a row."""


@bp.get("/sign-in")
@public
def form() -> Any:
    return redirect(url_for("board.index"), 303) if current_user_or_none() else _render_form("")


@bp.post("/sign-in")
@public
def sign_in() -> Any:
    """Take the password; start a session, or ask for the second step."""
    typed = request.form.get("username", "")[:64].strip().lower()
    username = typed if typed.isprintable() else ""
    account = db.session.scalar(Account.by_username(username))
    fault = check_password(username, account)
    if fault or account is None:
        return _refuse(fault or used_up())
    if not desk_sites(account.person_id):
        message = gettext("This account is for the phone app. It cannot be used at the desk.")
        return _refuse(Fault(message, 403))
    if is_used_up(account):
        return _refuse(used_up())
    if has_second_factor(account):
        response = redirect(url_for("sign_in.second_step"), 303)
        set_step_cookie(response, begin_step(account.person_id, page_after()))
        return response
    return open_desk(account, PASSWORD, page_after()) or _refuse(used_up())


@bp.get("/sign-in/code")
@public
def second_step() -> Any:
    """The form for the code of the app; whoever has not come here with a password begins anew."""
    step = current_step()
    if step is None or step.person_id is None:
        return redirect(url_for("sign_in.form"), 303)
    return _render_second_step(step.person_id, step.page, "")


@bp.post("/sign-in/code")
@public
def take_code() -> Any:
    """Take a code of the app or a recovery code from the browser that sent the password."""
    step = current_step()
    account = db.session.get(Account, step.person_id) if step and step.person_id else None
    if step is None or account is None or not count_try(step):
        message = gettext("That took too long or too many tries. Sign in again.")
        return _refuse(Fault(message, 401))
    page = step.page
    fault = check_code(account)
    if fault:
        return _render_second_step(account.person_id, page, fault.message), fault.status
    if not finish_step() or is_used_up(account):
        return _refuse(used_up())
    return open_desk(account, TWO_STEPS, page) or _refuse(used_up())


@bp.post("/sign-in/passkey/options")
@public
def passkey_options() -> Any:
    """A challenge for a passkey, bound to this browser."""
    if count_attempt((PASSKEY_LIMIT, client_address())):
        abort(429)
    challenge, options = sign_in_options()
    response = jsonify(options)
    set_step_cookie(response, begin_step(None, page_after(), challenge))
    return response


@bp.post("/sign-in/passkey")
@public
def take_passkey() -> Any:
    """Start a session for the person whose passkey signed the challenge."""
    step = current_step()
    challenge, page = (step.challenge, step.page) if step else (None, "")
    if challenge is None or not finish_step():
        abort(401)
    person_id = use_passkey(challenge, request.get_json(silent=True))
    account = db.session.get(Account, person_id) if person_id else None
    response = open_desk(account, PASSKEY, page) if account else None
    if response is None:
        abort(401)
    answer = jsonify(location=response.location)
    for cookie in response.headers.getlist("Set-Cookie"):
        answer.headers.add("Set-Cookie", cookie)
    return answer


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
@before_all_steps
def switch_site() -> Any:
    """Switch to another site of the current user, with a new token for the session."""
    site_id = request.form.get("site_id", "")
    if site_id not in [site.site_id for site in desk_sites(current_user().person_id)]:
        abort(404)
    response = redirect(url_for("board.index"), 303)
    set_cookie(response, cookie_name(), renew_session(site_id=site_id))
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
@before_all_steps
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


def _refuse(fault: Fault) -> Any:
    return _render_form(fault.message), fault.status


def _render_form(fault: str) -> str:
    return render_template("desk/sign_in.html", fault=fault, back=page_after())


def _render_second_step(person_id: str, page: str, fault: str) -> str:
    return render_template(
        "desk/second_step.html", fault=fault, passkeys=has_passkeys(person_id), back=page
    )
