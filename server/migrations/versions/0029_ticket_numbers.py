"""Tickets get numbers that the server gives, with the code of their slip."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ticket_number",
        sa.Column("site_id", sa.String(36), primary_key=True),
        sa.Column("number", sa.String(7), primary_key=True),
        sa.Column("device_id", sa.String(36), nullable=True),
        sa.Column("ticket_id", sa.String(36), nullable=True),
        sa.Column("given_at", sa.DateTime(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
    )
    op.create_index(
        op.f("ix_ticket_number_site_id_device_id"), "ticket_number", ["site_id", "device_id"]
    )
    with op.batch_alter_table("ticket") as batch_op:
        batch_op.add_column(sa.Column("slip", sa.String(), nullable=True))
