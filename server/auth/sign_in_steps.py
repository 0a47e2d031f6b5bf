"""Steps of signing in that wait for the same browser: a second step, a passkey's answer.

A step lasts five minutes, takes five tries, and belongs to the browser that has its cookie.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import request
from sqlalchemy import CursorResult, delete, update
from werkzeug.wrappers import Response

from server.auth.credentials import new_token, token_digest
from server.auth.sessions import cookie_name, set_cookie
from server.db.engine import db, write_transaction
from server.models.access import SignInStep

STEP_LIFETIME = timedelta(minutes=5)
MAX_TRIES = 5


def begin_step(person_id: str | None, page: str = "", challenge: str | None = None) -> str:
    """Begin a step; returns the token for the browser's cookie. One that it had before ends."""
    token, now = new_token(), datetime.now(UTC)
    with write_transaction():
        db.session.execute(_own())
        db.session.add(
            SignInStep(
                token_hash=token_digest(token),
                person_id=person_id,
                challenge=challenge,
                page=page[:2000],
                tries=0,
                expires_at=now + STEP_LIFETIME,
            )
        )
    return token


def set_step_cookie(response: Response, token: str) -> None:
    set_cookie(response, _cookie(), token)


def current_step() -> SignInStep | None:
    """The step that this browser has begun; None if there is none, or its time is over."""
    step = db.session.get(SignInStep, token_digest(request.cookies.get(_cookie(), "")))
    return step if step and step.expires_at > datetime.now(UTC) else None


def count_try(step: SignInStep) -> bool:
    """Count a try; False if the step takes no more."""
    counted = update(SignInStep).where(
        SignInStep.token_hash == step.token_hash, SignInStep.tries < MAX_TRIES
    )
    with write_transaction():
        done: CursorResult[Any] = db.session.execute(counted.values(tries=SignInStep.tries + 1))  # type: ignore[assignment]
    return done.rowcount == 1


def finish_step() -> bool:
    """End the step of this browser; False if another request has just ended it."""
    with write_transaction():
        ended: CursorResult[Any] = db.session.execute(_own())  # type: ignore[assignment]
    return ended.rowcount == 1


def _own() -> Any:
    token = request.cookies.get(_cookie(), "")
    return delete(SignInStep).where(SignInStep.token_hash == token_digest(token))


def _cookie() -> str:
    return cookie_name("lodge-step")
