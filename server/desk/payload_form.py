"""Mending: a payload as a form, field by field from its schema, and the form as a payload again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf, Validator

from server.desk import labels
from server.desk.formatting import PERSON_FIELDS
from server.i18n.local_time import format_local_time, parse_local_time
from server.i18n.locale import localize
from server.models.directory import Directory
from sync import KINDS
from sync.protocol.clock import format_time, parse_time
from sync.protocol.messages import MAX_DEPTH, json_depth
from sync.protocol.op import MAX_LABEL_LENGTH

BOOLEAN_OPTIONS = (("true", "yes"), ("false", "no"))
MAX_JSON_LENGTH = 4000


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a payload as a person fills it in; `sort` is how."""

    name: str
    label: str
    input_type: str
    value: str
    required: bool
    options: list[tuple[str, str]]


def form_fields(
    kind: str, schema: Schema, payload: Mapping[str, Any], names: Directory
) -> list[FormField]:
    """Every field that the kind knows, with what came in it."""
    return [
        FormField(
            name=name,
            label=_label(kind, name),
            input_type=_input_type(name, field),
            value=_field_value(field, payload.get(name)),
            required=field.required,
            options=_options(kind, name, field, names),
        )
        for name, field in schema.fields.items()
    ]


def unknown_fields(schema: Schema, payload: Mapping[str, Any]) -> dict[str, Any]:
    """What came that the kind knows nothing of: it is left out when the op is mended."""
    return {name: value for name, value in payload.items() if name not in schema.fields}


def parse_payload(schema: Schema, form: Mapping[str, str]) -> dict[str, Any]:
    """What a form says, as a phone would have said it; what is empty is left out."""
    said = {name: form.get(name, "").replace("\r\n", "\n").strip() for name in schema.fields}
    return {name: _parse_field(schema.fields[name], text) for name, text in said.items() if text}


def invalid_fields(kind: str, schema: Schema, payload: dict[str, Any]) -> list[str]:
    """The fields that are still wrong, by their names on the page."""
    wrong = schema.validate(payload)
    return [_label(kind, name) for name in wrong if name in schema.fields] or list(wrong)


def _label(kind: str, name: str) -> str:
    return labels.field_label(KINDS[kind].type, name, kind)


def _input_type(name: str, field: fields.Field[Any]) -> str:
    if isinstance(field, fields.Boolean) or _choices(field) or _directory_key(name):
        return "choice"
    if isinstance(field, fields.Integer):
        return "number"
    if isinstance(field, fields.AwareDateTime):
        return "moment"
    if isinstance(field, fields.List | fields.Dict | fields.Nested):
        return "json"
    longest = max([each.max or 0 for each in _validators_of_type(field, Length)], default=0)
    return "text" if longest > MAX_LABEL_LENGTH else "line"


def _validators_of_type(field: fields.Field[Any], sort: type[Validator]) -> list[Any]:
    return [each for each in field.validators if isinstance(each, sort)]


def _choices(field: fields.Field[Any]) -> list[str]:
    return [str(choice) for each in _validators_of_type(field, OneOf) for choice in each.choices]


def _directory_key(name: str) -> str | None:
    """Which names of the site a field holds one of."""
    if name in PERSON_FIELDS or name.endswith("_by_id"):
        return "people"
    places = {"area": "areas", "area_id": "areas", "unit": "units", "host_unit": "units"}
    return places.get(name)


def _options(
    kind: str, name: str, field: fields.Field[Any], names: Directory
) -> list[tuple[str, str]]:
    if isinstance(field, fields.Boolean):
        return [(value, labels.value_label(None, name, said)) for value, said in BOOLEAN_OPTIONS]
    if chosen := _choices(field):
        return [(value, labels.value_label(KINDS[kind].type, name, value)) for value in chosen]
    known = getattr(names, _directory_key(name) or "", {})
    return sorted(
        ((id_, localize(label)) for id_, label in known.items()), key=lambda pair: pair[1]
    )


def _field_value(field: fields.Field[Any], raw: Any) -> str:
    if raw is None:
        return ""
    if isinstance(field, fields.Boolean) or not isinstance(raw, str):
        return json.dumps(raw, ensure_ascii=False)
    if isinstance(field, fields.AwareDateTime):
        moment = _parse_moment(raw)
        return format_local_time(moment, "seconds") if moment else ""
    return raw


def _parse_moment(raw: str) -> datetime | None:
    try:
        return parse_time(raw)
    except ValueError:
        return None


def _parse_field(field: fields.Field[Any], text: str) -> Any:
    """What cannot be read stays text: the schema says then that it is wrong."""
    if isinstance(field, fields.AwareDateTime):
        moment = parse_local_time(text)
        return format_time(moment) if moment else text
    if isinstance(field, fields.Boolean | fields.Integer | fields.List | fields.Dict):
        try:
            said = json.loads(text[:MAX_JSON_LENGTH])
        except (ValueError, RecursionError):
            return text
        return said if json_depth(said) <= MAX_DEPTH else text
    return text
