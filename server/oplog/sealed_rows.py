"""Digests of rows that no op changes: accounts with their passkeys and recovery codes, phones, and
the keys of people on phones.

Whoever changes such a row writes its new digest into the security log, whose entries are chained.
`lodge verify` then finds a row that was changed by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, or_, select

from server.db.engine import db
from server.models.access import Account, Device, Passkey, RecoveryCode
from server.models.credentials import Credential
from server.models.feed import SiteHead
from server.models.people import Person
from server.models.security_log import AccessEntry
from sync.protocol.json_codec import canonical_json


class SealedTable(NamedTuple):
    """A table whose rows are sealed: the columns of its key, and those that the digest covers, some
    of which are `gathered` from other tables."""

    table: Table
    key: tuple[str, ...]
    columns: tuple[str, ...]
    gathered: Callable[[Mapping[str, Any]], dict[str, Any]] = lambda row: {}


def _second_steps(account: Mapping[str, Any]) -> dict[str, Any]:
    """What a person can sign in with instead of a code of the app."""
    person_id = account["person_id"]
    passkeys = db.session.execute(
        select(Passkey.credential_id, Passkey.public_key).where(Passkey.person_id == person_id)
    )
    codes = select(RecoveryCode.code_hash).where(RecoveryCode.person_id == person_id)
    return {
        "passkeys": sorted(map(list, passkeys)),
        "recovery_codes": sorted(db.session.scalars(codes)),
    }


SEALED_TABLES = {
    "account": SealedTable(
        Account.metadata.tables["account"],
        ("person_id",),
        (
            *("username", "password_hash", "first_until", "totp_secret"),
            *("pin_check", "pin_hash", "pin_expires_at", "passkeys", "recovery_codes"),
        ),
        _second_steps,
    ),
    "device": SealedTable(
        Device.metadata.tables["device"],
        ("id",),
        (
            *("site_id", "label", "enrolled_by", "enrolled_at", "revoked_at", "lost_at"),
            *("ended_because", "token_hash", "next_token_hash", "people_key"),
        ),
    ),
    "credential": SealedTable(
        Credential.metadata.tables["credential"],
        ("site_id", "id"),
        ("device_id", "person_id", "public_key", "created_at", "activated_at", "revoked_at"),
    ),
}


def seal(name: str, *key: str) -> dict[str, Any] | None:
    """The seal of one row as it is now, within the caller's transaction; None if there is none."""
    sealed = SEALED_TABLES[name]
    db.session.flush()
    conditions = [
        sealed.table.c[column] == value for column, value in zip(sealed.key, key, strict=True)
    ]
    row = next(_rows(sealed, *conditions), None)
    return _seal_of(name, row, sealed.columns) if row else None


def seals_of_keys(site_id: str, at: datetime, *whose: ColumnElement[bool]) -> list[dict[str, Any]]:
    """The seals of the keys of a site, among those that fit one of the conditions, that were
    registered, activated or revoked at this moment."""
    db.session.flush()
    sealed = SEALED_TABLES["credential"]
    changed = or_(
        Credential.created_at == at, Credential.activated_at == at, Credential.revoked_at == at
    )
    rows = _rows(sealed, Credential.site_id == site_id, changed, or_(*whose))
    return [_seal_of("credential", row, sealed.columns) for row in rows]


def _rows(sealed: SealedTable, *conditions: ColumnElement[bool]) -> Iterator[dict[str, Any]]:
    """The rows of a table that fit all conditions, with what is gathered from other tables."""
    rows = db.session.execute(select(sealed.table).where(*conditions)).mappings().all()
    return (row | sealed.gathered(row) for row in map(dict, rows))


def _seal_of(name: str, row: Mapping[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    key = "/".join(str(row[column]) for column in SEALED_TABLES[name].key)
    return {"row": f"{name}/{key}", "columns": list(columns), "digest": row_digest(row, columns)}


def row_digest(row: Mapping[str, Any], columns: tuple[str, ...] | list[str]) -> str:
    """The SHA-256, in hex, of these columns of a row."""
    values = [_json_value(row[column]) for column in columns]
    return hashlib.sha256(canonical_json(values)).hexdigest()


def _json_value(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def unsealed_rows() -> Iterator[dict[str, Any]]:
    """The present seal of every row of this server that no entry of the log has a seal of."""
    known = _newest_seals()
    for name, sealed in SEALED_TABLES.items():
        for row in _rows(sealed):
            present = _seal_of(name, row, sealed.columns)
            if present["row"] not in known:
                yield present


def row_faults() -> Iterator[str]:
    """A22. Rows that are not as the security log has them: changed, added or deleted by hand."""
    known, left_at = _newest_seals(), _leaving_times()
    for name, sealed in SEALED_TABLES.items():
        for row in _rows(sealed):
            present = _seal_of(name, row, sealed.columns)
            logged = known.pop(present["row"], None)
            if logged is None:
                yield f"{present['row']}: no entry of the security log explains this row"
            elif not _is_as_logged(row, logged) and not (
                name == "credential" and _is_explained_by_leaving(row, logged, left_at)
            ):
                yield f"{present['row']}: it was changed, and no entry of the security log says so"
    for missing in sorted(known):
        yield f"{missing}: the security log knows this row, but it is gone"


def _is_as_logged(row: Mapping[str, Any], logged: Mapping[str, Any]) -> bool:
    """Whether a row is as its seal says, in the columns that there were when it was made."""
    columns = logged["columns"]
    if not all(column in row for column in columns):
        return False
    return bool(row_digest(row, columns) == logged["digest"])


def _is_explained_by_leaving(
    row: Mapping[str, Any], logged: Mapping[str, Any], left_at: Mapping[tuple[str, str], datetime]
) -> bool:
    """Whether the op with which a person left explains that their key was revoked."""
    left = left_at.get((row["site_id"], row["person_id"]))
    is_revoked_then = left is not None and row["revoked_at"] == left
    return is_revoked_then and _is_as_logged({**row, "revoked_at": None}, logged)


def _leaving_times() -> dict[tuple[str, str], datetime]:
    """When each person who left a site did so."""
    left = select(Person.site_id, Person.id, Person.active_to).where(Person.active_to.is_not(None))
    return {(row.site_id, row.id): row.active_to for row in db.session.execute(left)}


def _newest_seals() -> dict[str, dict[str, Any]]:
    """The newest seal of each row, of all sites."""
    entries = select(AccessEntry.seals).order_by(AccessEntry.at, AccessEntry.id)
    seals: dict[str, dict[str, Any]] = {}
    for of_entry in db.session.scalars(entries):
        seals.update((seal_["row"], seal_) for seal_ in of_entry)
    return seals


def sites_of_person(person_id: str) -> list[str]:
    """The sites where a person works or worked; every site for somebody who is at none."""
    sites = list(db.session.scalars(select(Person.site_id).where(Person.id == person_id)))
    return sites or list(db.session.scalars(select(SiteHead.site_id)))
