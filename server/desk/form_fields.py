"""One input of a form, drawn from a field of a payload schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range, Validator

from server.auth.sessions import current_user
from server.desk.labels import field_label, value_label
from server.i18n.local_time import format_local_time
from server.i18n.locale import localize
from server.oplog.directory import directory_of
from sync import KINDS
from sync.protocol.clock import parse_time
from sync.protocol.op import MAX_LABEL_LENGTH, Id

Options = Sequence[tuple[str, str]]
"""The values to choose from, each with its label."""


HOME_FIELDS = ("unit", "host_unit", "unit_id")
"""Fields with the id of a home: its number is typed, since a choice of thousands helps nobody."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One input of a form.

    `input_type` is "line", "text", "number", "moment", "checkbox", "choice", "home", "lines" (a
    list of texts, one a line) or "json"; `options` are those of a choice. `max_length`, `minimum`
    and `maximum` are None where there is no limit.
    """

    name: str
    label: str
    input_type: str
    value: str
    required: bool
    options: Options
    max_length: int | None
    minimum: int | None
    maximum: int | None


def form_field(
    kind: str,
    name: str,
    field: fields.Field[Any],
    value: Any,
    options: Options | None = None,
    label: str | None = None,
) -> FormField:
    """The input of a field of `kind`; `options` and `label` replace what schema and feature say."""
    if options is None and (values := _choices(field)):
        options = [(each, value_label(KINDS[kind].type, name, each, kind)) for each in values]
    if is_home(name, field):
        label_of_home = directory_of(current_user().site_id).unit_label(value)
        value, options = localize(label_of_home) or value, None
    limits = next(iter(_validators_of_type(field, Range)), None)
    longest = max([each.max or 0 for each in _validators_of_type(field, Length)], default=0)
    return FormField(
        name=name,
        label=label or field_label(KINDS[kind].type, name, kind),
        input_type="choice" if options is not None else _input_type(name, field, longest, value),
        value=_field_value(field, value),
        required=field.required,
        options=options or (),
        max_length=longest or None,
        minimum=limits and limits.min,
        maximum=limits and limits.max,
    )


def is_home(name: str, field: fields.Field[Any]) -> bool:
    """Whether a field has the id of a home."""
    return name in HOME_FIELDS and isinstance(field, Id)


def _input_type(name: str, field: fields.Field[Any], longest: int, value: Any) -> str:
    if is_home(name, field):
        return "home"
    if isinstance(field, fields.Boolean):
        return "checkbox"
    if isinstance(field, fields.Integer):
        return "number" if value is None or isinstance(value, int) else "line"
    if isinstance(field, fields.AwareDateTime):
        return "moment"
    if is_list_of_texts(field) and (value is None or _are_texts(value)):
        return "lines"
    if isinstance(field, fields.List | fields.Dict | fields.Nested):
        return "json"
    return "text" if longest > MAX_LABEL_LENGTH else "line"


def is_list_of_texts(field: fields.Field[Any]) -> bool:
    """Whether a field holds a list of texts, such as ids or names."""
    return isinstance(field, fields.List) and isinstance(field.inner, fields.String)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)


def _validators_of_type(field: fields.Field[Any], validator: type[Validator]) -> list[Any]:
    return [each for each in field.validators if isinstance(each, validator)]


def _choices(field: fields.Field[Any]) -> list[str]:
    return [str(choice) for each in _validators_of_type(field, OneOf) for choice in each.choices]


def _field_value(field: fields.Field[Any], raw: Any) -> str:
    """A value as its input holds it."""
    if raw is None:
        return ""
    if isinstance(raw, datetime):
        return format_local_time(raw, "seconds" if raw.second else "minutes")
    if is_list_of_texts(field) and _are_texts(raw):
        return "\n".join(raw)
    if isinstance(field, fields.Boolean) or not isinstance(raw, str):
        return json.dumps(raw, ensure_ascii=False)
    if isinstance(field, fields.AwareDateTime):
        try:
            return _field_value(field, parse_time(raw))
        except ValueError:
            return ""
    return raw
