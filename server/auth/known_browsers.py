"""Browsers in which a person has signed in before: a stranger's guesses do not delay them.

A cookie, signed with HMAC-SHA256, names the browser and up to five people who signed in there.
It ends after 90 days and, for a person, with the password they had.
"""

from __future__ import annotations

import hashlib
import secrets
import time

from flask import request
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response

from server.auth.keys import serializer
from server.auth.rate_limit import (
    ACCOUNT,
    ADDRESS,
    KNOWN_BROWSER,
    UNKNOWN_BROWSER,
    RateLimit,
    client_address,
)
from server.auth.sessions import cookie_name, set_cookie
from server.models.access import Account

KNOWN_DAYS = 90
MAX_PEOPLE = 5
COOKIE = "lodge-known"

Visit = tuple[str, str, int]
"""Who signed in, a mark of the password they had, when (Unix time)."""


def sign_in_limits(
    username: str, account: Account | None
) -> tuple[tuple[RateLimit, str], list[tuple[RateLimit, str]]]:
    """The limit of this browser, which a success resets, and those that it shares with others."""
    browser = known_browser(account, time.time()) if account else None
    if browser:
        return (KNOWN_BROWSER, f"{username}\n{browser}"), []
    address = client_address()
    own = (UNKNOWN_BROWSER, f"{username}\n{address}")
    return own, [(ACCOUNT, username), (ADDRESS, address)]


def remember_browser(response: Response, account: Account) -> None:
    """Remember that the person of an account signed in with this browser."""
    browser, visits = _read_cookie()
    others = [visit for visit in visits if visit[0] != account.person_id]
    visit = (account.person_id, _password_mark(account), int(time.time()))
    value = _signer().dumps([browser or secrets.token_urlsafe(16), [visit, *others][:MAX_PEOPLE]])
    set_cookie(response, cookie_name(COOKIE), str(value), KNOWN_DAYS)


def known_browser(account: Account, now: float) -> str | None:
    """The name of this browser if the person of the account signed in with it, less than 90 days
    before `now` and with the password they have now."""
    browser, visits = _read_cookie()
    since, mark = now - KNOWN_DAYS * 86400, _password_mark(account)
    known = any(
        person == account.person_id and secrets.compare_digest(seen, mark) and at > since
        for person, seen, at in visits
    )
    return browser if known else None


def _read_cookie() -> tuple[str | None, list[Visit]]:
    try:
        text = request.cookies.get(cookie_name(COOKIE), "")
        browser, visits = _signer().loads(text)
        return str(browser), [(str(who), str(mark), int(at)) for who, mark, at in visits]
    except (BadSignature, ValueError, TypeError):
        return None, []


def _password_mark(account: Account) -> str:
    """Changes with the password, and says nothing about it."""
    return hashlib.sha256(f"mark\n{account.password_hash}".encode()).hexdigest()[:32]


def _signer() -> URLSafeSerializer:
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return serializer("known-browser", **options)
