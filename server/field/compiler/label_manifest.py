"""The labels of `sync` that phones show: kinds of op, states, values, sentences for refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from server.field.compiler.subset import message_key
from server.i18n.filters import STATES, VALUES
from sync import KINDS, UNKNOWN_KIND
from sync.protocol.refusals import REFUSALS, UNKNOWN_REFUSAL
from sync.protocol.text import Text


def describe() -> dict[str, Any]:
    """Each label as a pair: the message and its context, or null. The phone translates it."""
    return {
        "kinds": {name: kind.label for name, kind in KINDS.items() if kind.from_phones},
        "unknown_kind": UNKNOWN_KIND,
        "refusals": REFUSALS,
        "unknown_refusal": UNKNOWN_REFUSAL,
        "states": STATES,
        "values": VALUES,
    }


def messages() -> set[str]:
    """The keys of these labels in the phone's catalogue."""
    return {message_key(text.message, text.context) for text in _texts()}


def _texts() -> Iterator[Text]:
    yield from (kind.label for kind in KINDS.values() if kind.from_phones)
    yield from (UNKNOWN_KIND, UNKNOWN_REFUSAL, *REFUSALS.values())
    yield from (text for states in STATES.values() for text in states.values())
    yield from (
        text for fields in VALUES.values() for texts in fields.values() for text in texts.values()
    )
