"""Leave unknown what nobody said, and join the two records of one visit to a home."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("visit") as batch_op:
        batch_op.alter_column("party_size", existing_type=sa.Integer(), nullable=True)
    with op.batch_alter_table("release") as batch_op:
        batch_op.alter_column("quantity", existing_type=sa.Integer(), nullable=True)
    with op.batch_alter_table("entry") as batch_op:
        batch_op.alter_column("in_at", existing_type=sa.DateTime(), nullable=True)
        batch_op.alter_column("purpose", existing_type=sa.String(), nullable=True)
        batch_op.add_column(sa.Column("joined_to", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("joined_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("joined_by_id", sa.String(), nullable=True))
    with op.batch_alter_table("shift") as batch_op:
        batch_op.add_column(sa.Column("handover_note", sa.String(), nullable=True))
    with op.batch_alter_table("arrears") as batch_op:
        batch_op.add_column(sa.Column("visit_went_in", sa.Boolean(), nullable=True))
