"""The token of a phone is renewed: since when it is valid, and the next one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("device") as batch_op:
        batch_op.add_column(sa.Column("token_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("next_token_hash", sa.String(64), nullable=True))
        batch_op.create_index(op.f("ix_device_next_token_hash"), ["next_token_hash"])
