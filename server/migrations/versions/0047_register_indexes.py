"""Indexes for the filters of the security log and of trainings."""

from __future__ import annotations

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

INDEXES = (
    ("access", ("site_id", "by_id", "at")),
    ("access", ("site_id", "about_id", "at")),
    ("training", ("site_id", "closed_at")),
)


def upgrade() -> None:
    for table, columns in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
