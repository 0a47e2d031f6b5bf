"""The languages of the interface: English, in which the messages are written, and each catalogue.

A file `<code>/LC_MESSAGES/messages.po` in `server/translations`, or in the folder that
LODGE_TRANSLATIONS names, adds a language; no other list names one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from babel import Locale
from flask import Flask, current_app

TRANSLATIONS = Path(__file__).parents[1] / "translations"
SOURCE_LANGUAGE = "en"
DEFAULT_LANGUAGE = "zh"
"""For whoever asks for no language that we have; the first of every list."""


class Language(NamedTuple):
    """A language: its code as in HTML and in labels ("pt-BR"), and its name in itself."""

    code: str
    name: str


def init_app(app: Flask) -> None:
    """Find the languages of an application, and give them to its templates."""
    folders = catalogue_folders(app.config)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = ";".join(map(str, folders))
    found = find_languages(folders)
    app.extensions["lodge.languages"] = found
    app.jinja_env.globals["languages"] = found


def languages(app: Flask | None = None) -> tuple[Language, ...]:
    """The languages of an application, by default the current one; the default language first."""
    return cast(tuple[Language, ...], (app or current_app).extensions["lodge.languages"])


def language_codes() -> list[str]:
    """The codes of the current application's languages."""
    return [language.code for language in languages()]


def catalogue_folders(settings: Mapping[str, Any]) -> list[Path]:
    """The folders that hold the catalogues: our own, and that of the setting TRANSLATIONS."""
    more = settings.get("TRANSLATIONS")
    return [TRANSLATIONS, *([Path(more).resolve()] if more else [])]


def catalogue_files(folders: Iterable[Path], code: str) -> list[Path]:
    """The catalogues of a language, at most one from each folder."""
    files = (folder / folder_name(code) / "LC_MESSAGES" / "messages.po" for folder in folders)
    return [file for file in files if file.is_file()]


def find_languages(folders: Iterable[Path]) -> tuple[Language, ...]:
    """The default language, the source language, and one for each catalogue in these folders."""
    found = {
        file.parents[1].name.replace("_", "-")
        for folder in folders
        for file in folder.glob("*/LC_MESSAGES/messages.po")
    }
    codes = sorted({*found, SOURCE_LANGUAGE} - {DEFAULT_LANGUAGE})
    return tuple(Language(code, _name(code)) for code in (DEFAULT_LANGUAGE, *codes))


def folder_name(code: str) -> str:
    """The name of a language's folder, and of its locale in Babel: "pt_BR" for "pt-BR"."""
    return code.replace("-", "_")


def _name(code: str) -> str:
    locale = Locale.parse(code, sep="-")
    return locale.get_display_name(locale) or code
