"""Whose phone a setup code is for, as the options of `lodge enrol` say it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from gettext import gettext as _
from typing import Any, TypeVar

import click
from sqlalchemy import select

from server.cli.texts import N_
from server.db.engine import db
from server.models.people import Person
from sync.protocol.roles import ROLES

EVERYBODY, NOBODY = "all", "none"

Command = TypeVar("Command", bound=Callable[..., Any])

PEOPLE_OPTIONS = (
    click.option(
        "--people",
        "choice",
        type=click.Choice([EVERYBODY, NOBODY]),
        help=N_(
            "Everybody of the site, which is the default, or nobody: people are then added by "
            "unlocking the phone."
        ),
    ),
    click.option(
        "--role",
        "roles",
        type=click.Choice(ROLES),
        multiple=True,
        help=N_("Everybody with this role. May be given several times."),
    ),
    click.option(
        "--person",
        "persons",
        metavar="ID",
        multiple=True,
        help=N_("A person: id, staff number or name. May be given several times."),
    ),
)


def with_people_options(command: Command) -> Command:
    """Give a command the options that choose people: `choice`, `roles` and `persons`."""
    for option in reversed(PEOPLE_OPTIONS):
        command = option(command)
    return command


def chosen_people(
    site_id: str, choice: str | None, roles: Sequence[str], persons: Sequence[str]
) -> list[Person] | None:
    """The people that the options name, by name; None for everybody of the site.

    Raises click.UsageError for somebody unknown, and for everybody together with some.
    """
    if choice == EVERYBODY and (roles or persons):
        raise click.UsageError(_("Choose everybody, or some people by role or person."))
    if choice != NOBODY and not roles and not persons:
        return None
    working = select(Person).where(Person.site_id == site_id, Person.active_to.is_(None))
    people = db.session.scalars(working.order_by(Person.name, Person.id)).all()
    named = {_find(people, words).id for words in persons}
    return [each for each in people if each.id in named or set(each.roles) & set(roles)]


def _find(people: Sequence[Person], words: str) -> Person:
    wanted = words.strip().casefold()
    found = [
        person
        for person in people
        if wanted in (person.id, (person.employee_no or "").casefold(), person.name.casefold())
    ]
    if len(found) != 1:
        message = _("Nobody at this site is %(person)s.")
        if found:
            message = _("More than one person at this site is %(person)s. Give an id.")
        raise click.UsageError(message % {"person": words})
    return found[0]


def describe(people: Sequence[Person] | None) -> str:
    """Whose phone it will be, in a sentence."""
    if people is None:
        return _("The phone is for everybody of the site, whoever comes or leaves.")
    if not people:
        return _("The phone is for nobody yet: people are added by unlocking it.")
    return _("The phone is for: %(people)s") % {"people": ", ".join(each.name for each in people)}
