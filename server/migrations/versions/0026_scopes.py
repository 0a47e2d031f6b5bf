"""Which phones hold a record: also by person, and only for a time. The digest comes from the rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("feed") as batch_op:
        for name in ("readers", "past_readers"):
            batch_op.add_column(sa.Column(name, sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("changes_at", sa.DateTime(), nullable=True))
        batch_op.create_index(op.f("ix_feed_site_id_changes_at"), ["site_id", "changes_at"])
    op.drop_table("feed_digest")
