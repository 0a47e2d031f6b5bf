"""Indexes for the page of a home: its tickets and its tasks."""

from __future__ import annotations

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

INDEXES = (("ticket", "site_id", "unit", "opened_at"), ("task", "site_id", "unit_id"))


def upgrade() -> None:
    for table, *columns in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
