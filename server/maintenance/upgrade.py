"""Creates the schema of the database and upgrades an older one to this version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from gettext import gettext as _
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_migrate import Migrate
from flask_migrate import upgrade as migrate_up
from sqlalchemy import select, text

from server.db.engine import db, write_transaction
from server.maintenance import backup
from server.maintenance.epoch import ensure_epoch
from server.maintenance.serving_role import grant_again
from server.models.feed import ServerState, SiteHead
from server.oplog import hash_chain
from server.oplog.directory import directory_of
from server.oplog.rebuild import rebuild_feed
from sync.protocol.roles import ROLES

ADVISORY_LOCK_ID = 0x10D6E
"""Key of our advisory lock in PostgreSQL."""

FEED_BASIS_KEY = "drawn"
"""Row of `server_state` with the `_feed_basis` that the feed was last built from. It differs after
an upgrade that was interrupted between the migrations and the rebuild of the feed."""

FOLDER = str(Path(__file__).parents[1] / "migrations")


class SchemaError(Exception):
    """The database cannot be used as it is; the message says what to do."""


def upgrade() -> None:
    """Create or migrate the tables, set the first epoch, rebuild the feed for a new schema, and let
    the roles that serve use new tables."""
    with _advisory_lock():
        _migrate()


@contextmanager
def _advisory_lock() -> Iterator[None]:
    """On PostgreSQL, let one of several servers that start at once upgrade; the others wait."""
    if db.engine.dialect.name != "postgresql":
        yield
        return
    with db.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK_ID})
        connection.commit()
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK_ID})


def _migrate() -> None:
    Migrate(current_app, db, directory=FOLDER)
    migrate_up()
    ensure_epoch()
    if _stored_feed_basis() != _feed_basis():
        with write_transaction():
            for site_id in db.session.scalars(select(SiteHead.site_id)).all():
                rebuild_feed(site_id, directory_of(site_id))
                if not db.session.get_one(SiteHead, site_id).link:
                    hash_chain.chain_existing_log(site_id)  # a log of a version without a chain
            db.session.merge(ServerState(key=FEED_BASIS_KEY, value=_feed_basis()))
    grant_again()


def require_current_schema() -> None:
    """Raise SchemaError if the database is not of this version, or a restore was interrupted."""
    if backup.is_restore_unfinished():
        raise SchemaError(_("A restore was interrupted. Run it again: lodge restore"))
    current = _database_revision()
    if current is None:
        raise SchemaError(_("There is no database yet. Run: lodge init"))
    if current != _newest_revision() or _stored_feed_basis() != _feed_basis():
        raise SchemaError(_("The database is of another version. Run: lodge init"))


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
