"""Let a conflict name several ops and a note."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("merge") as batch_op:
        batch_op.add_column(
            sa.Column("more_op_ids", sa.JSON(), nullable=False, server_default=sa.text("'[]'"))
        )
        batch_op.add_column(sa.Column("note", sa.String(), nullable=True))
