"""Find undone tasks of a period by one index."""

from __future__ import annotations

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_task_site_id_done_at_window_end", "task", ["site_id", "done_at", "window_end"]
    )
    op.drop_index("ix_task_site_id_done_at", "task")
