"""Redaction: a logged op without personal data, in a shape that can still be judged."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, TypedDict

from server.oplog.op_row import OpRow
from sync import RECORD_TYPES
from sync.protocol.json_codec import dump_json
from sync.protocol.photos import SHA256_PATTERN
from sync.protocol.redaction import redact, values_for_kind

PURGED_FLAG = "purged"
"""The flag of an op whose text is no longer what was sent; its hash stays as the receipt."""

EMPTY_BODY = '{"payload":{}}'
"""What is left of the text of an op that was never applied."""


KEEP_ADDRESSES = timedelta(days=180)
"""A29. For so long the security log keeps network addresses: the law asks for six months
(Cybersecurity Law 21)."""


class RedactedColumns(TypedDict):
    """New values of the columns of an op that a redaction changes."""

    payload: dict[str, Any]
    body: str
    flags: list[str]


def redact_op(row: OpRow, type_: str, numbers: dict[str, str] | None = None) -> RedactedColumns:
    """V12. An op about a record of this type without personal data, in the shape of its kind.

    `numbers`: see `redact`.
    """
    if not isinstance(row["payload"], dict) or row["subject"] is None:
        return redact_unapplied(row)
    replaced = {"address": None} if type_ == "access" else RECORD_TYPES[type_].redacted_values
    values = values_for_kind(row["kind"], replaced)
    payload = redact(row["payload"], values, numbers)
    body = dump_json({**json.loads(row["body"]), "payload": payload})
    return {"payload": payload, "body": body, "flags": _flags_with_purged(row)}


def redact_unapplied(row: OpRow) -> RedactedColumns:
    """V12. An op that was never applied: nothing of its content is left."""
    return {"payload": {}, "body": EMPTY_BODY, "flags": _flags_with_purged(row)}


def is_redacted(type_: str, record: Any, now: datetime) -> bool:
    """V12, A29. Whether the ops of a stored record may be without their personal data."""
    if type_ == "access":
        return record.address is None and bool(record.at < now - KEEP_ADDRESSES)
    return bool(getattr(record, "purged_at", None))


def may_be_emptied(kind: str) -> bool:
    """V12. Whether ops of this kind may hold personal data: those about a type that does, and those
    that this version does not know."""
    type_ = kind.partition(".")[0]
    return type_ not in RECORD_TYPES or RECORD_TYPES[type_].personal is not None


def _flags_with_purged(row: OpRow) -> list[str]:
    return list(dict.fromkeys([*row["flags"], PURGED_FLAG]))


def photos_in_payload(payload: Any) -> list[str]:
    """The SHA-256 of each photo that a payload names in `photos` or `sha256`."""
    if not isinstance(payload, dict):
        return []
    photos = payload.get("photos")
    names = [*(photos if isinstance(photos, list) else ()), payload.get("sha256")]
    return [name for name in names if isinstance(name, str) and SHA256_PATTERN.match(name)]
