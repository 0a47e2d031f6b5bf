"""Proving once more who one is, before something that matters."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, jsonify, redirect, render_template, request

from server.auth.access import allow, before_all_steps, current_user
from server.auth.passkeys import use_passkey
from server.auth.second_factors import has_passkeys, has_second_factor
from server.auth.sessions import PASSKEY, TWO_STEPS
from server.auth.sign_in_steps import current_step, finish_step
from server.desk.posted_forms import say_nothing
from server.desk.signing_in import (
    check_code,
    check_password,
    local_path,
    own_account,
    page_after,
    prove_anew,
)
from sync.protocol.roles import FRONT_DESK_ROLES

bp = Blueprint("confirm", __name__, url_prefix="/desk/account/confirm")


@bp.get("")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
def index() -> str:
    """The form to prove once more who one is."""
    return _render_page("")


@bp.post("")
@allow(*FRONT_DESK_ROLES)
@before_all_steps
def take_proof() -> Any:
    """Take the password, and the code where there is a second step; go on where it was asked."""
    account = own_account()
    has_code = has_second_factor(account)
    fault = check_password(account.username or "", account) or (
        check_code(account) if has_code else None
    )
    if fault:
        return _render_page(fault.message), fault.status
    say_nothing()
    response = redirect(page_after(), 303)
    prove_anew(response, TWO_STEPS if has_code else current_user().factors, others_end=False)
    return response


@bp.post("/passkey")
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
    prove_anew(response, PASSKEY, others_end=False)
    return response


def _render_page(fault: str) -> str:
    account = own_account()
    return render_template(
        "desk/account/confirm.html",
        fault=fault,
        back=page_after(),
        needs_code=has_second_factor(account),
        passkeys=has_passkeys(account.person_id),
    )
