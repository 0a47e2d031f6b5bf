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

from server.db.engine import db, writing
from server.maintenance import backup
from server.maintenance.epoch import begin_epoch
from server.models import ServerState, SiteFeed
from server.oplog import hash_chain
from server.oplog.directory import names_of
from server.oplog.publish import redraw

DOOR = 0x10D6E
"""Names our lock among those of the database."""

DRAWN = "drawn"
"""For which version of the tables the bodies of the feed were drawn: an upgrade that was cut off
after the tables has still to draw them."""

FOLDER = str(Path(__file__).parents[1] / "migrations")


def upgrade() -> None:
    """Create the tables, or change them to what this version needs; begin the epoch."""
    with _alone():
        _upgrade()


@contextmanager
def _alone() -> Iterator[None]:
    """Of several servers that begin at once on PostgreSQL one works, the others wait for it."""
    if db.engine.dialect.name != "postgresql":
        yield
        return
    with db.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:door)"), {"door": DOOR})
        connection.commit()
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:door)"), {"door": DOOR})


def _upgrade() -> None:
    Migrate(current_app, db, directory=FOLDER)
    migrate_up()
    begin_epoch()
    if _drawn() != _newest():
        with writing():
            for site_id in db.session.scalars(select(SiteFeed.site_id)).all():
                redraw(site_id, names_of(site_id))
                if not db.session.get_one(SiteFeed, site_id).link:
                    hash_chain.begin(site_id)  # a log from before there were seals
            db.session.merge(ServerState(key=DRAWN, value=_newest()))


def refuse_behind() -> None:
    """Stop with the remedy when the database is not of this version, or was only half put back."""
    if backup.is_cut_off():
        raise click.ClickException("A restore was cut off. Run it again: lodge restore")
    current = _revision()
    if current is None:
        raise click.ClickException("There is no database yet. Run: lodge init")
    if current != _newest() or _drawn() != _newest():
        raise click.ClickException("The database is of another version. Run: lodge init")


def _newest() -> str | None:
    return ScriptDirectory(FOLDER).get_current_head()


def _drawn() -> str | None:
    row = db.session.get(ServerState, DRAWN)
    db.session.rollback()
    return row.value if row else None


def _revision() -> str | None:
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()
