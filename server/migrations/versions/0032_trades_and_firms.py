"""Trades of repair workers, firms of contractors' workers, and tickets that wait for a trade."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("person") as batch_op:
        batch_op.add_column(sa.Column("trades", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("contractor_id", sa.String(), nullable=True))
    with op.batch_alter_table("ticket") as batch_op:
        batch_op.add_column(sa.Column("asked_trade", sa.String(), nullable=True))
