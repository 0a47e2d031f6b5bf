"""The shape of the database, and bringing an older one up to this version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_migrate import Migrate
from flask_migrate import upgrade as migrate_up
from sqlalchemy import select, text

from server.db.engine import db, write_transaction
from server.maintenance import backup
from server.maintenance.epoch import ensure_epoch
from server.models.feed import ServerState, SiteHead
from server.oplog import hash_chain
from server.oplog.directory import directory_of
from server.oplog.rebuild import rebuild_feed
from sync.protocol.roles import ROLES

ADVISORY_LOCK_ID = 0x10D6E
"""Names our lock among those of the database."""

FEED_BASIS_KEY = "drawn"
"""Key of the stored `_feed_basis` that the feed was last built from. An upgrade that was cut off
after the tables were changed has still to rebuild the feed."""

FOLDER = str(Path(__file__).parents[1] / "migrations")


def upgrade() -> None:
    """Create the tables, or change them to what this version needs; begin the epoch."""
    with _advisory_lock():
        _migrate()


@contextmanager
def _advisory_lock() -> Iterator[None]:
    """Of several servers that begin at once on PostgreSQL one works, the others wait for it."""
    if db.engine.dialect.name != "postgresql":
        yield
        return
    with db.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:door)"), {"door": ADVISORY_LOCK_ID})
        connection.commit()
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:door)"), {"door": ADVISORY_LOCK_ID})


def _migrate() -> None:
    Migrate(current_app, db, directory=FOLDER)
    migrate_up()
    ensure_epoch()
    if _stored_feed_basis() != _feed_basis():
        with write_transaction():
            for site_id in db.session.scalars(select(SiteHead.site_id)).all():
                rebuild_feed(site_id, directory_of(site_id))
                if not db.session.get_one(SiteHead, site_id).link:
                    hash_chain.chain_existing_log(site_id)  # a log from before there were seals
            db.session.merge(ServerState(key=FEED_BASIS_KEY, value=_feed_basis()))


def require_current_schema() -> None:
    """Stop with the remedy when the database is not of this version, or was only half put back."""
    if backup.is_restore_unfinished():
        raise click.ClickException("A restore was cut off. Run it again: lodge restore")
    current = _database_revision()
    if current is None:
        raise click.ClickException("There is no database yet. Run: lodge init")
    if current != _newest_revision() or _stored_feed_basis() != _feed_basis():
        raise click.ClickException("The database is of another version. Run: lodge init")


def _newest_revision() -> str | None:
    return ScriptDirectory(FOLDER).get_current_head()


def _feed_basis() -> str:
    """What rows of the feed depend on: the revision of the tables, and the bits of the roles."""
    return f"{_newest_revision()} {','.join(ROLES)}"


def _stored_feed_basis() -> str | None:
    row = db.session.get(ServerState, FEED_BASIS_KEY)
    db.session.rollback()
    return row.value if row else None


def _database_revision() -> str | None:
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
