"""Signing in and out, the language, and which site to look at."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask_babel import gettext
from itsdangerous import BadSignature, URLSafeSerializer

from server.auth.access import allow, here, public
from server.auth.credentials import account_of, matches, set_password, weakness
from server.auth.rate_limit import ADDRESS, KNOWN, STRANGER, Limit, admit, forgive
from server.auth.sessions import caller, cookie_name, end, end_all, give_cookie, start, workplaces
from server.db.engine import db, writing
from server.i18n.locale import COOKIE, LANGUAGES
from server.models import Account
from sync.protocol.digest import FRONT

bp = Blueprint("sign_in", __name__)

KNOWN_DAYS = 180


@bp.get("/sign-in")
@public
def form() -> Any:
    return redirect(url_for("today.index"), 303) if caller() else _form("")


@bp.post("/sign-in")
@public
def sign_in() -> Any:
    """A right name and password begin a session; everything else looks the same from outside."""
    typed = request.form.get("username", "")[:64].strip().lower()
    username = typed if typed.isprintable() else ""
    limits = _limits(username)
    wait = admit(*limits)
    if wait:
        minutes = int(wait.total_seconds() // 60) + 1
        return _form(gettext("Too many tries. Wait %(n)d min, then try again.", n=minutes)), 429
    account = db.session.scalar(Account.named(username))
    if not matches(account, request.form.get("password", "")) or account is None:
        return _form(gettext("Name or password is not right.")), 401
    sites = workplaces(account.person_id)
    if not sites:
        return _form(gettext("Your work is on the phone; the desk is for others.")), 403
    forgive(*(limit for limit in limits if limit[0] is not ADDRESS))
    return _enter(account.person_id, username, sites[0].site_id)


@bp.post("/sign-out")
@public
def sign_out() -> Any:
    end()
    response = redirect(url_for("home.index"), 303)
    response.delete_cookie(cookie_name(), path="/", secure=request.is_secure, httponly=True)
    return response


@bp.post("/site")
@allow(*FRONT)
def switch() -> Any:
    """Look at another site where the caller works too: a new session, so a new token."""
    wanted = request.form.get("site_id", "")
    if wanted not in [site.site_id for site in workplaces(here().person_id)]:
        abort(404)
    response = redirect(url_for("today.index"), 303)
    token = start(here().person_id, wanted, request.cookies.get(cookie_name()))
    give_cookie(response, cookie_name(), token)
    return response


@bp.post("/language")
@public
def language() -> Any:
    """One click, and back to the same page."""
    wanted = request.form.get("lang", "")
    came_from = urlsplit(request.referrer or "")
    back = came_from.path if came_from.netloc == request.host else "/"
    response = redirect(inside(back), 303)
    if wanted in LANGUAGES:
        give_cookie(response, COOKIE, wanted, KNOWN_DAYS)
    return response


@bp.get("/desk/account")
@allow(*FRONT)
def account() -> str:
    return render_template("desk/account.html", fault="", changed="changed" in request.args)


@bp.post("/desk/account")
@allow(*FRONT)
def change_password() -> Any:
    """A new password ends every other session of its owner."""
    mine, new = account_of(here().person_id), request.form.get("new", "")
    username = mine.username or ""
    wait = admit((KNOWN, f"{username}\n{here().token_hash}"))
    if wait or not matches(mine, request.form.get("password", "")):
        wrong = gettext("The present password is not right.")
        return render_template("desk/account.html", fault=wrong, changed=False), 400
    weak = weakness(username, new)
    if weak:
        return render_template("desk/account.html", fault=_weak(weak), changed=False), 400
    with writing():
        set_password(here().person_id, username, new)
        end_all(here().person_id, but=here().token_hash)
    return redirect(url_for("sign_in.account", changed=1), 303)


def inside(path: str | None) -> str:
    """A path of this server, and never the address of another."""
    plain = path is not None and path.startswith("/") and path.isprintable()
    return path if plain and path and path[1:2] not in ("/", "\\") else "/"


def _limits(username: str) -> list[tuple[Limit, str]]:
    """A browser that this person has signed in from before has its own allowance."""
    browser = _known_as(username)
    asked = (KNOWN, f"{username}\n{browser}") if browser else (STRANGER, username)
    return [asked, (ADDRESS, request.remote_addr or "")]


def _enter(person_id: str, username: str, site_id: str) -> Any:
    response = redirect(inside(request.form.get("next")) or url_for("today.index"), 303)
    token = start(person_id, site_id, request.cookies.get(cookie_name()))
    give_cookie(response, cookie_name(), token)
    known = _signer().dumps([username, _known_as(username) or secrets.token_urlsafe(16)])
    give_cookie(response, cookie_name("lodge-known"), str(known), KNOWN_DAYS)
    return response


def _known_as(username: str) -> str | None:
    try:
        name, browser = _signer().loads(request.cookies.get(cookie_name("lodge-known"), ""))
    except (BadSignature, ValueError, TypeError):
        return None
    return str(browser) if name == username else None


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="known-browser")


def _form(fault: str) -> str:
    back = inside(request.values.get("next", url_for("today.index")))
    return render_template("desk/sign_in.html", fault=fault, back=back)


def _weak(why: str) -> str:
    if why == "guessable":
        return gettext("Too easy to guess. Use words that only you put together.")
    return gettext("Use between 10 and 256 characters.")
