"""The `lodge` command."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import waitress
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, OperationalError
from werkzeug.middleware.proxy_fix import ProxyFix

from server import create_app
from server.auth import devices
from server.auth.credentials import MIN_PASSWORD_LENGTH, password_weakness, set_password, set_pin
from server.db.engine import db, require_durable_commits, write_transaction
from server.field.shell import get_bundle
from server.i18n.filters import localize
from server.i18n.languages import DEFAULT_LANGUAGE, SOURCE_LANGUAGE, TRANSLATIONS
from server.jobs import compaction, retention, runner
from server.maintenance import backup, demo, seed, transfer
from server.maintenance.upgrade import require_current_schema, upgrade
from server.models.people import Person
from server.models.places import Site
from server.oplog import receive, replay
from server.oplog.directory import invalidate_directories
from server.version import VERSION
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import ROLES
from sync.review.outbox_imports import MAX_FILE_BYTES

THREADS = 8
MAX_CONNECTIONS = 4000
"""Phones keep theirs open between two questions; the hundred of waitress are gone at one gate."""
MAX_REQUEST_BYTES = MAX_FILE_BYTES + 1024 * 1024
"""Bytes of the largest body, a file that a phone saved: of a larger one nothing more is read."""


class FriendlyErrors(click.Group):
    """Where the surroundings are at fault, says what to do, and spares people the trace."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ArgumentError, NoSuchModuleError):
            told = "LODGE_DATABASE_URL looks like postgresql://name@host/base, or is not set."
        except OperationalError:
            told = "The database does not answer. Is it running, and LODGE_DATABASE_URL right?"
        except (PermissionError, NotADirectoryError, FileExistsError) as error:
            told = f"{error.filename}: {error.strerror}. Let LODGE_DATA_DIR name another folder."
        raise click.ClickException(told)


@click.group(cls=FriendlyErrors)
def main() -> None:
    """Lodge: for the people who look after housing estates."""


@main.command()
@click.option("--demo", "with_demo", is_flag=True, help="Add the invented demo estate.")
def init(with_demo: bool) -> None:
    """Create the database, or bring it up to this version."""
    app = create_app()
    with app.app_context():
        upgrade()
        for (
            site_id
        ) in replay.all_site_ids():  # what this version brings reaches older sites as well
            receive.submit_many(site_id, list(seed.shared_content_ops(site_id)))
        if with_demo:
            demo.build()
    click.echo("The database is ready.")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--threads", default=THREADS, show_default=True)
@click.option("--proxies", default=0, show_default=True, help="How many proxies stand before it.")
def serve(host: str, port: int, threads: int, proxies: int) -> None:
    """Serve Lodge. Put a proxy with HTTPS before it as soon as phones are to use it."""
    _compile_translations()
    app = create_app()
    if proxies:  # what a client says of itself is believed only as far as our own proxies reach
        app.wsgi_app = ProxyFix(app.wsgi_app, proxies, proxies, proxies)  # type: ignore
    with app.app_context():
        require_current_schema()
        require_durable_commits()
        app.config["DEMO"] = demo.demo_size()
    _serve(app, host, port, threads)


@main.command("demo")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.pass_context
def demo_command(context: click.Context, host: str, port: int) -> None:
    """Create the database with the demo estate if need be, and serve it."""
    context.invoke(init, with_demo=True)
    context.invoke(serve, host=host, port=port, threads=THREADS, proxies=0)


def _compile_translations() -> None:
    """As `make install` does; an installation that cannot be written to keeps what it has."""
    for po in TRANSLATIONS.rglob("*.po"):
        mo, fresh = po.with_suffix(".mo"), po.with_suffix(f".{os.getpid()}")
        if mo.exists() and mo.stat().st_mtime >= po.stat().st_mtime:
            continue
        try:
            with po.open("rb") as source, fresh.open("wb") as target:
                write_mo(target, read_po(source))
            fresh.replace(mo)  # whole or not at all: another process may be reading
        except OSError:
            return


def _serve(app: Flask, host: str, port: int, threads: int) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server = waitress.create_server(
            app,
            host=host,
            port=port,
            threads=threads,
            ident="Lodge",
            connection_limit=MAX_CONNECTIONS,
            backlog=MAX_CONNECTIONS,
            max_request_body_size=MAX_REQUEST_BYTES,
            asyncore_use_poll=True,
        )
    except OSError as error:
        why = f"Cannot listen at {host}:{port}: {error.strerror}. Take another --port or --host."
        raise click.ClickException(why) from None
    get_bundle(app)  # a template that phones could not draw stops the start
    stop = runner.start_thread(app)
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0") else host
    click.echo(f"Lodge is at http://{shown}:{port}  (Ctrl+C ends it)")
    try:
        server.run()
    finally:
        stop.set()


