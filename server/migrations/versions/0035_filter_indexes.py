"""Indexes for the filters of the security log, and for cases about somebody."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

INDEXES = (
    ("access", ("site_id", "event", "at")),
    ("access", ("site_id", "device_id", "at")),
    ("case", ("site_id", "subject_id", "raised_at")),
)


def upgrade() -> None:
    for table, columns in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
