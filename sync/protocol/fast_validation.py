"""A quick yes: whether a message is plainly what its schema takes, told without the schema.

A schema builds its answer field by field and is ready to convert; of a hundred ops that phones send
a hundred need nothing of that. What is not plainly right is left to the schema, which alone knows
what is wrong with it. The tests are the schema's own, so there is no second truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

from sync.protocol.op import Id, is_canonical_uuid

PYTHON_TYPES: dict[type[fields.Field[Any]], type] = {
    fields.String: str,
    fields.Integer: int,
    fields.Dict: dict,
    Id: str,
}


def fast_validator(schema: Schema) -> Callable[[Mapping[str, Any]], bool]:
    """For a schema without hooks, nested fields and defaults: whether it takes a message as is.

    No is no answer: ask the schema then.
    """
    required = {name for name, field in schema.fields.items() if field.required}
    parts = {
        name: (PYTHON_TYPES[type(f)], f.allow_none, _validators(f))
        for name, f in schema.fields.items()
    }

    def is_plain(said: Mapping[str, Any]) -> bool:
        if not required <= said.keys() <= parts.keys():
            return False
        return all(_is_valid_value(value, *parts[name]) for name, value in said.items())

    return is_plain


def _validators(field: fields.Field[Any]) -> list[Callable[[Any], object]]:
    return (
        [_require_canonical_uuid, *field.validators] if isinstance(field, Id) else field.validators
    )


def _require_canonical_uuid(value: str) -> None:
    if not is_canonical_uuid(value):
        raise ValidationError("no id, or one that has to be written anew")


def _is_valid_value(
    value: Any, type_: type, empty: bool, tests: list[Callable[[Any], object]]
) -> bool:
    if value is None:
        return empty
    if type(value) is not type_:
        return False
    try:
        for test in tests:
            test(value)
    except ValidationError:
        return False
    return True
