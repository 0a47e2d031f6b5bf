"""An index for the list of conflicts by the time they were detected."""

from __future__ import annotations

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_merge_site_id_opened_at", "merge", ["site_id", "opened_at"])
