"""JSON Schema of marshmallow fields: what apispec leaves out, and patterns in ECMA-262."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import And, Regexp

TRANSLATIONS = {r"\Z": "$", r"\ud800-\udfff": ""}
"""What ECMA-262 writes otherwise, or what other engines do not know: UTF-8 has no surrogates."""

UNKNOWN_TO_ECMA = re.compile(r"\\[AZ]|\(\?(?![:=!]|<[=!])")
"""What has no counterpart: inline flags, Python's named groups, other anchors."""


def ecma_pattern(pattern: str) -> str:
    """A pattern of Python's `re.match` as ECMA-262 (flag `u`); JSON Schema searches, hence the `^`.

    Raises ValueError for what ECMA-262 cannot express.
    """
    pattern = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in pattern)
    for python, ecma in TRANSLATIONS.items():
        pattern = pattern.replace(python, ecma)
    if UNKNOWN_TO_ECMA.search(pattern):
        raise ValueError(f"ECMA-262 has no such pattern: {pattern}")
    return pattern if pattern.startswith("^") else f"^(?:{pattern})"


def add_pattern(_: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
    """Attribute function for apispec: the pattern of a text; several become an `allOf`."""
    patterns = [ecma_pattern(str(each.regex.pattern)) for each in _regexps(field.validators)]
    if len(patterns) > 1:
        return {"allOf": [{"pattern": pattern} for pattern in patterns]}
    return {"pattern": patterns[0]} if patterns else {}


def add_key_rules(converter: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
    """Attribute function for apispec: what the names in an object have to look like."""
    if not isinstance(field, fields.Dict) or field.key_field is None:
        return {}
    names = converter.field2property(field.key_field)
    return {"propertyNames": names} if names.keys() - {"type"} else {}


def schema_name(schema: Any) -> str:
    """Name of a nested schema among the components: its module and class."""
    class_: type[Schema] = schema if isinstance(schema, type) else type(schema)
    return f"{class_.__module__.removeprefix('sync.')}.{class_.__name__}"


def _regexps(validators: Any) -> Iterator[Regexp]:
    for validator in validators:
        if isinstance(validator, Regexp):
            yield validator
        elif isinstance(validator, And):
            yield from _regexps(validator.validators)
