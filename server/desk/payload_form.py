"""Forms drawn from the payload schema of a kind of op, and payloads read from such forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext
from marshmallow import fields

from server.auth.sessions import current_user
from server.desk.field_errors import FieldError, FormRefused
from server.desk.form_fields import FormField, Options, form_field, is_home, is_list_of_texts
from server.desk.formatting import PERSON_FIELDS
from server.desk.homes import find_home, no_such_home
from server.desk.labels import field_label, value_label
from server.i18n.local_time import parse_local_time
from server.i18n.locale import localize
from server.models.directory import Directory
from server.oplog.directory import directory_of
from sync import KINDS
from sync.protocol.clock import format_time
from sync.protocol.message_fields import MAX_DEPTH, MAX_SAFE_INTEGER
from sync.protocol.normalise import code_text, natural_key, parse_date
from sync.protocol.op import Id, is_canonical_uuid
from sync.protocol.op_validation import json_depth

MAX_JSON_LENGTH = 4000


class PayloadForm:
    """The form of one kind of op: which fields of its payload a person fills in, in which order.

    Without `names` it has every field of the schema but photos, which only phones take.
    """

    def __init__(self, kind: str, *names: str) -> None:
        self.kind = kind
        self.schema = KINDS[kind].payload()
        self.names = names or tuple(name for name in self.schema.fields if name != "photos")

    def inputs(
        self,
        values: Mapping[str, Any] | None = None,
        options: Mapping[str, Options] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> list[FormField]:
        """The inputs, filled with `values`.

        `options` gives the choices of fields that hold an id; `labels` replaces the labels of the
        feature where the page asks in other words. Booleans are checkboxes.
        """
        return [
            form_field(
                self.kind,
                name,
                self.schema.fields[name],
                (values or {}).get(name),
                (options or {}).get(name),
                (labels or {}).get(name),
            )
            for name in self.names
        ]

    def payload(self, form: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
        """The payload that a sent form holds; what was left empty is left out.

        `prefix` precedes the names of the inputs, as in `was.details`.
        """
        texts = {name: form_text(form, prefix + name) for name in self.names}
        return {
            name: self._parse(name, text, is_typed=not prefix)
            for name, text in texts.items()
            if text
        }

    def _parse(self, name: str, text: str, *, is_typed: bool) -> Any:
        """The value of a text. Raises FormRefused for a home that somebody typed and that does not
        exist."""
        field = self.schema.fields[name]
        if not is_home(name, field) or is_canonical_uuid(text):
            return _parse_field(field, text)
        home = find_home(directory_of(current_user().site_id), text)
        if home is None and is_typed:
            raise _input_refused(name, no_such_home(text))
        return home or text

    def changes(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The fields in which a form differs from the values it was drawn from, `was.<name>`.

        A field that was emptied is None.
        """
        written, shown = self.payload(form), self.payload(form, "was.")
        sent = [name for name in self.names if name in form]
        return {n: written.get(n) for n in sent if written.get(n) != shown.get(n)}


def form_text(form: Mapping[str, str], name: str) -> str:
    """A text of a sent form, with plain line ends, without surrounding blanks and NUL."""
    return form.get(name, "").replace("\r\n", "\n").replace("\x00", "").strip()


def form_number(form: Mapping[str, str], name: str, default: Any = None) -> Any:
    """A whole number of a sent form, `default` if it is empty. Raises FormRefused otherwise."""
    text = form_text(form, name)
    try:
        number = int(text) if text else default
    except ValueError:
        raise _input_refused(name, gettext("Enter a whole number.")) from None
    if number is not None and abs(number) > MAX_SAFE_INTEGER:
        raise _input_refused(name, gettext("Enter a whole number."))
    return number


def form_moment(form: Mapping[str, str], name: str) -> datetime | None:
    """A local time of a sent form, None if it is empty. Raises FormRefused for other text."""
    text = form_text(form, name)
    moment = parse_local_time(text)
    if text and moment is None:
        raise _input_refused(name, gettext("Enter a date and time, such as 2026-11-24 10:00."))
    return moment


def _input_refused(name: str, message: str) -> FormRefused:
    return FormRefused(message, [FieldError((name,), message)])


def correction_inputs(kind: str, payload: Mapping[str, Any], names: Directory) -> list[FormField]:
    """An input for every field of a kind, filled with what a payload holds, whatever that is.

    Booleans are choices here, because a correction may leave one out; ids are chosen by name.
    """
    return [
        form_field(kind, name, field, payload.get(name), _correction_options(name, field, names))
        for name, field in KINDS[kind].payload().fields.items()
    ]


def corrected_payload(kind: str, form: Mapping[str, str]) -> dict[str, Any]:
    """The payload that a sent form of `correction_inputs` holds."""
    return PayloadForm(kind, *KINDS[kind].payload().fields).payload(form)


def unknown_fields(kind: str, payload: Mapping[str, Any]) -> list[str]:
    """The names of fields that a kind does not have; correcting the op leaves them out."""
    return [name for name in payload if name not in KINDS[kind].payload().fields]


def invalid_fields(kind: str, payload: dict[str, Any]) -> list[str]:
    """The labels of the fields that the schema refuses; empty if the payload is valid."""
    schema = KINDS[kind].payload()
    errors = schema.validate(payload)
    return [
        field_label(KINDS[kind].type, name, kind) for name in errors if name in schema.fields
    ] or list(errors)


def _correction_options(name: str, field: fields.Field[Any], names: Directory) -> Options | None:
    """Yes and no for a boolean, the people or places of the site for an id, else None."""
    if isinstance(field, fields.Boolean):
        return [("true", value_label(None, name, "yes")), ("false", value_label(None, name, "no"))]
    if not isinstance(field, Id):
        return None
    if name in PERSON_FIELDS or name.endswith("_by_id"):
        known: Mapping[str, Any] = names.people
    elif name in ("area", "area_id"):
        known = names.areas
    else:
        return None
    options = ((id_, localize(label)) for id_, label in known.items())
    return sorted(options, key=lambda option: natural_key(option[1]))


def _parse_field(field: fields.Field[Any], text: str) -> Any:
    """A value from the text of its input; text that cannot be parsed stays, for the schema to
    refuse."""
    if isinstance(field, fields.AwareDateTime):
        moment = parse_local_time(text)
        return format_time(moment) if moment else text
    if isinstance(field, fields.Date):
        day = parse_date(text)
        return day.isoformat() if day else text
    if is_list_of_texts(field) and not text.startswith("["):
        return [line.strip() for line in text.split("\n") if line.strip()]
    if isinstance(field, fields.Boolean | fields.Integer | fields.List | fields.Dict):
        text = code_text(text) if isinstance(field, fields.Integer) else text
        try:
            value = json.loads(text[:MAX_JSON_LENGTH])
        except (ValueError, RecursionError):
            return text
        return value if json_depth(value) <= MAX_DEPTH else text
    return text
