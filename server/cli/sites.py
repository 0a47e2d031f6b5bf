"""Commands about sites, and how other commands find one by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from gettext import gettext as _

import click
from sqlalchemy import select

from server import create_app
from server.auth import devices
from server.cli.texts import N_, language
from server.db.engine import db
from server.i18n.filters import localize
from server.i18n.languages import DEFAULT_LANGUAGE, SOURCE_LANGUAGE
from server.maintenance import demo, seed
from server.maintenance.upgrade import require_current_schema
from server.models.people import Person
from server.models.places import Site
from server.oplog import receive
from server.oplog.security_log import log_access
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import ROLES

SITE_OPTION = click.option(
    "--site",
    "site_name",
    metavar="NAME",
    help=N_(
        "The site: its name in Chinese or English, its id, or the beginning of one. "
        "Not needed when there is only one."
    ),
)


@click.command(help=N_("Print a setup code for one phone; it is valid once, for ten minutes."))
@SITE_OPTION
@click.option(
    "--people",
    type=click.Choice(["all", "none"]),
    help=N_("Whose phone it is: everybody's at the site (the default), or nobody's yet."),
)
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(ROLES),
    help=N_("The phone of everybody with this role; may be repeated."),
)
@click.option(
    "--person",
    "names",
    multiple=True,
    metavar="ID",
    help=N_("The phone of this person, by id or staff number; may be repeated."),
)
def enrol(
    site_name: str | None, people: str | None, roles: tuple[str, ...], names: tuple[str, ...]
) -> None:
    with create_app().app_context():
        require_current_schema()
        site = find_site(site_name)
        is_everybodys = people == "all" or not (people or roles or names)
        if is_everybodys and (roles or names):
            raise click.UsageError(_("Choose everybody, or some people, not both."))
        chosen = None if is_everybodys else _find_people(site.id, roles, names)
        code = devices.issue_code(site.id, None, chosen)
        log_access("code", site_id=site.id, by=None, details={"people": _count(chosen)})
        click.echo(_whose_phone(chosen))
        message = _("%(site)s: type this on the phone within ten minutes: %(code)s")
        click.echo(message % {"site": site_label(site), "code": code})


def _find_people(site_id: str, roles: tuple[str, ...], names: tuple[str, ...]) -> dict[str, str]:
    """The names, by id, of those who work at a site and have one of these roles, or one of these
    ids or staff numbers. Raises click.UsageError for one that nobody has."""
    working = select(Person).where(Person.site_id == site_id, Person.active_to.is_(None))
    staff: Sequence[Person] = db.session.scalars(working.order_by(Person.id)).all()
    for name in names:
        if not any(name in (person.id, person.employee_no) for person in staff):
            message = _("Nobody at this site has the id or staff number %(name)s.")
            raise click.UsageError(message % {"name": name})
    return {
        person.id: person.name
        for person in staff
        if not {person.id, person.employee_no}.isdisjoint(names)
        or not set(person.roles).isdisjoint(roles)
    }


def _whose_phone(chosen: dict[str, str] | None) -> str:
    if chosen is None:
        return _("The phone will belong to everybody at the site.")
    if not chosen:
        return _("The phone will belong to nobody yet: unlock it with staff number and PIN.")
    return _("The phone will belong to: %(names)s") % {"names": ", ".join(chosen.values())}


def _count(chosen: dict[str, str] | None) -> int | str:
    return "all" if chosen is None else len(chosen)


@click.group(help=N_("Sites: the estates on this server."))
def site() -> None:
    pass


@site.command("add", help=N_("Add a site; its id is the last word of the output."))
@click.argument("name")
@click.option("--english", help=N_("Its name in English."))
def add_site(name: str, english: str | None) -> None:
    with create_app().app_context():
        require_current_schema()
        id_ = receive.make_op("site.add", None, {})["subject"]
        receive.create_site(id_)
        midnight = datetime.now(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
        label = {DEFAULT_LANGUAGE: name, SOURCE_LANGUAGE: english or name}
        add = receive.make_op("site.add", id_, {"label": label})
        schedules = seed.inactive_schedule_ops(id_, midnight.isoformat())
        receive.submit_many(id_, [add, *schedules, *seed.shared_content_ops(id_)])
        click.echo(_("%(name)s is site %(id)s") % {"name": name, "id": id_})


def find_site(name: str | None) -> Site:
    """The site of that name, id, or unique beginning of one; without a name, the only site.

    Raises click.UsageError, which lists the sites, if there is no such site or more than one.
    """
    sites: Sequence[Site] = db.session.scalars(select(Site).order_by(Site.id)).all()
    if not sites:
        raise click.UsageError(_("There is no site yet. Run: lodge site add"))
    if name is None:
        main_id = demo.main_site_id() if demo.demo_size() else None
        matches = [site for site in sites if main_id in (None, site.id)]
    else:
        matches = _matching(sites, name)
    if len(matches) == 1:
        return matches[0]
    if name is None:
        problem = _("There is more than one site. Choose one with --site:")
    elif matches:
        problem = _("More than one site is called %(name)s:") % {"name": name}
    else:
        problem = _("No site is called %(name)s. There are:") % {"name": name}
    listed = "\n".join(f"  {site.id}  {_all_names(site)}" for site in matches or sites)
    raise click.UsageError(f"{problem}\n{listed}")


def _matching(sites: Sequence[Site], name: str) -> list[Site]:
    """Sites with exactly this name or id, else those with one that begins so; case is ignored."""
    wanted = name.strip().casefold()
    names = {site.id: [site.id, *map(str.casefold, site.label.values())] for site in sites}
    exact = [site for site in sites if wanted in names[site.id]]
    if exact or not wanted:
        return exact
    return [site for site in sites if any(each.startswith(wanted) for each in names[site.id])]


def _all_names(site: Site) -> str:
    return " / ".join(dict.fromkeys(site.label.values()))


def site_label(site: Site) -> str:
    """The name of a site in the language of the command line."""
    return localize(site.label, language())
