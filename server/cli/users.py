"""Commands about people: their records, PINs and passwords."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from gettext import gettext as _
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from server import create_app
from server.auth.credentials import get_or_create_account, set_password
from server.auth.password_rules import MIN_PASSWORD_LENGTH, context_names, password_weakness
from server.auth.pins import MIN_PIN_LENGTH, new_pin, pin_weakness, reset_pin
from server.auth.second_factors import remove_second_factors
from server.auth.sessions import end_all_sessions
from server.cli.sites import SITE_OPTION, find_site
from server.cli.texts import N_
from server.db.engine import db, write_transaction
from server.maintenance.upgrade import require_current_schema
from server.models.people import Person
from server.oplog import receive
from server.oplog.security_log import log_access
from sync.protocol.roles import ROLES, TRADES


@click.group(help=N_("People who work at a site."))
def user() -> None:
    pass


@user.command("list", help=N_("List the people of a site."))
@SITE_OPTION
def list_users(site_name: str | None) -> None:
    with create_app().app_context():
        require_current_schema()
        for person in db.session.scalars(Person.for_site(find_site(site_name).id)):
            left = "  " + _("(left)") if person.active_to else ""
            click.echo(f"{person.id}  {person.name}  {', '.join(person.roles)}{left}")


@user.command("add", help=N_("Add a person; print the PIN, and with --username the password."))
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(ROLES))
@click.option(
    "--trade",
    "trades",
    multiple=True,
    type=click.Choice(TRADES),
    help=N_("Trade of a repair worker; may be given several times."),
)
@SITE_OPTION
@click.option("--number", help=N_("Staff number, with which the person unlocks any phone."))
@click.option("--username", help=N_("User name for the desk; a password is generated and printed."))
@click.option(
    "--pin", help=N_("One-time PIN for phones, at least six digits; generated if it is not given.")
)
def add_user(
    name: str,
    roles: tuple[str, ...],
    trades: tuple[str, ...],
    site_name: str | None,
    number: str | None,
    username: str | None,
    pin: str | None,
) -> None:
    with create_app().app_context():
        require_current_schema()
        site = find_site(site_name)
        person = receive.make_op("person.add", None, {})["subject"]
        pin = _checked_pin(pin or new_pin())
        password, now = secrets.token_urlsafe(12) if username else None, datetime.now(UTC)
        _save_credentials(person, pin, username, password, now)
        payload: dict[str, Any] = {"name": name, "roles": list(roles)}
        payload |= {"trades": list(trades)} if trades else {}
        payload |= {"employee_no": number} if number else {}
        answer = receive.submit(site.id, "person.add", person, payload)
        if answer["status"] != "applied":
            raise click.ClickException(answer["text"])
        log_access("role", site_id=site.id, by=None, about=person, details={"action": "added"})
        _log_changes(person, pin, password, now)
        click.echo(_("One-time PIN of %(name)s: %(pin)s") % {"name": name, "pin": pin})
        if password:
            account = {"username": username, "password": password}
            click.echo(_("User name %(username)s, password %(password)s") % account)


@user.command(
    "password",
    help=N_("Set a first password, which works once; it is asked for twice. All sessions end."),
)
@click.argument("person_id")
@click.option("--username", required=True)
def change_password(person_id: str, username: str) -> None:
    with create_app().app_context():
        require_current_schema()
        _sites_of(person_id)
        password = click.prompt(_("Password"), hide_input=True, confirmation_prompt=True)
        if password_weakness(username, password, context_names(person_id)):
            raise click.UsageError(
                _("Use at least %(number)d characters that are hard to guess.")
                % {"number": MIN_PASSWORD_LENGTH}
            )
        now = datetime.now(UTC)
        _save_credentials(person_id, None, username, password, now)
        _log_changes(person_id, None, password, now)
        click.echo(_("The password is set. It works once, and has to be changed then."))


@user.command("second-step", help=N_("Remove the second step of a person who lost it."))
@click.argument("person_id")
def remove_second_step(person_id: str) -> None:
    with create_app().app_context():
        require_current_schema()
        _sites_of(person_id)
        with write_transaction():
            remove_second_factors(get_or_create_account(person_id))
            end_all_sessions(person_id)
            details = {"action": "removed"}
            log_access("second_factor", site_id=None, by=None, about=person_id, details=details)
        click.echo(_("Passkeys, app and recovery codes are removed; all sessions have ended."))


@user.command("pin", help=N_("Set a one-time PIN with which a person unlocks a phone."))
@click.argument("person_id")
@click.option("--pin", help=N_("At least six digits; generated if it is not given."))
def change_pin(person_id: str, pin: str | None) -> None:
    with create_app().app_context():
        require_current_schema()
        site_ids = _sites_of(person_id)
        pin = _checked_pin(pin or new_pin())
        now = datetime.now(UTC)
        _save_credentials(person_id, pin, None, None, now)
        _log_changes(person_id, pin, None, now)
        for site_id in site_ids:
            receive.submit(site_id, "person.secure", person_id, {})
        click.echo(
            _("One-time PIN: %(pin)s. The person chooses a new one on the phone.") % {"pin": pin}
        )


def _checked_pin(pin: str) -> str:
    if pin_weakness(pin):
        raise click.UsageError(
            _("A PIN has at least %(number)d digits that are hard to guess.")
            % {"number": MIN_PIN_LENGTH}
        )
    return pin


def _sites_of(person_id: str) -> Sequence[str]:
    query = select(Person.site_id).where(Person.id == person_id)
    site_ids: Sequence[str] = db.session.scalars(query).all()
    if not site_ids:
        raise click.UsageError(_("Nobody has this id. Run: lodge user list"))
    return site_ids


def _log_changes(person_id: str, pin: str | None, password: str | None, now: datetime) -> None:
    """Write into the security log what was set from the command line."""
    for event, value in (("pin", pin), ("password", password)):
        if value:
            log_access(event, site_id=None, by=None, about=person_id, keys_at=now)


def _save_credentials(
    person_id: str, pin: str | None, username: str | None, password: str | None, now: datetime
) -> None:
    try:
        with write_transaction():
            if pin:
                reset_pin(person_id, now, pin)
            if username and password:
                set_password(person_id, username, password, first=True)
                end_all_sessions(person_id)
    except IntegrityError:
        message = _("The user name %(username)s is taken.") % {"username": username}
        raise click.UsageError(message) from None
