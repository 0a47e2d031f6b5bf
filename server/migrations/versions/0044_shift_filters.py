"""Indexes for the filters of the list of shifts."""

from __future__ import annotations

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

COLUMNS = (("person_id", "opened_at"), ("closed_at", "handed_over_at", "opened_at"))


def upgrade() -> None:
    for columns in COLUMNS:
        op.create_index(f"ix_shift_site_id_{'_'.join(columns)}", "shift", ["site_id", *columns])
