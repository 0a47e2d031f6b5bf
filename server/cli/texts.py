"""The language of the command line: that of LANGUAGE, LC_ALL, LC_MESSAGES or LANG.

It uses the same catalogues as the pages, through Python's gettext. Click does as well, so its own
messages are translated too where the catalogue has them.
"""

from __future__ import annotations

import gettext as catalogues
import os
from gettext import gettext as _
from pathlib import Path

import click
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from server import config
from server.i18n.languages import SOURCE_LANGUAGE, TRANSLATIONS, catalogue_folders

DOMAIN = "messages"


def N_(text: str) -> str:  # noqa: N802 - the name that gettext tools know
    """Mark a text for the catalogue; it is translated when it is shown."""
    return text


CLICK_TEXTS = (
    *(N_("Usage:"), N_("Options"), N_("Commands"), N_("Show this message and exit.")),
    *(N_("Error: {message}"), N_("Try '{command} {option}' for help.")),
    *(N_("Invalid value for {param_hint}: {message}"), N_("No such command {name!r}.")),
    *(N_("No such option {name!r}."), N_("Missing argument"), N_("Missing option")),
    *(N_("Repeat for confirmation"), N_("Error: The two entered values do not match.")),
    *(N_("Aborted!"), N_("default: {default}"), N_("Missing command.")),
)
"""Click's own messages that people see most, so that the catalogue keeps them."""


def use_catalogues() -> None:
    """Let gettext read our catalogues in this process."""
    compile_catalogues()
    catalogues.bindtextdomain(DOMAIN, str(TRANSLATIONS))
    catalogues.textdomain(DOMAIN)


def compile_catalogues() -> None:
    """Compile each .po that is newer than its .mo; without write access nothing is done."""
    folders = catalogue_folders(config.settings())
    for po in (po for folder in folders for po in folder.rglob("*.po")):
        mo, temporary = po.with_suffix(".mo"), po.with_suffix(f".{os.getpid()}")
        if mo.exists() and mo.stat().st_mtime >= po.stat().st_mtime:
            continue
        try:
            with po.open("rb") as source, temporary.open("wb") as target:
                write_mo(target, read_po(source))
            temporary.replace(mo)  # atomic: another process may be reading the old one
        except OSError:
            return


def language() -> str:
    """The language of the environment if there is a catalogue for it, else English."""
    found = catalogues.find(DOMAIN, str(TRANSLATIONS))
    return Path(found).parts[-3] if found else SOURCE_LANGUAGE


def translate_help(command: click.Command) -> None:
    """Translate the help of a command, its options and its subcommands."""
    command.help = _(command.help) if command.help else None
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.help:
            parameter.help = _(parameter.help)
    if isinstance(command, click.Group):
        for child in command.commands.values():
            translate_help(child)
