"""Commands about sites, and how other commands find one by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from gettext import gettext as _

import click
from sqlalchemy import select

from server import create_app
from server.auth import devices
from server.cli.phone_people import chosen_people, describe, with_people_options
from server.cli.texts import N_, language
from server.db.engine import db
from server.i18n.filters import localize
from server.i18n.languages import DEFAULT_LANGUAGE, SOURCE_LANGUAGE
from server.maintenance import demo, seed
from server.maintenance.upgrade import require_current_schema
from server.models.places import Site
from server.oplog import receive
from server.oplog.security_log import log_access
from sync.protocol.clock import SITE_ZONE

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
@with_people_options
def enrol(
    site_name: str | None, choice: str | None, roles: tuple[str, ...], persons: tuple[str, ...]
) -> None:
    with create_app().app_context():
        require_current_schema()
        site = find_site(site_name)
        people = chosen_people(site.id, choice, roles, persons)
        whose = describe(people)
        ids = None if people is None else [person.id for person in people]
        code = devices.issue_code(site.id, None, ids)
        log_access("code", site_id=site.id, by=None)
        message = _("%(site)s: type this on the phone within ten minutes: %(code)s")
        site = find_site(site.id)
        click.echo(f"{site_label(site)}: {whose}")
        click.echo(message % {"site": site_label(site), "code": code})


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
