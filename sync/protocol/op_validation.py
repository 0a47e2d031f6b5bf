"""The checks of a raw op before it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.validate import Length, Range, Regexp

from sync.protocol.message_fields import MAX_DEPTH, MAX_SAFE_INTEGER, CountField, TimeField
from sync.protocol.op import Id
from sync.protocol.signatures import MAX_SIGNATURE_LENGTH


class OpSchema(Schema):
    """One op as phones send it."""

    class Meta:
        unknown = RAISE

    id = Id(required=True)
    n = fields.Integer(required=True, strict=True, validate=Range(min=1, max=MAX_SAFE_INTEGER))
    prev = fields.String(required=True, allow_none=True, validate=Length(max=64))
    hash = fields.String(required=True, validate=Regexp(r"^[0-9a-f]{64}\Z"))
    kind = fields.String(required=True, validate=Regexp(r"^[a-z_]{1,20}\.[a-z_]{1,20}\Z"))
    v = fields.Integer(required=True, strict=True, validate=Range(min=1, max=10_000))
    subject = Id(required=True)
    base = CountField(required=True, allow_none=True)
    after = Id(required=True, allow_none=True)
    by = Id(required=True)
    at = TimeField(required=True)
    mono = fields.Integer(strict=True, allow_none=True, validate=Range(min=0, max=10**12))
    boot = fields.String(allow_none=True, validate=Length(max=64))
    payload = fields.Dict(required=True, keys=fields.String())
    sig = fields.String(allow_none=True, validate=Length(max=MAX_SIGNATURE_LENGTH))


_op_schema = OpSchema()


def op_error(raw: Mapping[str, Any], computed_hash: str) -> str | None:
    """B1: why an op cannot be judged ("hash-mismatch" or "malformed"), or None if it can.

    `computed_hash` is the hash of the op as received. It is checked first, because an op that was
    damaged on the way is often malformed too.
    """
    if computed_hash != raw.get("hash", computed_hash):
        return "hash-mismatch"
    valid = _is_valid(raw) and is_portable_json(raw["payload"])
    return None if valid else "malformed"


def _is_valid(raw: Mapping[str, Any]) -> bool:
    try:
        _op_schema.load(raw)
    except (ValidationError, ValueError, TypeError):
        return False
    return True


def is_portable_json(value: Any) -> bool:
    """Whether a value has the same JSON text in every language: no floats, no integers beyond
    `MAX_SAFE_INTEGER`, no NUL, no lone surrogates."""
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return all(
            is_portable_json(name) and is_portable_json(inner) for name, inner in value.items()
        )
    if isinstance(value, list):
        return all(map(is_portable_json, value))
    if isinstance(value, int):
        return abs(value) <= MAX_SAFE_INTEGER
    return not isinstance(value, float)


def json_depth(value: Any) -> int:
    """How many levels lists and objects are nested, up to `MAX_DEPTH` + 1. Iterative, so that deep
    input cannot exhaust the stack."""
    deepest, stack = 0, [(value, 1)]
    while stack and deepest <= MAX_DEPTH:
        inner, level = stack.pop()
        if isinstance(inner, dict | list):
            deepest = max(deepest, level)
            parts = inner.values() if isinstance(inner, dict) else inner
            stack.extend((part, level + 1) for part in parts)
    return deepest
