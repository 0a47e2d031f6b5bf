"""Phones: enrolment, identification by token, revocation."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import CursorResult, bindparam, func, literal_column, or_, select, update
from uuid_utils.compat import uuid7

from server.auth.credentials import new_token, token_digest
from server.auth.device_names import device_name, free_device_name
from server.auth.device_people import set_people
from server.auth.rate_limit import (
    ENROLMENT_CODE,
    client_address,
    count_attempt,
    reset_attempts,
)
from server.db.engine import db, write_transaction
from server.db.statements import fetch_first_direct
from server.models.access import Device, EnrolmentCode
from server.models.credentials import Credential
from server.models.feed import ServerState, SiteHead

CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 8
"""40 bits in Crockford's base 32, which has no letters that look like digits."""

CODE_LIFETIME = timedelta(minutes=10)
CONTACT_LIMIT = timedelta(days=90)
"""A phone that was silent for longer has to be set up again; what is unsent on it stays."""
ENVIRON_KEY = "lodge.device"


class TooManyTries(Exception):
    """An address has tried too many codes; `seconds` is how long it has to wait."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("too many codes tried")
        self.seconds = int(wait.total_seconds()) + 1


def issue_code(site_id: str, by: str | None, people: Iterable[str] | None = None) -> str:
    """A code that enrols one phone at a site, once, within ten minutes.

    `by` is a person's id. `people` are those whom the phone will belong to; None: everybody who
    works at the site.
    """
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    now = datetime.now(UTC)
    with write_transaction():
        db.session.add(
            EnrolmentCode(
                code_hash=token_digest(code),
                site_id=site_id,
                issued_by=by,
                issued_at=now,
                expires_at=now + CODE_LIFETIME,
                people=None if people is None else sorted(people),
            )
        )
    return f"{code[:4]}-{code[4:]}"


def enrol_device(code: str, label: str, lineage: str, model: str = "") -> tuple[Device, str] | None:
    """Enrol a phone; returns it with its token, or None if the code is wrong, used or expired.
    A phone without a `label` gets a name by itself, from its `model` if it knows it.

    Raises TooManyTries.
    """
    wait = count_attempt((ENROLMENT_CODE, client_address()))
    if wait:
        raise TooManyTries(wait)
    token, now = new_token(), datetime.now(UTC)
    with write_transaction():
        enrolment = _consume_code(token_digest(normalize_code(code)), now)
        if enrolment is None:
            return None
        device = Device(
            id=str(uuid7()),
            site_id=enrolment.site_id,
            label=device_name(enrolment.site_id, label, model),
            enrolled_by=enrolment.issued_by,
            enrolled_at=now,
            token_hash=token_digest(token),
            lineage=lineage,
        )
        db.session.add(device)
        db.session.flush()
        set_people(device.site_id, device.id, enrolment.people)
    # only wrong codes count, so that a whole shift may enrol from one address
    reset_attempts((ENROLMENT_CODE, client_address()))
    return device, token


def normalize_code(code: str) -> str:
    """A code as people type it: in any case, with any separators, O for 0, I and L for 1."""
    characters = "".join(char for char in code.upper() if char.isalnum())
    return characters.translate(str.maketrans("OIL", "011"))


class DeviceIdentity(NamedTuple):
    """The phone that sent a request, and the position of its site's feed at that moment."""

    id: str
    site_id: str
    is_revoked: bool
    head: int
    floor: int
    names_seq: int
    epoch: str
    people_key: str

    @property
    def feed_position(self) -> tuple[Any, ...]:
        """Everything that a page of the feed depends on, besides the cursor."""
        return self.epoch, self.head, self.floor, self.names_seq, self.people_key


_epoch_query = select(ServerState.value).where(ServerState.key == literal_column("'epoch'"))
_identity_query = select(
    Device.id,
    Device.site_id,
    or_(Device.revoked_at.is_not(None), Device.lost_at.is_not(None)),
    *(SiteHead.head, SiteHead.floor, SiteHead.names_seq, _epoch_query.scalar_subquery()),
    Device.people_key,
    func.coalesce(Device.seen_at, Device.enrolled_at),
).join(SiteHead, SiteHead.site_id == Device.site_id)
_token_queries = [
    _identity_query.where(column == bindparam("token"))
    for column in (Device.token_hash, Device.next_token_hash)
]


def bearer_token(environ: dict[str, Any]) -> str:
    """The token that a request carries; empty if it has none."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def identify_device(environ: dict[str, Any]) -> DeviceIdentity | None:
    """The phone that sent a request, by its bearer token, or None. Looked up once a request."""
    if ENVIRON_KEY not in environ:
        token = bearer_token(environ)
        environ[ENVIRON_KEY] = device_for_token(token) if token else None
    identity: DeviceIdentity | None = environ[ENVIRON_KEY]
    return identity


def device_for_token(token: str) -> DeviceIdentity | None:
    """The phone with this token, or None: the only query of a poll when nothing has changed, but
    for the first after the token was renewed.

    A revoked phone is found too: its ops are still accepted, to be reviewed at the desk.
    """
    digest = token_digest(token)
    for query in _token_queries:
        row = fetch_first_direct(query, token=digest)
        if row:
            *values, heard_at = row
            if _is_forgotten(heard_at):
                return None
            return DeviceIdentity._make(values)._replace(is_revoked=bool(row[2]))
    return None


def _is_forgotten(heard_at: Any) -> bool:
    """Whether a phone was silent for too long; the time is as the driver gives it."""
    heard = datetime.fromisoformat(str(heard_at)).replace(tzinfo=UTC)
    return datetime.now(UTC) - heard > CONTACT_LIMIT


def revoke_device(
    site_id: str,
    device_id: str,
    *,
    lost: bool,
    because: str | None = None,
    now: datetime | None = None,
) -> bool:
    """Revoke a phone, or declare it lost: at its next contact it deletes its records and says
    `because`, and the keys of its people prove nothing any more. False if that was done before."""
    column, now = Device.lost_at if lost else Device.revoked_at, now or datetime.now(UTC)
    with write_transaction():
        device = update(Device).where(
            Device.site_id == site_id, Device.id == device_id, column.is_(None)
        )
        revoked: CursorResult[Any] = db.session.execute(  # type: ignore[assignment]
            device.values({column: now, **({Device.ended_because: because} if because else {})})
        )
        of_phone = Credential.site_id == site_id, Credential.device_id == device_id
        db.session.execute(Credential.revocation(now, *of_phone))
    return revoked.rowcount == 1


def rename_device(site_id: str, device_id: str, name: str) -> None:
    """Give a phone of a site another name, with a number if another phone has it."""
    device = update(Device).where(Device.site_id == site_id, Device.id == device_id)
    with write_transaction():
        label = free_device_name(site_id, name, device_id)
        db.session.execute(device.values(label=label))


def record_wipe_notice(device_id: str) -> None:
    """W3. Record when a revoked phone was first answered that it has to delete its records."""
    device = update(Device).where(Device.id == device_id, Device.told_at.is_(None))
    with write_transaction():
        db.session.execute(device.values(told_at=datetime.now(UTC)))


def _consume_code(code_hash: str, now: datetime) -> EnrolmentCode | None:
    """The enrolment of a valid code, marked as used; the row is locked against a second use."""
    enrolment = db.session.scalar(
        select(EnrolmentCode).where(EnrolmentCode.code_hash == code_hash).with_for_update()
    )
    if enrolment is None or enrolment.used_at or enrolment.expires_at <= now:
        return None
    enrolment.used_at = now
    return enrolment
