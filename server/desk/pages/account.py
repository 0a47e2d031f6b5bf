"""A person's own account: password, second step, sessions; and proving once more who they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import (
    Blueprint,
    abort,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext

from server.auth.access import allow, before_all_steps, current_user, recent_sign_in
from server.auth.credentials import get_or_create_account, set_password
from server.auth.known_browsers import remember_browser
from server.auth.passkeys import add_passkey, registration_options, remove_passkey, use_passkey
from server.auth.password_rules import context_names, password_weakness
from server.auth.second_factors import (
    has_passkeys,
    has_second_factor,
    new_recovery_codes,
    new_totp_secret,
    recovery_codes_left,
    set_totp,
    totp_address,
)
from server.auth.sessions import (
    PASSKEY,
    PASSWORD,
    TWO_STEPS,
    cookie_name,
    end_all_sessions,
    end_session_by_id,
    renew_session,
    sessions_of,
    set_cookie,
)
from server.auth.sign_in_steps import begin_step, current_step, finish_step, set_step_cookie
from server.db.engine import db, write_transaction
from server.desk.field_errors import FieldError, FormRefused
from server.desk.posted_forms import say_nothing
from server.desk.signing_in import (
    check_code,
    check_password,
    local_path,
    log_account,
    page_after,
    qr_image,
)
from server.models.access import Account, Passkey
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
    account, new = _own_account(), request.form.get("new", "")
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


@bp.get("/two-steps")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
@recent_sign_in
def two_steps() -> Any:
    """Passkeys, authenticator app and recovery codes. Whoever has them already, and signed in
    without, proves it instead."""
    user, account = current_user(), _own_account()
    if user.must_add_step and has_second_factor(account):
        return redirect(url_for("account.confirm", next=page_after()), 303)
    return _render_two_steps()


@bp.post("/two-steps/app")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
@recent_sign_in
def add_app() -> Any:
    """Store an authenticator app, once it shows the right code. The other sessions end."""
    secret, person_id = request.form.get("app_secret", ""), current_user().person_id
    _refuse_unproven(_own_account())
    is_base32 = len(secret) == 32 and secret.isascii() and secret.isalnum()
    with write_transaction():
        account = get_or_create_account(person_id)
        is_set = is_base32 and set_totp(
            account, secret.upper(), request.form.get("one_time_code", "")[:20]
        )
        codes = new_recovery_codes(person_id) if is_set else []
        if is_set:
            log_account("second_factor", person_id, "app_added")
    if not is_set:
        raise _refused(
            "one_time_code", gettext("This is not the code that the app shows now. Try again.")
        )
    return _show_recovery_codes(codes, TWO_STEPS)


@bp.post("/two-steps/app/remove")
@allow(*FRONT_DESK_ROLES)
@recent_sign_in
def remove_app() -> Any:
    person_id = current_user().person_id
    _refuse_unproven(_own_account())
    with write_transaction():
        account = get_or_create_account(person_id)
        account.totp_secret = account.totp_step = None
        log_account("second_factor", person_id, "app_removed")
    return redirect(url_for("account.two_steps"), 303)


@bp.post("/two-steps/recovery")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
@recent_sign_in
def renew_recovery_codes() -> Any:
    """Make new recovery codes; they are shown once."""
    account, person_id = _own_account(), current_user().person_id
    _refuse_unproven(account)
    if not has_second_factor(account):
        abort(404)
    with write_transaction():
        codes = new_recovery_codes(person_id)
        log_account("second_factor", person_id, "recovery_codes")
    return _show_recovery_codes(codes, current_user().factors)


@bp.post("/two-steps/passkeys/options")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
@recent_sign_in
def passkey_options() -> Any:
    """What the browser needs to make a passkey."""
    account = _own_account()
    _refuse_unproven(account)
    challenge, options = registration_options(account, current_user().name)
    response = jsonify(options)
    set_step_cookie(response, begin_step(account.person_id, challenge=challenge))
    return response


@bp.post("/two-steps/passkeys")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
@recent_sign_in
def store_passkey() -> Any:
    """Store the passkey that the browser made for the challenge. The other sessions end."""
    step, user = current_step(), current_user()
    _refuse_unproven(_own_account())
    challenge = step.challenge if step and step.person_id == user.person_id else None
    if challenge is None or not finish_step():
        abort(400)
    with write_transaction():
        if not add_passkey(user.person_id, challenge, request.get_json(silent=True)):
            abort(400)
        log_account("second_factor", user.person_id, "passkey_added")
    response = jsonify(location=url_for("account.two_steps"))
    _prove_anew(response, PASSKEY)
    return response


@bp.post("/two-steps/passkeys/<id>/remove")
@allow(*FRONT_DESK_ROLES)
@recent_sign_in
def drop_passkey(id: str) -> Any:
    person_id = current_user().person_id
    _refuse_unproven(_own_account())
    with write_transaction():
        if remove_passkey(person_id, id):
            log_account("second_factor", person_id, "passkey_removed")
    return redirect(url_for("account.two_steps"), 303)


@bp.get("/confirm")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
def confirm() -> str:
    """The form to prove once more who one is."""
    return _render_confirm("")


@bp.post("/confirm")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
def take_proof() -> Any:
    """Take the password, and the code where there is a second step; go on where it was asked."""
    account = _own_account()
    has_code = has_second_factor(account)
    fault = check_password(account.username or "", account) or (
        check_code(account) if has_code else None
    )
    if fault:
        return _render_confirm(fault.message), fault.status
    say_nothing()
    response = redirect(page_after(), 303)
    _prove_anew(response, TWO_STEPS if has_code else current_user().factors, others_end=False)
    return response


@bp.post("/confirm/passkey")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
def take_passkey() -> Any:
    """Take one of the user's own passkeys as proof."""
    step = current_step()
    challenge, page = (step.challenge, step.page) if step else (None, "")
    if challenge is None or not finish_step():
        abort(400)
    if use_passkey(challenge, request.get_json(silent=True)) != current_user().person_id:
        abort(400)
    response = jsonify(location=local_path(page))
    _prove_anew(response, PASSKEY, others_end=False)
    return response


