"""For managers: who is signed in where, first passwords, lost second steps, and whether they are
asked for."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy.exc import IntegrityError

from server.auth.access import allow, current_user, get_or_404, recent_sign_in
from server.auth.account_access import may_reset
from server.auth.credentials import FIRST_PASSWORD_DAYS, get_or_create_account, set_password
from server.auth.second_factors import people_with_second_factor, remove_second_factors
from server.auth.sessions import end_all_sessions, sessions_of
from server.db.engine import db, write_transaction
from server.desk.field_errors import FieldError, FormRefused
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.posted_forms import show_once
from server.desk.sign_in_list import SIGN_INS
from server.desk.signing_in import log_account
from server.desk.submit import submit_and_redirect
from server.models.access import Account
from server.models.people import Person
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.text import _l

bp = Blueprint("sign_ins", __name__, url_prefix="/desk/sign-ins")
NAVIGATION = [
    NavEntry(
        "sign_ins.index",
        _l("Sign-ins"),
        "people",
        100,
        about=_l("Who may sign in to the desk, and from where they are signed in."),
    )
]

register_list(bp, SIGN_INS)

MAX_USERNAME_LENGTH = 64


@bp.get("/<id>")
@allow(*MASTER_DATA_ROLES)
def show(id: str) -> str:
    """Where somebody is signed in, and what managers may do about their access."""
    return _render(get_or_404(Person, id))


@bp.post("/<id>/end")
@allow(*MASTER_DATA_ROLES)
@recent_sign_in
def end_sessions(id: str) -> Any:
    """End every session of a person at once."""
    person = get_or_404(Person, id)
    if person.id != current_user().person_id:
        _resettable_or_403(id)
    with write_transaction():
        end_all_sessions(person.id)
        log_account("session_ended", person.id)
    return redirect(url_for("sign_ins.show", id=person.id), 303)


@bp.post("/<id>/first-password")
@allow(*MASTER_DATA_ROLES)
@recent_sign_in
def new_first_password(id: str) -> str:
    """A new first password, shown once. It works once, within seven days; the sessions end."""
    person = _resettable_or_403(id)
    account, password = get_or_create_account(person.id), secrets.token_urlsafe(12)
    username = account.username or _typed_username()
    try:
        with write_transaction():
            set_password(person.id, username, password, first=True)
            end_all_sessions(person.id)
            log_account("password", person.id, "first_password")
    except IntegrityError:
        raise _username_refused(gettext("This user name is taken.")) from None
    show_once()
    return _render(person, username=username.lower(), password=password)


@bp.post("/<id>/second-step")
@allow(*MASTER_DATA_ROLES)
@recent_sign_in
def remove_second_step(id: str) -> Any:
    """Remove passkeys, app and recovery codes of a person who lost them; the sessions end."""
    person = _resettable_or_403(id)
    with write_transaction():
        remove_second_factors(get_or_create_account(person.id))
        end_all_sessions(person.id)
        log_account("second_factor", person.id, "removed")
    return redirect(url_for("sign_ins.show", id=person.id), 303)


@bp.post("/two-step")
@allow(*MASTER_DATA_ROLES)
@recent_sign_in
def set_two_step() -> Any:
    """Whether managers and administrators of the site have to sign in with two steps."""
    payload = {"two_step": request.form.get("two_step") == "true"}
    back = url_for("sign_ins.index")
    return submit_and_redirect("site.retain", current_user().site_id, payload, back)


def _render(person: Person, **new: Any) -> str:
    user = current_user()
    account = db.session.get(Account, person.id)
    return render_template(
        "desk/sign_ins/show.html",
        person=person,
        account=account,
        sessions=[each for each in sessions_of(person.id) if each.site_id == user.site_id],
        may_reset=may_reset(user, person.id),
        has_factor=bool(account and people_with_second_factor([account]) & {person.id}),
        days=FIRST_PASSWORD_DAYS,
        new=new,
    )


def _resettable_or_403(id_: str) -> Person:
    person = get_or_404(Person, id_)
    return person if may_reset(current_user(), person.id) else abort(403)


def _typed_username() -> str:
    username = " ".join(request.form.get("username", "").split())
    if not username or len(username) > MAX_USERNAME_LENGTH or not username.isprintable():
        raise _username_refused(gettext("Write a user name of up to 64 characters."))
    return username


def _username_refused(message: str) -> FormRefused:
    return FormRefused(message, [FieldError(("username",), message)])
