"""Labels in forms: one input for each language, named `<field>.<code>`."""

from __future__ import annotations

from collections.abc import Mapping


def form_label(form: Mapping[str, str], field: str) -> dict[str, str]:
    """The label that a form holds, with `\\n` between lines; a language left empty is left out."""
    prefix = f"{field}."
    texts = {
        name.removeprefix(prefix): text.replace("\r\n", "\n").replace("\x00", "").strip()
        for name, text in form.items()
        if name.startswith(prefix)
    }
    return {code: text for code, text in texts.items() if text}
