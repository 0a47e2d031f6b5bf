"""Scrubbing: a row of the log of which only what is nobody's stays. It can still be judged."""

from __future__ import annotations

import json
from typing import Any

from sync import TYPES
from sync.protocol.hash_chain import compact
from sync.protocol.photos import NAMED
from sync.protocol.redaction import blanked

PURGED = "purged"
"""The flag of an op whose text is no longer what was sent; its hash stays as the receipt."""

EMPTY = '{"payload":{}}'
"""What is left of an op that nobody could put in force."""


def scrubbed(row: Any, type_: str) -> dict[str, Any]:
    """V12: payload and text of an op without personal data, in the shape that its kind has."""
    blanks, raw = TYPES[type_].blanks, json.loads(row["body"])
    if not isinstance(row["payload"], dict) or row["subject"] is None:
        return aside(row)
    clean = blanked(row["payload"], blanks)
    text = compact({**raw, "payload": clean})
    flags = list(dict.fromkeys([*row["flags"], PURGED]))
    return {"payload": clean, "body": text, "flags": flags}


def aside(row: Any) -> dict[str, Any]:
    """V12: of an op that was never put in force, nothing of what it said."""
    return {"payload": {}, "body": EMPTY, "flags": list(dict.fromkeys([*row["flags"], PURGED]))}


def named_in(payload: Any) -> list[str]:
    """The photos that an op names, before it is scrubbed."""
    said = payload if isinstance(payload, dict) else {}
    listed = said.get("photos")
    names = [*(listed if isinstance(listed, list) else ()), said.get("sha256")]
    return [name for name in names if isinstance(name, str) and NAMED.match(name)]
