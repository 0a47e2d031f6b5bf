"""JSON encoding: canonical bytes for hashing, compact text for storing."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import orjson

from sync.protocol.clock import format_time


def canonical_json(value: Any) -> bytes:
    """Encode with sorted keys and no white space, in UTF-8 (RFC 8785 for values without floats).

    Equal values give equal bytes in every language, so the bytes can be hashed.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # lone surrogates, or integers of more than 64 bits
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8", "surrogatepass")


def dump_json(value: Any) -> str:
    """Encode without white space, keys in their own order; a datetime becomes `format_time` text.

    Raises TypeError for a value that has no form in JSON.
    """
    try:
        return orjson.dumps(value, _encode_datetime, orjson.OPT_PASSTHROUGH_DATETIME).decode()
    except TypeError:  # lone surrogates, or integers of more than 64 bits: escaped as ASCII
        return json.dumps(value, separators=(",", ":"), default=_encode_datetime)


def load_json(text: str | bytes) -> Any:
    """Decode JSON text. Raises ValueError if it is not JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # lone surrogates, which only the standard library accepts
        return json.loads(text)


def _encode_datetime(value: Any) -> str:
    if isinstance(value, datetime):
        return format_time(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
