"""Labels of records, fields, values and states in the language of the page.

The words themselves stand with their features in `sync`; here they are looked up and translated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Flask

from server.i18n.filters import with_context
from server.i18n.locale import translate
from sync import FEATURES, Feature, kind_label
from sync.protocol import labels
from sync.protocol.refusals import REFUSALS, refusal
from sync.protocol.roles import ROLE_LABELS
from sync.protocol.text import Text, Texts

FEATURE_OF_TYPE: Mapping[str, Feature] = {
    name: feature for feature in FEATURES for name in feature.types
}
FEATURE_OF_KIND: Mapping[str, Feature] = {
    name: feature for feature in FEATURES for name in feature.kinds
}

SIGNS = {
    **dict.fromkeys(("done", "sent_late", "scanned", "stated", "acknowledged", "closed"), "✓"),
    **dict.fromkeys(("missed", "overdue"), "✕"),
    **dict.fromkeys(("open", "raised", "fact_finding", "missing"), "○"),
    **dict.fromkeys(("unknown", "asked", "planned_late"), "?"),
    **dict.fromkeys(("skipped", "cancelled", "declined"), "–"),
    **dict.fromkeys(("done_late", "soon", "decided", "appealed"), "!"),
    "ready": "✓",
    "partial": "◐",
}
"""A sign beside a state's word and colour, for people who do not see colours."""


def init_app(app: Flask) -> None:
    """Give templates the filters of this module."""
    filters: dict[str, Callable[..., str]] = {
        "text": translate,
        "type_label": type_label,
        "field_label": lambda name, type_: field_label(type_, name),
        "value_label": lambda value, type_, field: value_label(type_, field, value),
        "state_label": lambda state, type_: state_label(type_, state),
        "role_label": role_label,
        "status_label": status_label,
        "certainty_label": certainty_label,
        "sign": sign,
    }
    app.jinja_env.filters |= {name: with_context(function) for name, function in filters.items()}
    app.jinja_env.globals |= {
        "value_labels": value_labels,
        "state_labels": state_labels,
        "record_types": tuple(FEATURE_OF_TYPE),
    }
    app.context_processor(lambda: {"outcome_message": outcome_message})


def op_label(kind: str) -> str:
    """What people call a kind of op."""
    return translate(kind_label(kind))


def type_label(type_: str) -> str:
    """What people call a type of record."""
    feature = FEATURE_OF_TYPE.get(type_)
    return translate(feature.types[type_].label) if feature else ""


def field_label(type_: str | None, name: str, kind: str = "") -> str:
    """The label of a field of a record type or, where it differs, of a kind's payload.

    A field that this version does not know keeps its name.
    """
    text = _field_text(type_, name, kind)
    return translate(text) if text else name


def has_field_label(type_: str, name: str) -> bool:
    """Whether a field of a record type is one that people read."""
    return _field_text(type_, name, "") is not None


def _field_text(type_: str | None, name: str, kind: str) -> Text | None:
    feature = FEATURE_OF_KIND.get(kind) or FEATURE_OF_TYPE.get(type_ or "")
    own: Texts = feature.fields if feature else {}
    verb = kind.partition(".")[2]
    return own.get(f"{verb}.{name}") or own.get(name) or labels.FIELDS.get(name)


LIST_TITLES: dict[str, Text] = {}
"""The title of each list, by name: the security log says by it what was exported."""


def value_label(type_: str | None, field: str, value: str, kind: str = "") -> str:
    """The label of a field's value, of a record type or, where it differs, of a kind's payload.

    A value that is none of a fixed set is returned as it is.
    """
    if type_ == "access" and field == "page" and value in LIST_TITLES:
        return translate(LIST_TITLES[value])
    feature = FEATURE_OF_TYPE.get(type_ or "")
    own = feature.values if feature else {}
    verb = kind.partition(".")[2]
    values = {
        **ROLE_VALUES.get(field, {}),
        **(own.get(f"{verb}.{field}") or own.get(field) or {}),
    }
    text = values.get(value) or labels.BOOLEANS.get(value)
    if text is None and feature and type_ and field in ("state", "status", "leaves"):
        text = feature.types[type_].states.get(value)
    return translate(text) if text else value


def value_labels(type_: str, field: str) -> dict[str, str]:
    """Every value of a field with its label, in the order of the declaration."""
    values = FEATURE_OF_TYPE[type_].values[field]
    return {value: translate(text) for value, text in values.items()}


def state_label(type_: str, state: str | None) -> str:
    """The label of a record's state."""
    feature = FEATURE_OF_TYPE.get(type_)
    text = feature.types[type_].states.get(state or "") if feature else None
    return translate(text) if text else ""


def state_labels(type_: str) -> dict[str, str]:
    """Every state of a record type with its label."""
    states = FEATURE_OF_TYPE[type_].types[type_].states
    return {state: translate(text) for state, text in states.items()}


def role_label(role: str) -> str:
    """What people call a role."""
    return translate(ROLE_LABELS[role]) if role in ROLE_LABELS else ""


def status_label(status: str) -> str:
    """What became of an op, by the status of its verdict."""
    text = labels.STATUSES.get(status)
    return translate(text) if text else ""


def certainty_label(certainty: str) -> str:
    """How sure it is who did something."""
    return translate(labels.CERTAINTIES[certainty])


def refusal_label(code: str) -> str:
    """Why an op was refused, quarantined, held or flagged."""
    return translate(refusal(code))


def outcome_message(code: str | None) -> str:
    """What a page says about the op that was submitted just before; "" if it was applied."""
    text: Text | None = REFUSALS.get(code or "") or labels.STATUSES.get(code or "")
    return translate(text) if text else ""


def sign(state: str) -> str:
    """The sign of a state, "" if it has none."""
    return SIGNS.get(state, "")


ROLE_VALUES: Mapping[str, Texts] = dict.fromkeys(("role", "roles", "asked_role"), ROLE_LABELS)
