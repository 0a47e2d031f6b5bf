"""Scrubbing: a row of the log of which only what is nobody's stays. It can still be judged."""

from __future__ import annotations

import json
from typing import Any

from sync import RECORD_TYPES
from sync.protocol.json_codec import dump_json
from sync.protocol.photos import SHA256_PATTERN
from sync.protocol.redaction import redact

PURGED_FLAG = "purged"
"""The flag of an op whose text is no longer what was sent; its hash stays as the receipt."""

EMPTY_BODY = '{"payload":{}}'
"""What is left of an op that nobody could put in force."""


def redact_op(row: Any, type_: str) -> dict[str, Any]:
    """V12: payload and text of an op without personal data, in the shape that its kind has."""
    blanks, raw = RECORD_TYPES[type_].redacted_values, json.loads(row["body"])
    if not isinstance(row["payload"], dict) or row["subject"] is None:
        return redact_unapplied(row)
    clean = redact(row["payload"], blanks)
    text = dump_json({**raw, "payload": clean})
    flags = list(dict.fromkeys([*row["flags"], PURGED_FLAG]))
    return {"payload": clean, "body": text, "flags": flags}


def redact_unapplied(row: Any) -> dict[str, Any]:
    """V12: of an op that was never put in force, nothing of what it said."""
    return {
        "payload": {},
        "body": EMPTY_BODY,
        "flags": list(dict.fromkeys([*row["flags"], PURGED_FLAG])),
    }


def photos_in_payload(payload: Any) -> list[str]:
    """The photos that an op names, before it is scrubbed."""
    said = payload if isinstance(payload, dict) else {}
    listed = said.get("photos")
    names = [*(listed if isinstance(listed, list) else ()), said.get("sha256")]
    return [name for name in names if isinstance(name, str) and SHA256_PATTERN.match(name)]
