"""A record as text for the person whom it is about: every field that tells something of them, times
with their date, lists line by line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from server.desk.formatting import HIDDEN_KEYS, author_name, format_value
from server.desk.labels import field_label, has_field_label, op_label, value_label
from server.i18n.locale import translate
from server.models.directory import Directory
from sync import KINDS
from sync.protocol.clock import SITE_ZONE, parse_time
from sync.protocol.text import Texts, _l

Times = Callable[[datetime], str]

LABELS: Texts = {
    "calls": _l("Calls"),
    "visit_reason": _l("Reason for the home visit"),
    "visit_outcome": _l("Outcome of the home visit"),
    "visited_at": _l("Visited at"),
    "paid_cents": _l("Paid (cents)"),
    "handed_reason": _l("Why it was passed on"),
    "notices": _l("Who was told"),
    "chain": _l("Kept by"),
    "lists": _l("Lists of who was in the home"),
    "asked": _l("Asked for a statement"),
    "statements": _l("Statements"),
    "offers": _l("Police offered"),
    "handed": _l("Handed to the police"),
    "found": _l("Found"),
    "returned": _l("Returned to owner"),
    "told": _l("What the resident was told"),
    "steps": _l("Next steps"),
    "things": _l("Items"),
    "failures": _l("Failed checks"),
    "decisions": _l("Decisions"),
    "appeals": _l("Objections"),
    "timeline": _l("History"),
}
"""Labels of fields that other pages show in another form."""

OWN_LABELS: Mapping[str, frozenset[str]] = {"lost": frozenset({"told", "steps"})}
"""By type, the fields for which `LABELS` is better than their label elsewhere."""

AS_FIELD = {"visit_outcome": "outcome"}
"""The field that has the same values, for one whose values have no words of their own."""

SAID_FIELDS = ("text", "reason")
"""Fields of ops whose values a line of a history repeats as its text."""

PLAIN_KEYS = frozenset({"text", "name"})
"""Keys of a line whose text speaks for itself."""

SAID_ELSEWHERE = frozenset({"by_id", "by", "at", "kind", "aside", *HIDDEN_KEYS})


def page_time(time: datetime) -> str:
    """Date, hour and minute at the site."""
    return f"{time.astimezone(SITE_ZONE):%Y-%m-%d %H:%M}"


def file_time(time: datetime) -> str:
    """Date and time at the site in ISO 8601, with the offset from UTC."""
    return time.astimezone(SITE_ZONE).isoformat(timespec="seconds")


def label_of(type_: str, name: str) -> str | None:
    """The label of a field; None for one that only says how the record is stored."""
    if name in OWN_LABELS.get(type_, ()) or not has_field_label(type_, name):
        text = LABELS.get(name)
        return translate(text) if text else None
    return field_label(type_, name)


def personal_texts(
    type_: str, values: Mapping[str, Any], names: Directory, times: Times
) -> list[tuple[str, str]]:
    """Label and text of each field of a record that has a label and says something."""
    shown: list[tuple[str, str]] = []
    for name, raw in values.items():
        label = label_of(type_, name)
        if label and not _says_nothing(raw) and not _repeats(name, raw, values):
            text = _text(type_, name, raw, names, times)
            shown += [(label, text)] if text else []
    return shown


def _says_nothing(raw: Any) -> bool:
    return raw in (None, "", [], {}) or (raw == 0 and not isinstance(raw, bool))


def _repeats(name: str, raw: Any, values: Mapping[str, Any]) -> bool:
    """Whether a list of numbers has only the one that stands beside it."""
    return name == "numbers" and raw == [values.get("number")]


def _text(type_: str, name: str, raw: Any, names: Directory, times: Times) -> str:
    line = partial(_line, type_, names=names, times=times)
    if isinstance(raw, list) and name != "facts" and _are_mappings(raw):
        return "; ".join(map(line, raw))
    if isinstance(raw, dict) and _are_mappings(raw.values()):
        return "; ".join(f"{key}: {line(each)}" for key, each in raw.items())
    return format_value(type_, AS_FIELD.get(name, name), raw, names, times=times)


def _are_mappings(entries: Collection[Any]) -> bool:
    return bool(entries) and all(isinstance(each, dict) for each in entries)


def _line(type_: str, entry: Mapping[str, Any], *, names: Directory, times: Times) -> str:
    """One entry of a list: when, who, what, and what was said."""
    kind = f"{type_}.{entry.get('kind')}"
    at, by = entry.get("at"), entry.get("by_id")
    parts = [times(parse_time(at)) if at else "", author_name(by, names) if by else ""]
    parts += [op_label(kind) if kind in KINDS else ""]
    for key, raw in entry.items():
        if key in SAID_ELSEWHERE or _says_nothing(raw) or raw is False:
            continue
        is_said = key == "text" and kind in KINDS
        text = _said(type_, kind, str(raw)) if is_said else _text(type_, key, raw, names, times)
        label = None if key in PLAIN_KEYS else label_of(type_, key)
        parts += [f"{label}: {text}" if label and text else text]
    return " · ".join(part for part in parts if part)


def _said(type_: str, kind: str, raw: str) -> str:
    """The text of a line, in words where it is one of a fixed set of values."""
    verb = kind.partition(".")[2]
    fields = (*(f"{verb}.{name}" for name in SAID_FIELDS), "resolved_how")
    words = (value_label(type_, field, raw) for field in fields)
    return next((word for word in words if word != raw), raw)
