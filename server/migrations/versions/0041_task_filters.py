"""Indexes for the filters of the list of tasks."""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

COLUMNS = ("responsible_id", "area_id", "code")


def upgrade() -> None:
    for column in COLUMNS:
        name = f"ix_task_site_id_{column}_window_end"
        op.create_index(name, "task", ["site_id", column, "window_end"])
