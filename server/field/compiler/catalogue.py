"""The phone's catalogue: translations of the messages that its templates and scripts use."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from server.field.compiler.subset import CONTEXT_SEPARATOR, BuildError, only_plain_placeholders

Messages = dict[str, str | list[str]]
"""Translation by key; a list holds the plural forms. Keys: see `subset.message_key`."""

_KEYWORDS = {"gettext": None, "ngettext": (1, 2), "_": None}


def messages_in_scripts(scripts: Iterable[Path]) -> set[str]:
    """The messages in the scripts, as `pybabel extract` finds them."""
    messages = set[str]()
    for script in scripts:
        with script.open("rb") as source:
            for _, text, _, _ in extract("javascript", source, keywords=_KEYWORDS):
                messages.add(text if isinstance(text, str) else text[0])
    return messages


def load_translations(files: Iterable[Path], keys: Iterable[str]) -> Messages:
    """The translations of these messages, a later file before an earlier one.

    Messages without a translation are left out.
    Raises BuildError for a placeholder that is neither `%(name)s` nor `%%`.
    """
    keys, translations = sorted(keys), Messages()
    for po in files:
        with po.open("rb") as source:
            catalogue = read_po(source)
        translations |= {key: text for key in keys if (text := _translation(po, catalogue, key))}
    return translations


def _translation(po: Path, catalogue: Catalog, key: str) -> str | list[str] | None:
    context, separator, message = key.rpartition(CONTEXT_SEPARATOR)
    entry = catalogue.get(message, context if separator else None)
    if entry is None or entry.fuzzy or not entry.string:
        return None
    texts = [entry.string] if isinstance(entry.string, str) else list(entry.string)
    if not all(map(only_plain_placeholders, texts)):
        raise BuildError(po.name, entry.lineno or 1, f"only %(name)s and %% in {message!r}")
    if not all(texts):
        return None
    return texts[0] if isinstance(entry.string, str) else texts
