"""Texts that people read: an English sentence and, where it is ambiguous, a context.

`sync` translates nothing. The server and the phone look a text up in the catalogue of the reader's
language; `make words` collects every `_l` and `_lp` call into the catalogues.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Text(NamedTuple):
    """A message of the catalogues. `context` tells two meanings of one English message apart."""

    message: str
    context: str | None = None


Texts = Mapping[str, Text]
"""Texts by the name of a field, a value or a state."""

Sentences = Mapping[str, tuple[Text, ...]]
"""What the history of a record says of an op, by its kind: sentences with named parts.

`%(who)s` is the author, every other part a field of the payload. Of several sentences the first
counts whose parts the op has; the last has none that can be missing.
"""


def _l(message: str) -> Text:
    """A text, collected into the catalogues."""
    return Text(message)


def _lp(context: str, message: str) -> Text:
    """A text with a context, collected into the catalogues."""
    return Text(message, context)
