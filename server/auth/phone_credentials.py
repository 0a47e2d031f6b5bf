"""Credentials: the keys with which people sign on phones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, select, update
from uuid_utils.compat import uuid7

from server.db.engine import db
from server.models.credentials import Credential

MAX_CREDENTIALS = 5
"""Keys that a person has on one phone at a time; the oldest one is revoked for the next."""


def register_credential(
    site_id: str, device_id: str, person_id: str, public_key: str, now: datetime, *, usable: bool
) -> Credential:
    """The credential of a person on a phone with this key, made if there is none. The caller has
    checked their PIN, and commits. `usable` False: it proves nothing until `activate`."""
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


def activate_credentials(site_id: str, device_id: str, person_id: str, now: datetime) -> None:
    """Make what a person registered on this phone with a one-time PIN prove their ops, now that
    they have changed it; and revoke what was registered with it elsewhere. The caller commits."""
    pending = (
        Credential.site_id == site_id,
        Credential.person_id == person_id,
        Credential.activated_at.is_(None),
        Credential.revoked_at.is_(None),
    )
    here = update(Credential).where(*pending, Credential.device_id == device_id)
    db.session.execute(here.values(activated_at=now))
    revoke_credentials(now, *pending)


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
