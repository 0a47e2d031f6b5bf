"""Phones: how one is enrolled, recognised, and cut off."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from flask import request
from sqlalchemy import CursorResult, bindparam, literal_column, or_, select, update
from uuid_utils.compat import uuid7

from server.auth.credentials import digest, new_token
from server.auth.rate_limit import CODE, admit, forgive
from server.db.engine import db, writing
from server.db.prepared import Read
from server.models import ServerState, SiteFeed
from server.models.access import Device, Enrolment
from sync.protocol.op import NAME_LENGTH

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
"""Crockford's base 32, 40 bits: nothing that reads like something else."""

CODE_LIFETIME = timedelta(minutes=10)
SPEAKS = "lodge.contact"


class TooManyTries(Exception):
    """Codes are being guessed; says how many seconds to wait."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("too many codes tried")
        self.seconds = int(wait.total_seconds()) + 1


def issue_code(site_id: str, by: str | None) -> str:
    """A code that enrols one phone at a site: one use, ten minutes."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    now = datetime.now(UTC)
    with writing():
        db.session.add(
            Enrolment(
                code_hash=digest(code),
                site_id=site_id,
                issued_by=by,
                issued_at=now,
                expires_at=now + CODE_LIFETIME,
            )
        )
    return f"{code[:4]}-{code[4:]}"


def redeem(code: str, label: str, lineage: str) -> tuple[Device, str] | None:
    """Enrol a phone and give it its token; None when the code is wrong, used or too old."""
    wait = admit((CODE, request.remote_addr or ""))
    if wait:
        raise TooManyTries(wait)
    token, now = new_token(), datetime.now(UTC)
    with writing():
        enrolment = _use(digest(plain(code)), now)
        if enrolment is None:
            return None
        device = Device(
            id=str(uuid7()),
            site_id=enrolment.site_id,
            label=label.strip()[:NAME_LENGTH],
            enrolled_by=enrolment.issued_by,
            enrolled_at=now,
            token_hash=digest(token),
            lineage=lineage,
        )
        db.session.add(device)
    forgive((CODE, request.remote_addr or ""))  # only wrong codes count: a whole shift may enrol
    return device, token


def plain(code: str) -> str:
    """A code as typed by a person: any case, any gaps, O for 0, I and L for 1."""
    typed = "".join(sign for sign in code.upper() if sign.isalnum())
    return typed.translate(str.maketrans("OIL", "011"))


class Contact(NamedTuple):
    """A phone that speaks to us, and how its site stands at that moment."""

    id: str
    site_id: str
    cut_off: bool
    head: int
    floor: int
    names_seq: int
    epoch: str

    @property
    def standing(self) -> tuple[Any, ...]:
        """How the site stands: all that a page of its feed depends on, beside the cursor."""
        return self.epoch, self.head, self.floor, self.names_seq


_epoch = select(ServerState.value).where(ServerState.key == literal_column("'epoch'"))
_contact = Read(
    select(
        Device.id,
        Device.site_id,
        or_(Device.revoked_at.is_not(None), Device.lost_at.is_not(None)),
        *(SiteFeed.head, SiteFeed.floor, SiteFeed.names_seq, _epoch.scalar_subquery()),
    )
    .join(SiteFeed, SiteFeed.site_id == Device.site_id)
    .where(Device.token_hash == bindparam("token"))
)


def contact(environ: dict[str, Any]) -> Contact | None:
    """The phone that speaks in a request, by its bearer token; looked up once."""
    if SPEAKS not in environ:
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        known = contact_of(token.strip()) if scheme.lower() == "bearer" and token else None
        environ[SPEAKS] = known
    phone: Contact | None = environ[SPEAKS]
    return phone


def contact_of(token: str) -> Contact | None:
    """The phone that holds a token, by the one look that a poll costs when nothing has changed.

    One that was cut off is still known: its work is kept.
    """
    row = _contact.first(token=digest(token))
    return Contact._make(row)._replace(cut_off=bool(row[2])) if row else None


def cut_off(site_id: str, device_id: str, *, lost: bool) -> bool:
    """Revoke a phone, or declare it lost: at its next contact it wipes what it knows."""
    name = "lost_at" if lost else "revoked_at"
    now = datetime.now(UTC)
    with writing():
        mine = (Device.site_id == site_id) & (Device.id == device_id)
        changed: CursorResult[Any] = db.session.execute(  # type: ignore[assignment]
            update(Device).where(mine, getattr(Device, name).is_(None)).values({name: now})
        )
    return changed.rowcount == 1


def told_to_clear(device_id: str) -> None:
    """W3: note the first reply that tells a phone to clear its records, and no other contact."""
    first = (Device.id == device_id) & Device.told_at.is_(None)
    with writing():
        db.session.execute(update(Device).where(first).values(told_at=datetime.now(UTC)))


def _use(code_hash: str, now: datetime) -> Enrolment | None:
    """One use: of two phones that come at once, the second finds the code used."""
    enrolment = db.session.scalar(
        select(Enrolment).where(Enrolment.code_hash == code_hash).with_for_update()
    )
    if enrolment is None or enrolment.used_at or enrolment.expires_at <= now:
        return None
    enrolment.used_at = now
    return enrolment
