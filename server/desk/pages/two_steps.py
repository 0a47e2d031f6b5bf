"""The second step of signing in: a person's passkeys, authenticator app and recovery codes."""

from __future__ import annotations

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

from server.auth.access import allow, before_all_steps, current_user, recent_sign_in
from server.auth.credentials import get_or_create_account
from server.auth.passkeys import add_passkey, registration_options, remove_passkey
from server.auth.second_factors import (
    has_second_factor,
    new_recovery_codes,
    new_totp_secret,
    recovery_codes_left,
    set_totp,
    totp_address,
)
from server.auth.sessions import PASSKEY, PASSWORD, TWO_STEPS
from server.auth.sign_in_steps import begin_step, current_step, finish_step, set_step_cookie
from server.db.engine import db, write_transaction
from server.desk.posted_forms import show_once
from server.desk.signing_in import log_account, own_account, page_after, prove_anew, qr_image
from server.models.access import Account, Passkey
from sync.protocol.roles import FRONT_DESK_ROLES

bp = Blueprint("two_steps", __name__, url_prefix="/desk/account/two-steps")


@bp.get("")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
@recent_sign_in
def index() -> Any:
    """Passkeys, authenticator app and recovery codes. Whoever has them already, and signed in
    without, proves it instead."""
    user, account = current_user(), own_account()
    if user.factors == PASSWORD and has_second_factor(account):
        return redirect(url_for("confirm.index", next=_page_to_go_on()), 303)
    return _render_page()


@bp.post("/app")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
@recent_sign_in
def add_app() -> Any:
    """Store an authenticator app, once it shows the right code. The other sessions end."""
    secret, person_id = request.form.get("app_secret", ""), current_user().person_id
    _refuse_unproven(own_account())
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
        # with the same secret: it is in the app already
        return _render_page(secret if is_base32 else None, is_wrong=True), 400
    return _show_recovery_codes(codes, TWO_STEPS)


@bp.post("/app/remove")
@allow(*FRONT_DESK_ROLES)
@recent_sign_in
def remove_app() -> Any:
    person_id = current_user().person_id
    _refuse_unproven(own_account())
    with write_transaction():
        account = get_or_create_account(person_id)
        account.totp_secret = account.totp_step = None
        log_account("second_factor", person_id, "app_removed")
    return redirect(url_for("two_steps.index"), 303)


@bp.post("/recovery")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
@recent_sign_in
def renew_recovery_codes() -> Any:
    """Make new recovery codes; they are shown once."""
    account, person_id = own_account(), current_user().person_id
    _refuse_unproven(account)
    if not has_second_factor(account):
        abort(404)
    with write_transaction():
        codes = new_recovery_codes(person_id)
        log_account("second_factor", person_id, "recovery_codes")
    return _show_recovery_codes(codes, current_user().factors)


@bp.post("/passkeys/options")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
@recent_sign_in
def passkey_options() -> Any:
    """What the browser needs to make a passkey."""
    account = own_account()
    _refuse_unproven(account)
    challenge, options = registration_options(account, current_user().name)
    response = jsonify(options)
    set_step_cookie(response, begin_step(account.person_id, challenge=challenge))
    return response


@bp.post("/passkeys")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
@recent_sign_in
def store_passkey() -> Any:
    """Store the passkey that the browser made for the challenge. The other sessions end."""
    step, user = current_step(), current_user()
    _refuse_unproven(own_account())
    challenge = step.challenge if step and step.person_id == user.person_id else None
    if challenge is None or not finish_step():
        abort(400)
    with write_transaction():
        if not add_passkey(user.person_id, challenge, request.get_json(silent=True)):
            abort(400)
        log_account("second_factor", user.person_id, "passkey_added")
    response = jsonify(location=url_for("two_steps.index"))
    prove_anew(response, PASSKEY)
    return response


@bp.post("/passkeys/<id>/remove")
@allow(*FRONT_DESK_ROLES)
@recent_sign_in
def drop_passkey(id: str) -> Any:
    person_id = current_user().person_id
    _refuse_unproven(own_account())
    with write_transaction():
        if remove_passkey(person_id, id):
            log_account("second_factor", person_id, "passkey_removed")
    return redirect(url_for("two_steps.index"), 303)


def _refuse_unproven(account: Account) -> None:
    """Who signed in with the password alone although there is a second step proves it first: to
    add or remove one would be a way around it."""
    if current_user().factors == PASSWORD and has_second_factor(account):
        abort(redirect(url_for("confirm.index", next=url_for("two_steps.index")), 303))


def _page_to_go_on() -> str:
    return page_after() if request.args.get("next") else url_for("two_steps.index")


def _show_recovery_codes(codes: list[str], factors: str) -> Any:
    show_once()
    response = make_response(render_template("desk/account/recovery_codes.html", codes=codes))
    prove_anew(response, factors)
    return response


def _render_page(secret: str | None = None, *, is_wrong: bool = False) -> str:
    account, secret = own_account(), secret or new_totp_secret()
    return render_template(
        "desk/account/two_steps.html",
        account=account,
        secret=secret,
        is_wrong=is_wrong,
        qr=qr_image(totp_address(secret, account.username or current_user().name)),
        passkeys=db.session.scalars(Passkey.of_person(account.person_id)).all(),
        codes_left=recovery_codes_left(account.person_id),
        has_factor=has_second_factor(account),
    )
