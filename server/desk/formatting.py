"""Values, authors and times of records and ops as text in the language of the page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import gettext

from server.desk.labels import field_label, value_label
from server.i18n.languages import language_codes
from server.i18n.locale import localize, moment, translate
from server.models.directory import Directory
from sync.protocol.clock import parse_time
from sync.protocol.labels import BOOLEANS
from sync.protocol.op import SERVER_AUTHOR_ID

PERSON_FIELDS = (
    *("responsible_id", "handler_id", "first_responder_id", "helper_id"),
    *("person_id", "handed_to_id", "to", "person", "assessor_id", "accountable_id"),
    *("worker_id", "answers_id", "attendee"),
    *("for_id", "to_id", "collector_id", "steward_id", "from_id", "given_by_id", "co_receiver_id"),
)
HIDDEN_KEYS = ("id", "key", "picture", "seals")
"""What of a nested mapping is of no use to people."""
RANGE_FIELDS = ("since", "before")


def format_value(type_: str | None, name: str, raw: Any, names: Directory) -> str:
    """The value of a record type's field as text; `names` has people, areas, homes and firms."""
    if raw is None or raw == "" or raw == []:
        return {"done_at": gettext("not done"), "cancelled_at": gettext("not cancelled")}.get(
            name, gettext("none")
        )
    if isinstance(raw, bool):
        return translate(BOOLEANS["yes" if raw else "no"])
    moments = ("_at", "_start", "_end", "_until")
    if isinstance(raw, datetime) or name.endswith(moments) or name in RANGE_FIELDS:
        return _format_time(raw)
    if name == "facts":
        return "; ".join(
            f"{value_label('case', 'fact', item['code'])} {item['text']}".strip() for item in raw
        )
    if isinstance(raw, list):
        item = name.removesuffix("s")
        return (
            str(len(raw))
            if name == "photos"
            else ", ".join(format_value(type_, item, r, names) for r in raw)
        )
    if isinstance(raw, dict):
        is_label = not raw.keys().isdisjoint(language_codes())
        return localize(raw) if is_label else _format_mapping(type_, name, raw, names)
    return _directory_name(name, str(raw), names) or value_label(type_, name, str(raw))


def _format_mapping(type_: str | None, name: str, raw: dict[str, Any], names: Directory) -> str:
    """The values of a mapping, each with the label of its key if the key has one."""
    parts = []
    for key, value in raw.items():
        if key in HIDDEN_KEYS:
            continue
        choice, field = value_label(type_, name, key), field_label(type_, key)
        text = format_value(type_, key if field != key else name, value, names)
        label = next((label for label in (choice, field) if label != key), None)
        parts.append(f"{label}: {text}" if label else text)
    return ", ".join(parts)


def labelled_value(
    type_: str | None, name: str, raw: Any, names: Directory, kind: str = ""
) -> tuple[str, str]:
    """A field of a record type, or of a kind's payload: its label and its value as text."""
    return field_label(type_, name, kind), format_value(type_, name, raw, names)


def author_name(by: str | None, names: Directory) -> str:
    """The name of an op's author."""
    if by == SERVER_AUTHOR_ID:
        return gettext("Lodge")
    return names.person_name(by) or gettext("unknown person")


def _directory_name(name: str, raw: str, names: Directory) -> str | None:
    if name.endswith("_by_id") or name in PERSON_FIELDS:
        return names.person_name(raw)
    if name in ("area", "area_id", "parent_id"):
        return localize(names.area_label(raw))
    if name in ("contractor_id", "contractor"):
        return names.contractor_name(raw)
    if name in ("unit_id", "host_unit", "unit"):
        return localize(names.unit_label(raw))
    return f"{raw[:8]}…" if name == "sha256" else None


def _format_time(raw: Any) -> str:
    try:
        return moment(parse_time(raw) if isinstance(raw, str) else raw)
    except ValueError:
        return str(raw)
