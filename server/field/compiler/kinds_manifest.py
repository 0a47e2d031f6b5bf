"""The kinds of op for phones: their fields, and what to show until the verdict comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from sync.protocol.op import Kind


def describe(kinds: Mapping[str, Kind]) -> dict[str, dict[str, Any]]:
    """Every kind that phones may send, as `kinds.d.ts` types it."""
    return {
        name: {
            "v": kind.payload_version,
            "type": kind.type,
            "fact": kind.fact,
            "creates": kind.creates,
            "numbered": kind.numbered,
            "fields": _fields(kind.payload()),
            "optimistic_patch": kind.optimistic_patch,
            "overlay_payload": kind.overlay_payload,
        }
        for name, kind in sorted(kinds.items())
        if kind.from_phones
    }


def _fields(schema: Schema) -> dict[str, str]:
    return {name: _type(field) for name, field in sorted(schema.fields.items())}


def _type(field: fields.Field[Any]) -> str:
    match field:
        case fields.Boolean():
            return "boolean"
        case fields.Integer():
            return "integer"
        case fields.AwareDateTime():
            return "time"
        case fields.List() | fields.Tuple():
            return "list"
        case fields.Nested() | fields.Mapping():
            return "object"
    return "string"
