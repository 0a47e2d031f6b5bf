"""The record of pest control: agent, dose, method, firm and the notice to residents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("task") as batch_op:
        for name in ("agent", "dose", "method", "firm", "notice"):
            batch_op.add_column(sa.Column(name, sa.String(), nullable=True))
