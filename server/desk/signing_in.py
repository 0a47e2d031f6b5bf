"""What the pages have in common on which people sign in, or prove once more who they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import segno
from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from server.auth.credentials import password_matches, use_first_password
from server.auth.known_browsers import remember_browser, sign_in_limits
from server.auth.rate_limit import count_attempt, reset_attempts, uncount_attempt
from server.auth.second_factors import recovery_codes_left, use_code
from server.auth.sessions import (
    PASSKEY,
    PASSWORD,
    TWO_STEPS,
    cookie_name,
    current_user,
    desk_sites,
    end_all_sessions,
    renew_session,
    set_cookie,
    start_session,
)
from server.db.engine import db, write_transaction
from server.desk.kept_forms import newest_unsaved_page
from server.models.access import Account
from server.oplog.security_log import log_access

FACTOR_ACTIONS = {PASSWORD: "with_password", TWO_STEPS: "with_code", PASSKEY: "with_passkey"}
"""How somebody signed in, as the security log says it."""


class Fault(NamedTuple):
    """Why a proof is not taken: a sentence, and the status of the answer."""

    message: str
    status: int


def qr_image(text: str) -> str:
    """A QR code as a data URI."""
    return str(segno.make(text, error="m").svg_data_uri(scale=5, border=3, light="#fff"))


def local_path(path: str | None) -> str:
    """The path if it is one of this server, else "/": never an address of another server."""
    plain = path is not None and path.startswith("/") and path.isprintable()
    return path if plain and path and path[1:2] not in ("/", "\\") else "/"


def page_after() -> str:
    """The page that somebody wanted to see before they had to sign in."""
    return local_path(request.values.get("next") or url_for("board.index"))


def check_password(username: str, account: Account | None) -> Fault | None:
    """Why the password of this request is not taken; None if it is right.

    An unknown name and a wrong password get the same sentence. Raises HasherOverloaded.
    """
    own, shared = sign_in_limits(username, account)
    wait = count_attempt(own, *shared)
    if wait:
        return _too_many(wait)
    if not password_matches(account, request.form.get("password", "")):
        _log_failure(account)
        return Fault(gettext("User name or password is wrong."), 401)
    reset_attempts(own)
    if shared:
        uncount_attempt(*shared)
    return None


def check_code(account: Account) -> Fault | None:
    """Why the code of this request is not taken; None if it is right."""
    own, shared = sign_in_limits(f"{account.username} second step", account)
    wait = count_attempt(own, *shared)
    if wait:
        return _too_many(wait)
    if not _use_code(account, request.form.get("one_time_code", "")[:100]):
        _log_failure(account, action="with_code")
        message = gettext(
            "This code is wrong, or was used before. Type the next one of the app, or another "
            "recovery code."
        )
        return Fault(message, 401)
    reset_attempts(own)
    if shared:
        uncount_attempt(*shared)
    return None


def _use_code(account: Account, code: str) -> bool:
    """Use up a code of the app or a recovery code; that of the latter is in the security log."""
    who = account.person_id
    with write_transaction():
        left = recovery_codes_left(who)
        is_right = use_code(account, code)
        if is_right and recovery_codes_left(who) < left:
            details = {"action": "recovery_code_used"}
            log_access("second_factor", site_id=None, by=who, about=who, details=details)
    return is_right


def is_used_up(account: Account) -> bool:
    """Whether the password is a first one that was used, or that nobody used for too long."""
    return account.first_until is not None and account.first_until <= datetime.now(UTC)


def used_up() -> Fault:
    message = gettext("This first password has been used or is too old. Ask for a new one.")
    return Fault(message, 401)


def open_desk(account: Account, factors: str, page: str | None) -> Response | None:
    """Start a session, and lead to the page that was asked for or to a form that was not saved.
    None if the first password was used up in between, or the person may not use the desk."""
    sites = [site.site_id for site in desk_sites(account.person_id)]
    is_first = account.first_until is not None and factors != PASSKEY
    if not sites:
        return None
    unsaved = newest_unsaved_page(account.person_id)
    site_id, page = unsaved if unsaved and unsaved[0] in sites else (sites[0], page)
    response, who = redirect(local_path(page), 303), account.person_id
    with write_transaction():
        if is_first and not use_first_password(account, datetime.now(UTC)):
            return None
        token = start_session(who, site_id, factors, must_change=is_first)
        details = {"action": FACTOR_ACTIONS[factors]}
        log_access("sign_in", site_id=site_id, by=who, about=who, details=details)
    set_cookie(response, cookie_name(), token)
    remember_browser(response, account)
    return response


def own_account() -> Account:
    """The account of the user; for somebody who has none yet, one that is not stored."""
    person_id = current_user().person_id
    return db.session.get(Account, person_id) or Account(person_id=person_id)


def prove_anew(response: Any, factors: str, *, others_end: bool = True) -> None:
    """Renew the session after a proof; the other sessions end if a factor is new."""
    user = current_user()
    if others_end:
        with write_transaction():
            end_all_sessions(user.person_id, except_token_hash=user.token_hash)
    token = renew_session(factors=factors, proven_at=datetime.now(UTC))
    set_cookie(response, cookie_name(), token)


def log_account(
    event: str, person_id: str, action: str | None = None, keys_at: datetime | None = None
) -> None:
    """Write into the security log, at each site of a person, what the current user changed in the
    person's account. Within the transaction of the change."""
    details = {"action": action} if action else None
    who = {"by": current_user().person_id, "about": person_id}
    log_access(event, site_id=None, keys_at=keys_at, details=details, **who)


def _log_failure(account: Account | None, action: str | None = None) -> None:
    """What was typed is not kept: it may be a password in the wrong field."""
    about = account.person_id if account else None
    details = {"action": action} if action else None
    log_access("sign_in_failed", site_id=None, by=None, about=about, details=details)


def _too_many(wait: timedelta) -> Fault:
    minutes = int(wait.total_seconds() // 60) + 1
    return Fault(gettext("Too many attempts. Try again in %(n)d min.", n=minutes), 429)
