"""A person's own account: password and sessions."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext

from server.auth.access import allow, before_all_steps, current_user, recent_sign_in
from server.auth.credentials import set_password
from server.auth.known_browsers import remember_browser
from server.auth.password_rules import context_names, password_weakness
from server.auth.sessions import (
    cookie_name,
    end_all_sessions,
    end_session_by_id,
    renew_session,
    sessions_of,
    set_cookie,
)
from server.db.engine import write_transaction
from server.desk.field_errors import FieldError, FormRefused
from server.desk.posted_forms import say_nothing
from server.desk.signing_in import check_password, log_account, own_account
from sync.protocol.roles import FRONT_DESK_ROLES

bp = Blueprint("account", __name__, url_prefix="/desk/account")


@bp.get("")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
def index() -> str:
    return render_template(
        "desk/account/index.html",
        changed="changed" in request.args,
        sessions=sessions_of(current_user().person_id),
    )


@bp.post("")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
def change_password() -> Any:
    """Change the password; all other sessions of the user end."""
    account, new = own_account(), request.form.get("new", "")
    username, person_id = account.username or "", current_user().person_id
    if check_password(username, account):
        raise _refused("password", gettext("The current password is wrong."))
    weakness = password_weakness(username, new, context_names(person_id))
    if weakness or new == request.form.get("password"):
        raise _refused("new", _weakness_message(weakness or "same"))
    with write_transaction():
        set_password(person_id, username, new)
        end_all_sessions(person_id, except_token_hash=current_user().token_hash)
        log_account("password", person_id, "changed")
    say_nothing()
    response = redirect(url_for("account.index", changed=1), 303)
    set_cookie(response, cookie_name(), renew_session(must_change=False))
    remember_browser(response, account)
    return response


@bp.post("/sessions/<id>/end")
@allow(*FRONT_DESK_ROLES)
@recent_sign_in
def end_one_session(id: str) -> Any:
    """End one session of the user; 404 if it is not theirs."""
    person_id = current_user().person_id
    with write_transaction():
        if not end_session_by_id(person_id, id):
            abort(404)
        log_account("session_ended", person_id)
    return redirect(url_for("account.index"), 303)


@bp.post("/sessions/end")
@allow(*FRONT_DESK_ROLES)
@recent_sign_in
def end_other_sessions() -> Any:
    """End every session of the user but this one."""
    with write_transaction():
        user = current_user()
        end_all_sessions(user.person_id, except_token_hash=user.token_hash)
        log_account("session_ended", user.person_id)
    return redirect(url_for("account.index"), 303)


def _refused(name: str, message: str) -> FormRefused:
    return FormRefused(message, [FieldError((name,), message)], status=400)


def _weakness_message(why: str) -> str:
    if why == "same":
        return gettext("This is the password you have. Choose another one.")
    if why == "guessable":
        return gettext(
            "Too easy to guess. Use a combination of words that only you would think of."
        )
    return gettext("Use between 10 and 256 characters.")