@main.command()
@click.option("--site", "site_id", help="The id of the site; not needed when there is only one.")
def enrol(site_id: str | None) -> None:
    """Print a code that enrols one phone, once, within ten minutes."""
    with create_app().app_context():
        require_current_schema()
        site = _find_site(site_id)
        code = devices.issue_code(site.id, None)
        name = localize(site.label, SOURCE_LANGUAGE)
        click.echo(f"{name}: type this on the phone within ten minutes: {code}")


def _find_site(site_id: str | None) -> Site:
    sites: Sequence[Site] = db.session.scalars(select(Site).order_by(Site.id)).all()
    if site_id is None and demo.demo_size():
        site_id = demo.main_site_id()
    found = [site for site in sites if site_id in (None, site.id)]
    if len(found) == 1:
        return found[0]
    known = "\n".join(f"  {site.id}  {localize(site.label, SOURCE_LANGUAGE)}" for site in sites)
    raise click.UsageError(
        f"Say which site with --site:\n{known}"
        if sites
        else "There is no site. Run: lodge site add"
    )


@main.group()
def site() -> None:
    """Sites: the estates that this server looks after."""


@site.command("add")
@click.argument("name")
@click.option("--english", help="What it is called in English.")
def add_site(name: str, english: str | None) -> None:
    """Begin a site, and print its id as the last word."""
    with create_app().app_context():
        require_current_schema()
        id_ = receive.make_op("site.add", None, {})["subject"]
        receive.create_site(id_)
        since = datetime.now(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
        label = {DEFAULT_LANGUAGE: name, SOURCE_LANGUAGE: english or name}
        begin = receive.make_op("site.add", id_, {"label": label})
        pack = [*seed.inactive_schedule_ops(id_, since.isoformat()), *seed.shared_content_ops(id_)]
        receive.submit_many(id_, [begin, *pack])
        click.echo(f"{name} is site {id_}")


@main.group()
def user() -> None:
    """People who work on a site."""


@user.command("list")
@click.option("--site", "site_id")
def list_users(site_id: str | None) -> None:
    """Everybody at a site."""
    with create_app().app_context():
        require_current_schema()
        for person in db.session.scalars(Person.for_site(_find_site(site_id).id)):
            gone = "  (left)" if person.active_to else ""
            click.echo(f"{person.id}  {person.name}  {', '.join(person.roles)}{gone}")


@user.command("add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(ROLES))
@click.option("--site", "site_id")
@click.option("--username", help="For the desk: a name to sign in with; a password is printed.")
@click.option("--pin", help="For a phone: four to eight digits; made and printed when not given.")
def add_user(
    name: str, roles: tuple[str, ...], site_id: str | None, username: str | None, pin: str | None
) -> None:
    """Add a person; print the PIN, and with --username the password."""
    with create_app().app_context():
        require_current_schema()
        site = _find_site(site_id)
        person = receive.make_op("person.add", None, {})["subject"]
        pin = _checked_pin(pin or f"{secrets.randbelow(10_000):04}")
        password = secrets.token_urlsafe(12) if username else None
        _save_credentials(person, pin, username, password)
        answer = receive.submit(site.id, "person.add", person, {"name": name, "roles": list(roles)})
        if answer["status"] != "applied":
            raise click.ClickException(answer["text"])
        click.echo(f"{name} has the PIN {pin}")
        if password:
            click.echo(f"and signs in as {username} with the password {password}")


@user.command("password")
@click.argument("person_id")
@click.option("--username", required=True)
def change_password(person_id: str, username: str) -> None:
    """Set a password; it is asked for twice."""
    with create_app().app_context():
        require_current_schema()
        _sites_of(person_id)
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        if password_weakness(username, password):
            raise click.UsageError(
                f"Take at least {MIN_PASSWORD_LENGTH} signs that are hard to guess."
            )
        _save_credentials(person_id, None, username, password)
        click.echo("The password is set.")


@user.command("pin")
@click.argument("person_id")
@click.option("--pin", prompt=True, hide_input=True, confirmation_prompt=True)
def change_pin(person_id: str, pin: str) -> None:
    """Set the PIN that a person unlocks a phone with."""
    with create_app().app_context():
        require_current_schema()
        sites = _sites_of(person_id)
        _save_credentials(person_id, _checked_pin(pin), None, None)
        for site_id in sites:
            receive.submit(site_id, "person.secure", person_id, {})
        click.echo("The PIN is set; phones learn it at their next contact.")


def _checked_pin(pin: str) -> str:
    if not (pin.isascii() and pin.isdigit() and 4 <= len(pin) <= 8):
        raise click.UsageError("A PIN has four to eight digits.")
    return pin


def _sites_of(person_id: str) -> Sequence[str]:
    here = select(Person.site_id).where(Person.id == person_id)
    sites: Sequence[str] = db.session.scalars(here).all()
    if not sites:
        raise click.UsageError("Nobody has this id. See: lodge user list")
    return sites


def _save_credentials(
    person_id: str, pin: str | None, username: str | None, password: str | None
) -> None:
    try:
        with write_transaction():
            if pin:
                set_pin(person_id, pin)
            if username and password:
                set_password(person_id, username, password)
    except IntegrityError:
        raise click.UsageError(f"Somebody signs in as {username} already.") from None
    invalidate_directories()


@main.command("verify")
@click.option("--expect", "links", multiple=True, help="A link that was printed before.")
def verify_command(links: tuple[str, ...]) -> None:
    """Recompute every record from the log; exit with 1 if anything differs.

    Keep the newest link that it prints, on paper or with somebody else: --expect then tells
    whether the log still contains it, also when its end was cut off and sealed anew.
    """
    with create_app().app_context():
        require_current_schema()
        looks = {site: replay.verify_site(site) for site in replay.all_site_ids()}
    faults = {site: look.faults for site, look in looks.items()}
    gone = [link for link in links if not any(link in look.links for look in looks.values())]
    faults |= {
        "log": [f"the link {link} is in no log: the log was cut or rewritten" for link in gone]
    }
    for site, found in faults.items():
        for fault in found:
            click.echo(f"{site}: {fault}", err=True)
    newest = {site: look.newest_link for site, look in looks.items()}
    click.echo(json.dumps({**summary(faults), "sites": len(looks), "links": newest}))
    sys.exit(1 if any(faults.values()) else 0)


@main.command("purge")
def purge_command() -> None:
    """Forget visitors whose time of keeping is over; `serve` does so by itself."""
    with create_app().app_context():
        require_current_schema()
        done = {
            site: retention.purge_expired(site, datetime.now(UTC)) for site in replay.all_site_ids()
        }
    click.echo(json.dumps({site: asdict(counts) for site, counts in done.items()}))


@main.command("compact")
def compact_command() -> None:
    """Take what left the feed long ago out of it; `serve` does so by itself, once a day."""
    with create_app().app_context():
        require_current_schema()
        done = {
            site: compaction.compact_feed(site, datetime.now(UTC)) for site in replay.all_site_ids()
        }
    click.echo(json.dumps(done))


@main.command("backup")
@click.argument("target", type=click.Path(dir_okay=False, writable=True, path_type=Path))
def backup_command(target: Path) -> None:
    """Write everything into one file, while the server works; then read it again."""
    with create_app().app_context():
        require_current_schema()
        told = _report_backup_error(lambda: backup.create_backup(target))
    click.echo(json.dumps({name: told[name] for name in ("taken_at", "version", "sites")}))


@main.command("restore")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore_command(source: Path) -> None:
    """Put a backup in place of what is here. Phones send again what they still hold."""
    with create_app().app_context():
        told = _report_backup_error(lambda: backup.restore_backup(source))
        upgrade()
        faults = {site: replay.find_faults(site) for site in replay.all_site_ids()}
    click.echo(json.dumps({**summary(faults), "taken_at": told["taken_at"]}))


@main.command("move")
@click.argument("database_url")
def move_command(database_url: str) -> None:
    """Copy everything into the empty database of a URL; then serve from there."""
    here, there = create_app(), create_app({"SQLALCHEMY_DATABASE_URI": database_url})
    with here.app_context():
        require_current_schema()
    try:
        rows = transfer.copy_database(here, there)
    except transfer.TransferError as error:
        raise click.ClickException(str(error)) from None
    with there.app_context():
        faults = {site: replay.find_faults(site) for site in replay.all_site_ids()}
    click.echo(json.dumps({**summary(faults), "rows": sum(rows.values())}))
    sys.exit(1 if any(faults.values()) else 0)


def _report_backup_error(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return work()
    except backup.BackupError as error:
        raise click.ClickException(str(error)) from None


def summary(faults: dict[str, list[str]]) -> dict[str, Any]:
    """What `verify` says in one line."""
    number = sum(map(len, faults.values()))
    return {"at": datetime.now(UTC).isoformat(), "sites": len(faults), "differences": number}


@main.command()
def version() -> None:
    """Print which Lodge this is."""
    click.echo(VERSION)
