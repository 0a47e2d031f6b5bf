"""The shape of the database, and bringing an older one up to this version."""

from __future__ import annotations

from pathlib import Path

import click
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_migrate import Migrate
from flask_migrate import upgrade as migrate_up

from server.begin import begin_epoch
from server.db import db

FOLDER = str(Path(__file__).parent / "migrations")


def upgrade() -> None:
    """Create the tables, or change them to what this version needs; begin the epoch."""
    Migrate(current_app, db, directory=FOLDER)
    migrate_up()
    begin_epoch()


def refuse_behind() -> None:
    """Stop with the remedy when the tables are not those of this version."""
    newest = ScriptDirectory(FOLDER).get_current_head()
    with db.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        raise click.ClickException("There is no database yet. Run: lodge init")
    if current != newest:
        raise click.ClickException("The database is of another version. Run: lodge init")
