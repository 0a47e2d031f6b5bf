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
from server.desk.post import PEOPLE, as_local, local_time, word
from server.i18n.locale import say
from server.models import Names
from sync.protocol.clock import iso, parse
from sync.protocol.messages import DEPTH, depth
from sync.protocol.op import LABEL_LENGTH

TRUTHS = (("true", "yes"), ("false", "no"))
LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Input:
    """One field of a payload as a person fills it in; `sort` is how."""

    name: str
    label: str
    sort: str
    value: str
    required: bool
    options: list[tuple[str, str]]


def inputs(schema: Schema, payload: Mapping[str, Any], names: Names) -> list[Input]:
    """Every field that the kind knows, with what came in it."""
    return [
        Input(
            name=name,
            label=word(labels.FIELDS, name),
            sort=_sort(name, field),
            value=_shown(field, payload.get(name)),
            required=field.required,
            options=_options(name, field, names),
        )
        for name, field in schema.fields.items()
    ]


def unknown(schema: Schema, payload: Mapping[str, Any]) -> dict[str, Any]:
    """What came that the kind knows nothing of: it is left out when the op is mended."""
    return {name: value for name, value in payload.items() if name not in schema.fields}


def payload_of(schema: Schema, form: Mapping[str, str]) -> dict[str, Any]:
    """What a form says, as a phone would have said it; what is empty is left out."""
    said = {name: form.get(name, "").replace("\r\n", "\n").strip() for name in schema.fields}
    return {name: _read(schema.fields[name], text) for name, text in said.items() if text}


def faults(schema: Schema, payload: dict[str, Any]) -> list[str]:
    """The fields that are still wrong, by their names on the page."""
    wrong = schema.validate(payload)
    return [word(labels.FIELDS, name) for name in wrong if name in schema.fields] or list(wrong)


def _sort(name: str, field: fields.Field[Any]) -> str:
    if isinstance(field, fields.Boolean) or _chosen(field) or _named(name):
        return "choice"
    if isinstance(field, fields.Integer):
        return "number"
    if isinstance(field, fields.AwareDateTime):
        return "moment"
    if isinstance(field, fields.List | fields.Dict | fields.Nested):
        return "json"
    longest = max([each.max or 0 for each in _of(field, Length)], default=0)
    return "text" if longest > LABEL_LENGTH else "line"


def _of(field: fields.Field[Any], sort: type[Validator]) -> list[Any]:
    return [each for each in field.validators if isinstance(each, sort)]


def _chosen(field: fields.Field[Any]) -> list[str]:
    return [str(choice) for each in _of(field, OneOf) for choice in each.choices]


def _named(name: str) -> str | None:
    """Which names of the site a field holds one of."""
    if name in PEOPLE or name.endswith("_by_id"):
        return "people"
    places = {"area": "areas", "area_id": "areas", "unit": "units", "host_unit": "units"}
    return places.get(name)


def _options(name: str, field: fields.Field[Any], names: Names) -> list[tuple[str, str]]:
    if isinstance(field, fields.Boolean):
        return [(value, word(labels.TRUTHS, said)) for value, said in TRUTHS]
    if chosen := _chosen(field):
        return [(value, word(labels.VALUES, value)) for value in chosen]
    known = getattr(names, _named(name) or "", {})
    return sorted(((id_, say(label)) for id_, label in known.items()), key=lambda pair: pair[1])


def _shown(field: fields.Field[Any], raw: Any) -> str:
    if raw is None:
        return ""
    if isinstance(field, fields.Boolean) or not isinstance(raw, str):
        return json.dumps(raw, ensure_ascii=False)
    if isinstance(field, fields.AwareDateTime):
        moment = _moment(raw)
        return as_local(moment) if moment else ""
    return raw


def _moment(raw: str) -> datetime | None:
    try:
        return parse(raw)
    except ValueError:
        return None


def _read(field: fields.Field[Any], text: str) -> Any:
    """What cannot be read stays text: the schema says then that it is wrong."""
    if isinstance(field, fields.AwareDateTime):
        moment = local_time(text)
        return iso(moment) if moment else text
    if isinstance(field, fields.Boolean | fields.Integer | fields.List | fields.Dict):
        try:
            said = json.loads(text[:LONGEST])
        except (ValueError, RecursionError):
            return text
        return said if depth(said) <= DEPTH else text
    return text
