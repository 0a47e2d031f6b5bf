"""When a task or a round was planned after it had begun, and who reassigned a task.

Nothing of the kind was recorded before, so both are empty for what is there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("task") as batch_op:
        batch_op.add_column(sa.Column("planned_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("reassigned_by_id", sa.String(), nullable=True))
    with op.batch_alter_table("round") as batch_op:
        batch_op.add_column(sa.Column("planned_at", sa.DateTime(), nullable=True))
