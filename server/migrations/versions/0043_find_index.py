"""The index by which found items are listed that are still kept."""

from __future__ import annotations

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_find_site_id_ended_at_found_at", "find", ["site_id", "ended_at", "found_at"]
    )
