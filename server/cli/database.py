"""Commands about the whole database."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from gettext import gettext as _
from pathlib import Path
from typing import IO, Any

import click

from server import create_app
from server.cli.texts import N_
from server.config import KEY_FILE, add_key
from server.jobs import compaction, retention
from server.maintenance import backup, demo, seed, serving_role, transfer, verification
from server.maintenance.backup_seal import is_encrypted
from server.maintenance.epoch import epoch_ends
from server.maintenance.upgrade import require_current_schema, upgrade
from server.oplog import hash_chain, receive, replay, security_log
from server.oplog.security_log import log_access
from server.version import VERSION
from sync.protocol.clock import format_time

SIZE_OPTION = click.option(
    "--size",
    type=click.Choice(demo.SIZES),
    help=N_(
        "Size of the demo data: large has 2,592 homes and a month of records, and takes "
        "minutes. By default that of the demo data that is there, else small."
    ),
)


@click.command(help=N_("Create the database, or upgrade it to this version."))
@click.option("--demo", "with_demo", is_flag=True, help=N_("Add the invented demo data."))
@SIZE_OPTION
def init(with_demo: bool, size: str | None) -> None:
    app = create_app()
    with app.app_context():
        upgrade()
        security_log.seal_older_rows()
        for site_id in replay.all_site_ids():  # content that this version adds
            receive.submit_many(site_id, list(seed.shared_content_ops(site_id)))
        if with_demo:
            demo.build(size=size or demo.demo_size() or "small")
            security_log.seal_rows()
    click.echo(_("The database is ready."))


@click.command(
    help=N_(
        "Recompute every record from the log; exit with 1 if anything differs.\n\n"
        "Keep what `lodge links` prints, on paper or with somebody else: --expect then checks "
        "whether the log still contains it, even if its end was cut off and chained again."
    )
)
@click.option(
    "--expect",
    "noted",
    multiple=True,
    help=N_("A link, or a text with links such as the output of `lodge links`."),
)
@click.option(
    "--expect-file",
    "files",
    multiple=True,
    type=click.File(),
    help=N_("A file with such texts; - is the standard input."),
)
def verify(noted: tuple[str, ...], files: tuple[IO[str], ...]) -> None:
    texts = [*noted, *(file.read() for file in files)]
    expected = [link for text in texts for link in _links(text)]
    with create_app().app_context():
        require_current_schema()
        reports = {site: replay.verify_site(site) for site in replay.all_site_ids()}
        faults = {
            site: [*report.faults, *verification.site_faults(site)]
            for site, report in reports.items()
        }
        faults["server"] = verification.server_faults()
    faults["log"] = _missing_links(expected, reports)
    for site, report in reports.items():
        for note in report.notes:
            click.echo(f"{site}: {note}", err=True)
    for site, site_faults in faults.items():
        for fault in site_faults:
            click.echo(f"{site}: {fault}", err=True)
    newest = {site: report.newest_link for site, report in reports.items()}
    click.echo(json.dumps({**_summary(faults), "sites": len(reports), "links": newest}))
    sys.exit(1 if any(faults.values()) else 0)


def _missing_links(
    links: Sequence[str], reports: Mapping[str, replay.VerificationReport]
) -> list[str]:
    """A sentence for each link that no log has."""
    lost = _("The link %(link)s is in no log: the log was cut off or rewritten.")
    known = set[str]().union(*(report.links for report in reports.values()))
    return [lost % {"link": link} for link in links if link not in known]


def _links(text: str) -> list[str]:
    """The links in a text that somebody kept."""
    found = re.findall(r"\b[0-9a-f]{64}\b", text.lower())
    if not found:
        raise click.UsageError(
            _("There is no link in this text: %(text)s. Give what `lodge links` printed.")
            % {"text": text.strip()[:80] or "–"}
        )
    return found


@click.command(
    help=N_(
        "Print the newest link of each site's log, one line a site, to be kept outside this "
        "server. `lodge verify --expect` or --expect-file later takes exactly these lines."
    )
)
def links() -> None:
    with create_app().app_context():
        require_current_schema()
        heads = {site: hash_chain.log_head(site) for site in replay.all_site_ids()}
        for site, head in heads.items():
            details = {"log_place": head.judged}
            log_access("log_head", site_id=site, by=None, details=details)
    at = format_time(datetime.now(UTC))
    for site, head in heads.items():
        click.echo(f"{at} {site} {head.judged} {head.link}")


@click.command(
    help=N_("Erase personal data past its retention period; `serve` does this every ten minutes.")
)
def purge() -> None:
    with create_app().app_context():
        require_current_schema()
        now = datetime.now(UTC)
        counts = {site: retention.purge_expired(site, now) for site in replay.all_site_ids()}
    click.echo(json.dumps({site: asdict(of_site) for site, of_site in counts.items()}))


@click.command(help=N_("Remove old deletions from the sync feed; `serve` does this once a day."))
def compact() -> None:
    with create_app().app_context():
        require_current_schema()
        now = datetime.now(UTC)
        counts = {site: compaction.compact_feed(site, now) for site in replay.all_site_ids()}
    click.echo(json.dumps(counts))


@click.command(
    "backup",
    help=N_("Write database, photos and key into one file, while the server runs; then check it."),
)
@click.argument("target", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option(
    "--encrypt",
    is_flag=True,
    help=N_("Encrypt it with a passphrase: LODGE_BACKUP_PASSPHRASE, or it is asked for."),
)
def backup_command(target: Path, encrypt: bool) -> None:
    passphrase = _passphrase(confirm=True) if encrypt else None
    with create_app().app_context():
        require_current_schema()
        manifest = backup.create_backup(target, passphrase)
        log_access("backup", site_id=None, by=None)
    click.echo(
        json.dumps({name: manifest[name] for name in ("taken_at", "version", "sites", "links")})
    )


@click.command(
    help=N_("Replace everything by a backup. Phones send again what the backup does not have.")
)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=N_("The file backup-key of the server that made the backup, if it was another one."),
)
@click.option(
    "--unverified", is_flag=True, help=N_("Take a backup although its seal cannot be checked.")
)
def restore(source: Path, key_file: Path | None, unverified: bool) -> None:
    passphrase = _passphrase(confirm=False) if is_encrypted(source) else None

    def finish(manifest: dict[str, Any]) -> None:
        upgrade()
        security_log.seal_older_rows()
        _log_new_epoch({"taken_at": manifest["taken_at"], "unverified": unverified})

    with create_app().app_context():
        manifest = backup.restore_backup(
            source, passphrase, key_file, unverified=unverified, finish=finish
        )
        reports = {site: replay.verify_site(site) for site in replay.all_site_ids()}
    faults = {site: report.faults for site, report in reports.items()}
    noted = [end["link"] for end in manifest.get("links", {}).values() if end["link"]]
    faults["log"] = _missing_links(noted, reports)
    click.echo(
        json.dumps({**_summary(faults), "sites": len(reports), "taken_at": manifest["taken_at"]})
    )


@click.command(help=N_("Copy everything into the empty database at a URL; then serve from there."))
@click.argument("database_url")
def move(database_url: str) -> None:
    source, target = create_app(), create_app({"SQLALCHEMY_DATABASE_URI": database_url})
    with source.app_context():
        require_current_schema()
    rows = transfer.copy_database(source, target)
    with target.app_context():
        _log_new_epoch({"action": "moved"})
        faults = {site: replay.find_faults(site) for site in replay.all_site_ids()}
    click.echo(json.dumps({**_summary(faults), "rows": sum(rows.values())}))
    sys.exit(1 if any(faults.values()) else 0)


@click.command(
    help=N_("Let another PostgreSQL role serve: it can add to the log, but not rewrite it.")
)
@click.argument("role")
def grant(role: str) -> None:
    with create_app().app_context():
        require_current_schema()
        serving_role.grant(role)
    click.echo(_("%(role)s can serve now. Use it in LODGE_DATABASE_URL.") % {"role": role})


@click.command(help=N_("Print the version."))
def version() -> None:
    click.echo(VERSION)


@click.group(help=N_("The secret key of this server."))
def key() -> None:
    pass


@key.command(
    "rotate",
    help=N_(
        "Make a new secret key. Older ones still verify: nobody is signed out, and printed labels "
        "stay valid. Restart the server afterwards."
    ),
)
def rotate_key() -> None:
    app = create_app()
    with app.app_context():
        require_current_schema()
        folder = Path(app.config["DATA_DIR"])
        log_access("key_rotated", site_id=None, by=None)
        number = add_key(folder / KEY_FILE)
    message = _("A new key signs from the next start on; %(number)d older ones still verify.")
    click.echo(message % {"number": number - 1})


def _passphrase(*, confirm: bool) -> str:
    from_environment = os.environ.get("LODGE_BACKUP_PASSPHRASE")
    if from_environment:
        return from_environment
    prompt = _("Passphrase of the backup")
    return str(click.prompt(prompt, hide_input=True, confirmation_prompt=confirm))


def _log_new_epoch(details: dict[str, Any]) -> None:
    """Write into the security log why a new epoch began, and how the former one ended."""
    ended = epoch_ends()[-1:]
    details |= {"epoch": ended[0]} if ended else {}
    log_access("restore", site_id=None, by=None, details=details)


def _summary(faults: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """When the log was checked, the number of sites and of differences, for one line of JSON."""
    differences = sum(map(len, faults.values()))
    return {
        "at": datetime.now(UTC).isoformat(),
        "sites": len(faults),
        "differences": differences,
    }
