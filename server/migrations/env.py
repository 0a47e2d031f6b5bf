"""How alembic finds our tables: through the application, in one transaction."""

from __future__ import annotations

from alembic import context

import server.models  # noqa: F401 - the tables have to be known
from server.db.engine import db


def run() -> None:
    with db.engine.connect() as connection:
        context.configure(connection=connection, target_metadata=db.metadata, render_as_batch=True)
        with context.begin_transaction():
            context.run_migrations()


run()
