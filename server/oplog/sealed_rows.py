"""Digests of rows that no op changes: accounts, phones, and the keys of people on phones.

Whoever changes such a row writes its new digest into the security log, whose entries are chained.
`lodge verify` then finds a row that was changed by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Table, select

from server.db.engine import db
from server.models.access import Account, Device
from server.models.credentials import Credential
from server.models.feed import SiteHead
from server.models.people import Person
from server.models.security_log import AccessEntry
from sync.protocol.json_codec import canonical_json


class SealedTable(NamedTuple):
    """A table whose rows are sealed: the columns of its key, and those that the digest covers."""

    table: Table
    key: tuple[str, ...]
    columns: tuple[str, ...]


SEALED_TABLES = {
    "account": SealedTable(
        Account.metadata.tables["account"],
        ("person_id",),
        (
            *("username", "password_hash", "first_until", "totp_secret"),
            *("pin_check", "pin_hash", "pin_expires_at"),
        ),
    ),
    "device": SealedTable(
        Device.metadata.tables["device"],
        ("id",),
        (
            *("site_id", "label", "enrolled_by", "enrolled_at", "revoked_at", "lost_at"),
            *("ended_because", "token_hash", "next_token_hash"),
        ),
    ),
    "credential": SealedTable(
        Credential.metadata.tables["credential"],
        ("site_id", "id"),
        ("device_id", "person_id", "public_key", "created_at"),
    ),
}


def seal(name: str, *key: str) -> dict[str, Any] | None:
    """The seal of one row as it is now, within the caller's transaction; None if there is none."""
    sealed = SEALED_TABLES[name]
    db.session.flush()
    conditions = [
        sealed.table.c[column] == value for column, value in zip(sealed.key, key, strict=True)
    ]
    row = db.session.execute(select(sealed.table).where(*conditions)).mappings().one_or_none()
    return _seal_of(name, dict(row), sealed.columns) if row else None


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
        for row in map(dict, db.session.execute(select(sealed.table)).mappings()):
            present = _seal_of(name, row, sealed.columns)
            if present["row"] not in known:
                yield present


def row_faults() -> Iterator[str]:
    """A22. Rows that are not as the security log has them: changed, added or deleted by hand."""
    known = _newest_seals()
    for name, sealed in SEALED_TABLES.items():
        for row in map(dict, db.session.execute(select(sealed.table)).mappings()):
            present = _seal_of(name, row, sealed.columns)
            logged = known.pop(present["row"], None)
            if logged is None:
                yield f"{present['row']}: no entry of the security log explains this row"
            elif not _is_as_logged(row, logged):
                yield f"{present['row']}: it was changed, and no entry of the security log says so"
    for missing in sorted(known):
        yield f"{missing}: the security log knows this row, but it is gone"


def _is_as_logged(row: Mapping[str, Any], logged: Mapping[str, Any]) -> bool:
    """Whether a row is as its seal says, in the columns that there were when it was made."""
    columns = logged["columns"]
    if not all(column in row for column in columns):
        return False
    return bool(row_digest(row, columns) == logged["digest"])


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
