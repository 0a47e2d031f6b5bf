"""Values, authors and times of records and ops as text in the language of the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from flask_babel import gettext

from server.desk.labels import field_label, op_label, refusal_label, type_label, value_label
from server.desk.schedule_form import DURATIONS, describe_recurrence
from server.i18n.languages import language_codes
from server.i18n.locale import localize, moment, translate
from server.models.directory import Directory
from sync import KINDS
from sync.protocol.clock import parse_time
from sync.protocol.labels import BOOLEANS
from sync.protocol.op import SERVER_AUTHOR_ID

PERSON_FIELDS = (
    *("responsible_id", "handler_id", "first_responder_id", "helper_id"),
    *("by_id", "person_id", "handed_to_id", "to", "person", "assessor_id", "accountable_id"),
    *("worker_id", "answers_id", "attendee", "performer", "assign"),
    *("for_id", "to_id", "collector_id", "steward_id", "from_id", "given_by_id", "co_receiver_id"),
)
HIDDEN_KEYS = ("id", "key", "picture", "seals")
"""What of a nested mapping is of no use to people."""
TIME_FIELDS = ("since", "before", "at")
ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?\Z")
LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?")
RECORD_ID = re.compile(r"(?:\w+:)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The id of a record, with or without its type before it."""
ID_WITHIN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""An id somewhere in a text."""


def format_value(
    type_: str | None,
    name: str,
    raw: Any,
    names: Directory,
    kind: str = "",
    times: Callable[[datetime], str] = moment,
) -> str:
    """The value of a record type's field, or of a kind's payload, as text.

    `names` has people, areas, homes and firms, `times` writes a time. The id of any other record is
    "": nobody can read it.
    """
    if raw is None or raw == "" or raw == []:
        return {"done_at": gettext("not done"), "cancelled_at": gettext("not cancelled")}.get(
            name, gettext("none")
        )
    if type_ == "rectification" and name == "item":
        return ""  # the criterion is in the label
    if isinstance(raw, bool):
        return translate(BOOLEANS["yes" if raw else "no"])
    moments = ("_at", "_start", "_end", "_until")
    if isinstance(raw, datetime) or name.endswith(moments) or name in TIME_FIELDS:
        return _format_time(raw, times)
    if name == "facts":
        return "; ".join(map(_fact_text, raw))
    if isinstance(raw, list):
        item = name.removesuffix("s")
        shown = [format_value(type_, item, each, names, kind, times) for each in raw]
        texts = [text for text in shown if text]
        return ", ".join(texts) if texts and name not in ("photos", "shots") else str(len(raw))
    if isinstance(raw, dict):
        is_label = not raw.keys().isdisjoint(language_codes())
        return localize(raw) if is_label else _format_mapping(type_, name, raw, names, times)
    if type_ == "merge" and name == "rule":
        return refusal_label(raw)
    if type_ == "merge" and name == "arrived":
        return op_label(raw)
    if name == "rrule":
        return describe_recurrence(SimpleNamespace(rrule=raw, rdate=None, workdays_only=False))
    if name == "window" and raw in DURATIONS:
        return str(DURATIONS[raw])
    if name == "about_type":
        return type_label(raw) or str(raw)
    if ISO_TIME.match(str(raw)):
        return _format_time(raw, times)
    text = _directory_name(name, str(raw), names) or value_label(type_, name, str(raw), kind)
    return "" if RECORD_ID.fullmatch(text) else text


def _fact_text(fact: dict[str, Any]) -> str:
    """A fact of an accountability case: what it is, its text and its reason."""
    what = value_label("case", "fact", fact["code"])
    reason = value_label("case", "reason", fact.get("reason") or "")
    return " ".join(filter(None, (what, fact["text"], reason)))


def _format_mapping(
    type_: str | None,
    name: str,
    raw: dict[str, Any],
    names: Directory,
    times: Callable[[datetime], str],
) -> str:
    """The values of a mapping, each with the label of its key if the key has one."""
    parts = []
    for key, value in raw.items():
        if key in HIDDEN_KEYS:
            continue
        choice, field = value_label(type_, name, key), field_label(type_, key)
        text = format_value(type_, key if field != key else name, value, names, times=times)
        label = next((label for label in (choice, field) if label != key), None)
        parts.append(f"{label}: {text}" if label else text)
    return ", ".join(part for part in parts if part)


def labelled_values(
    type_: str | None,
    values: Mapping[str, Any],
    names: Directory,
    kind: str = "",
    times: Callable[[datetime], str] = moment,
) -> list[tuple[str, str]]:
    """Fields of a record type, or of a kind's payload: the label and the value as text of each.

    Ids of records that have no name here are left out. Without a type it is that of the kind.
    """
    if type_ is None and kind in KINDS:
        type_ = KINDS[kind].type
    texts = {
        name: format_value(type_, name, raw, names, kind, times) for name, raw in values.items()
    }
    return [(field_label(type_, name, kind), text) for name, text in texts.items() if text]


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


def _format_time(raw: Any, times: Callable[[datetime], str]) -> str:
    """A time in the zone of the site; one without a zone is local already."""
    if isinstance(raw, str) and LOCAL_TIME.fullmatch(raw):
        return raw[:16].replace("T", " ")
    try:
        return times(parse_time(raw) if isinstance(raw, str) else raw)
    except ValueError:
        return str(raw)
