"""Store who came late to a training."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("training") as batch_op:
        batch_op.add_column(
            sa.Column("late", sa.JSON(), nullable=False, server_default=sa.text("'{}'"))
        )