def _own_account() -> Account:
    """The account of the user; for somebody who has none yet, one that is not stored."""
    person_id = current_user().person_id
    return db.session.get(Account, person_id) or Account(person_id=person_id)


def _refuse_unproven(account: Account) -> None:
    """403 for who signed in with the password alone although there is a second step: to add or
    remove one would be a way around it."""
    if current_user().factors == PASSWORD and has_second_factor(account):
        abort(403)


def _prove_anew(response: Any, factors: str, *, others_end: bool = True) -> None:
    """Renew the session after a proof; the other sessions end if a factor is new."""
    user = current_user()
    if others_end:
        with write_transaction():
            end_all_sessions(user.person_id, except_token_hash=user.token_hash)
    token = renew_session(factors=factors, proven_at=datetime.now(UTC))
    set_cookie(response, cookie_name(), token)


def _show_recovery_codes(codes: list[str], factors: str) -> Any:
    response = make_response(render_template("desk/account/recovery_codes.html", codes=codes))
    _prove_anew(response, factors)
    return response


def _render_two_steps() -> str:
    account, secret = _own_account(), new_totp_secret()
    return render_template(
        "desk/account/two_steps.html",
        account=account,
        secret=secret,
        qr=qr_image(totp_address(secret, account.username or current_user().name)),
        passkeys=db.session.scalars(Passkey.of_person(account.person_id)).all(),
        codes_left=recovery_codes_left(account.person_id),
        has_factor=has_second_factor(account),
    )


def _render_confirm(fault: str) -> str:
    account = _own_account()
    return render_template(
        "desk/account/confirm.html",
        fault=fault,
        back=page_after(),
        needs_code=has_second_factor(account),
        passkeys=has_passkeys(account.person_id),
    )


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
