"""The tables of docs/security/access.md, in both languages, made from the declarations in code.

`python -m tests.security_documents` writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from babel.messages.pofile import read_po
from flask import Flask

from server import create_app
from server.auth.access import access_rule
from server.desk.navigation import _KEY as NAVIGATION
from server.i18n.languages import TRANSLATIONS
from server.models.places import Site
from sync import FEATURES, RECORD_TYPES
from sync.protocol.feature import RecordType
from sync.protocol.labels import FIELDS
from sync.protocol.roles import ROLE_LABELS, ROLES, role_mask
from sync.protocol.text import Text

DOCS = Path(__file__).parent.parent / "docs/security"
FILES = {"en": DOCS / "access.md", "zh": DOCS / "access.zh-CN.md"}
ALWAYS, SOMETIMES, NEVER = "●", "○", ""
HEADS = {
    "en": ("record", "page", "also on the phones of", "on phones"),
    "zh": ("记录", "页面", "以下人员的手机上也有", "手机上保留"),
}
CONCERNED = {"en": "those whom it concerns", "zh": "与其有关的人"}
WORKERS = {"en": "those who work in the area", "zh": "在该区域工作的人"}
GROUPS = {"en": "those of the trade or the firm", "zh": "该工种或该单位的人"}
KEPT_HEADS = {
    "en": ("record", "personal data", "what for", "kept for"),
    "zh": ("记录", "个人信息", "用途", "保存"),
}
KEPT = {"en": "{} days", "zh": "{} 天"}
DAYS = {"en": "{} days before, {} after", "zh": "前 {} 天至后 {} 天"}


class AnyRecord(dict[str, Any]):
    """A record of which nothing else is known: each other field is empty."""

    def __missing__(self, _: str) -> Any:
        return None


@cache
def translator(lang: str) -> Callable[[Text], str]:
    if lang == "en":
        return lambda text: text.message
    with (TRANSLATIONS / lang / "LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file, locale=lang)

    def translate(text: Text) -> str:
        found = catalogue.get(text.message, text.context)
        assert found, text
        return str(found.string)

    return translate


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def role_names(lang: str) -> list[str]:
    return [translator(lang)(ROLE_LABELS[role]) for role in ROLES]


def phone_table(lang: str) -> str:
    """Each type of record, and the roles on whose phones it is."""
    translate, (record, _, also, held) = translator(lang), HEADS[lang]
    rows = [
        [
            translate(type_.label),
            *(mark(type_, role) for role in ROLES),
            others(type_, lang),
            span(type_, lang),
        ]
        for type_ in RECORD_TYPES.values()
        if any(mark(type_, role) for role in ROLES) or others(type_, lang)
    ]
    return table([record, *role_names(lang), also, held], rows)


def mark(type_: RecordType, role: str) -> str:
    """Whether phones of a role hold records of a type whatever they say, or only some."""
    always = type_.audience(AnyRecord(), lambda _: frozenset())
    meant = AnyRecord(role=role, asked_role=role, area="a")
    sometimes = type_.audience(meant, lambda _: frozenset({role}))
    bit = role_mask([role])
    return ALWAYS if always & bit else SOMETIMES if sometimes & bit else NEVER


def others(type_: RecordType, lang: str) -> str:
    default = RecordType.__dataclass_fields__["people"].default
    found = [CONCERNED[lang]] if type_.people is not default else []
    found += [WORKERS[lang]] if type_.area_field else []
    by_group = type_.groups is not RecordType.__dataclass_fields__["groups"].default
    found += [GROUPS[lang]] if by_group else []
    return (", " if lang == "en" else "、").join(found)


def span(type_: RecordType, lang: str) -> str:
    """From how long before a record begins until how long after it has ended."""
    day = timedelta(days=1)
    return DAYS[lang].format(type_.held_before // day, type_.held_after // day)


def kept_table(lang: str) -> str:
    """Each type of record with personal data of people who do not work here."""
    translate, comma = translator(lang), ", " if lang == "en" else "、"
    rows = [
        [
            translate(type_.label),
            comma.join(dict.fromkeys(translate(label) for label in personal_labels(name))),
            translate(type_.personal.why),
            KEPT[lang].format(Site.__table__.c[type_.personal.term].default.arg),
        ]
        for name, type_ in RECORD_TYPES.items()
        if type_.personal
    ]
    return table(KEPT_HEADS[lang], rows)


def personal_labels(type_: str) -> Iterator[Text]:
    """The words for the fields of a type that are emptied when its days are over."""
    own = next(feature.fields for feature in FEATURES if type_ in feature.types)
    fields = {**FIELDS, **own}
    for field in RECORD_TYPES[type_].redacted_values:
        if label := fields.get(field) or fields.get(field.rpartition(".")[2]):
            yield label


def desk_table(app: Flask, lang: str) -> str:
    """Each page of the navigation of the desk, and the roles that may open it."""
    rows = [
        [translator(lang)(entry.label)]
        + [ALWAYS if role in (access_rule(app, entry.endpoint) or ()) else NEVER for role in ROLES]
        for entry in app.extensions[NAVIGATION].entries
    ]
    return table([HEADS[lang][1], *role_names(lang)], rows)


def tables(app: Flask, lang: str) -> dict[str, str]:
    """The tables of the document of a language, by their names in it."""
    return {"phones": phone_table(lang), "desk": desk_table(app, lang), "kept": kept_table(lang)}


def with_tables(text: str, made: dict[str, str]) -> str:
    """A document with its tables replaced; each stands between two comments."""
    for name, lines in made.items():
        text, count = re.subn(
            rf"(<!-- {name}: made from code -->\n)[^<]*(<!-- /{name} -->)",
            lambda found, lines=lines: f"{found[1]}\n{lines}\n\n{found[2]}",
            text,
        )
        assert count == 1, name
    return text


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        made_app = create_app({"DATA_DIR": folder})
        for lang, file in FILES.items():
            text = with_tables(file.read_text("utf-8"), tables(made_app, lang))
            file.write_text(text, "utf-8")
