"""Why a form is refused: a sentence, and for each field what is wrong with it and how to mend it.

Everything is said in the reader's language. The messages of marshmallow are English and name
validators, so they are not shown: what a field's own validators refuse is said here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext, ngettext
from marshmallow import ValidationError, fields, validate
from werkzeug.exceptions import HTTPException

from server.i18n.locale import translate
from sync import KINDS
from sync.protocol.op_validation import is_portable_json
from sync.protocol.refusals import REFUSAL_FIELDS, refusal
from sync.protocol.text import Text

ErrorMap = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one input. `names` are the names that it may have in the form, the most
    exact first; none if it is no single input."""

    names: tuple[str, ...]
    message: str


class FormRefused(HTTPException):
    """A form was refused. The page of the form comes back with what was typed, and says why.

    `page` is where the form stands, for a form without a token.
    """

    code = 422

    def __init__(
        self,
        why: Text | str = "",
        errors: Sequence[FieldError] = (),
        *,
        status: int = 422,
        page: str | None = None,
    ) -> None:
        super().__init__()
        self.message = translate(why) if isinstance(why, Text) else why
        self.errors, self.code, self.page = list(errors), status, page


def refused_by_rule(code: str, names: Mapping[str, str], page: str) -> FormRefused:
    """The refusal of a rule, on the inputs that it is about. `names` are inputs that are not named
    like the field of the payload."""
    sentence = translate(refusal(code))
    concerned = REFUSAL_FIELDS.get(code, ())
    errors = [FieldError((names.get(name, name),), sentence) for name in concerned]
    return FormRefused(sentence, errors, page=page)


def check_payload(
    kind: str, payload: dict[str, Any], names: Mapping[str, str] | None = None, page: str = ""
) -> None:
    """Raise FormRefused if a payload is not valid; `names` as in `refused_by_rule`."""
    errors = list(payload_errors(kind, payload))
    if errors:
        also = names or {}
        named = [
            FieldError((*e.names, *(also[name] for name in e.names if name in also)), e.message)
            for e in errors
        ]
        raise FormRefused(_summary(named), named, page=page or None)


def payload_errors(kind: str, payload: dict[str, Any]) -> Iterator[FieldError]:
    """What is wrong with the fields of a payload."""
    schema = KINDS[kind].payload()
    try:
        messages: ErrorMap = schema.validate(payload)
    except (TypeError, OverflowError):  # a validator that met a value it does not expect
        messages = {"_schema": []}
    for name, value in payload.items():
        if name not in messages and not is_portable_json(value):
            yield FieldError((name,), gettext("This has a character that cannot be stored."))
    for name, found in messages.items():
        field = schema.fields.get(name)
        if field is None:
            own = own_messages(found)
            yield FieldError((), own[0] if own else gettext("This cannot be saved like this."))
        else:
            yield from _field_errors(name, field, payload.get(name), found)


def _field_errors(
    name: str, field: fields.Field[Any], value: Any, found: Any
) -> Iterator[FieldError]:
    """What is wrong with a field; with each of its parts if it is an object."""
    parts = found.items() if isinstance(found, dict) and isinstance(value, dict) else ()
    count = 0
    for key, errors in parts:
        inner: Any = None
        if isinstance(field, fields.Nested):
            inner = field.schema.fields.get(key)
        elif isinstance(field, fields.Dict) and isinstance(errors, dict) and "value" in errors:
            inner, errors = field.value_field, errors["value"]
        if inner is not None:
            count += 1
            names = (f"{name}.{key}", str(key), name)
            yield FieldError(names, field_message(inner, value.get(key), errors))
    if not count:
        yield FieldError((name,), field_message(field, value, found))


def field_message(field: fields.Field[Any], value: Any, found: Any) -> str:
    """What is wrong with the value of a field. `found` are the errors of marshmallow about it."""
    if value is None or value == "":
        return gettext("Fill this in.")
    if not is_portable_json(value):
        return gettext("This has a character or a number that cannot be stored.")
    if own := own_messages(found):
        return own[0]
    if inner := _inner_message(field, value, found):
        return inner
    for validator in field.validators:
        try:
            validator(value)
        except (ValidationError, TypeError):
            if text := _validator_message(validator, value):
                return text
    return _type_message(field)


def own_messages(found: Any) -> list[str]:
    """The messages among marshmallow's that our payloads raise: those have a translation."""
    if isinstance(found, Text):
        return [translate(found)]
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return [message for each in inner for message in own_messages(each)]


def _summary(errors: Sequence[FieldError]) -> str:
    if len(errors) == 1 and not errors[0].names:
        return errors[0].message
    count = len(errors)
    return ngettext(
        "Not saved yet: %(num)d field needs another look.",
        "Not saved yet: %(num)d fields need another look.",
        count,
    )


def _inner_message(field: fields.Field[Any], value: Any, found: Any) -> str:
    """The message about one entry of a list, or one value of an object, that is not valid."""
    if not isinstance(found, dict):
        return ""
    for key, errors in found.items():
        if isinstance(field, fields.List) and isinstance(value, list) and isinstance(key, int):
            if key < len(value):
                return field_message(field.inner, value[key], errors)
        elif isinstance(field, fields.Nested) and isinstance(value, dict):
            inner = field.schema.fields.get(key)
            if inner is not None:
                return field_message(inner, value.get(key), errors)
        elif isinstance(field, fields.Nested) and isinstance(value, list) and isinstance(key, int):
            return _inner_message(fields.Nested(field.schema), value[key], errors)
        elif isinstance(field, fields.Dict) and isinstance(errors, dict) and "value" in errors:
            values = field.value_field
            if values is not None and isinstance(value, dict):
                return field_message(values, value.get(key), errors["value"])
    return ""


def _validator_message(validator: Any, value: Any) -> str:
    match validator:
        case validate.Length():
            return _length_message(validator, value)
        case validate.Range(min=None, max=most):
            return gettext("At most %(most)s.", most=most)
        case validate.Range(min=least, max=None):
            return gettext("At least %(least)s.", least=least)
        case validate.Range(min=least, max=most):
            return gettext("From %(least)s to %(most)s.", least=least, most=most)
        case validate.OneOf() | validate.ContainsOnly():
            return gettext("Choose one of the options.")
    return ""


def _length_message(validator: validate.Length, value: Any) -> str:
    if not isinstance(value, Sized):
        return ""  # a number where a list belongs: what is wrong is not its length
    most, least = validator.max or validator.equal, validator.min or validator.equal
    length = len(value)
    if not isinstance(value, str):
        if most is not None and length > most:
            return gettext(
                "At most %(most)s entries; these are %(length)s.", most=most, length=length
            )
        return gettext("Choose or enter at least one.")
    if most is not None and length > most:
        return gettext(
            "At most %(most)s characters; this has %(length)s.", most=most, length=length
        )
    return gettext("At least %(least)s characters.", least=least)


def _type_message(field: fields.Field[Any]) -> str:
    match field:
        case fields.AwareDateTime() | fields.Date():
            return gettext("Enter a date and time, such as 2026-11-24 10:00.")
        case fields.Integer():
            return gettext("Enter a whole number.")
        case fields.UUID() | fields.Boolean():
            return gettext("Choose one of the options.")
    return gettext("Check this for a typing mistake.")
