"""Remember which tickets are not the same matter."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("ticket") as batch_op:
        batch_op.add_column(
            sa.Column("apart_ids", sa.JSON(), nullable=False, server_default=sa.text("'[]'"))
        )
