"""Credentials: the keys with which people sign on phones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, select
from uuid_utils.compat import uuid7

from server.db.engine import db
from server.models.credentials import Credential

MAX_CREDENTIALS = 5
"""Keys that a person has on one phone at a time; the oldest one is revoked for the next."""


def register_credential(
    site_id: str, device_id: str, person_id: str, public_key: str, now: datetime, *, usable: bool
) -> Credential:
    """The credential of a person on a phone with this key, made if there is none. The caller has
    checked their PIN, and commits. `usable` False: it proves nothing until `keep_only`."""
    known = db.session.scalars(
        Credential.of_device(site_id, device_id).where(
            Credential.person_id == person_id, Credential.revoked_at.is_(None)
        )
    ).all()
    credential = next((each for each in known if each.public_key == public_key), None)
    if credential is None:
        credential = Credential(
            id=str(uuid7()),
            site_id=site_id,
            device_id=device_id,
            person_id=person_id,
            public_key=public_key,
            created_at=now,
        )
        db.session.add(credential)
        for old in known[MAX_CREDENTIALS - 1 :]:
            old.revoked_at = now
    credential.used_at = now
    if usable:
        credential.activated_at = credential.activated_at or now
    return credential


def keep_only(person_id: str, site_id: str, kept_id: str, now: datetime) -> str | None:
    """L6. Revoke every key of a person but the one that signed the change of their PIN, which
    proves their ops from now on: whoever knew the PIN until then may have registered the others.
    Returns its id; None if there is no such key, or it was revoked before. The caller commits."""
    kept = db.session.get(Credential, (site_id, kept_id))
    if kept is None or kept.revoked_at is not None:
        revoke_credentials(now, Credential.person_id == person_id)
        return None
    kept.activated_at = kept.activated_at or now
    db.session.flush()
    revoke_credentials(now, Credential.person_id == person_id, Credential.id != kept.id)
    return kept.id


def has_unlocked(site_id: str, device_id: str, person_id: str) -> bool:
    """Whether a person has ever unlocked a phone with a PIN of their own."""
    mine = Credential.of_device(site_id, device_id).where(
        Credential.person_id == person_id, Credential.activated_at.is_not(None)
    )
    return db.session.scalars(mine.limit(1)).first() is not None


def usable_credentials(site_id: str, device_id: str) -> dict[str, str]:
    """The newest credential of each person of a phone that is not revoked, by person id."""
    columns = select(Credential.person_id, Credential.id).where(
        Credential.site_id == site_id,
        Credential.device_id == device_id,
        Credential.revoked_at.is_(None),
    )
    rows = db.session.execute(columns.order_by(Credential.created_at, Credential.id)).all()
    return {row.person_id: row.id for row in rows}


def revoke_credentials(now: datetime, *whose: ColumnElement[bool]) -> int:
    """Revoke the credentials that fit all conditions. The caller commits. Returns how many."""
    done: CursorResult[Any] = db.session.execute(  # type: ignore[assignment]
        Credential.revocation(now, *whose)
    )
    return done.rowcount
