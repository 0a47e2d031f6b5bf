"""The people of each phone. Phones enrolled before belong to everybody of their site, as they did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device_person",
        sa.Column("site_id", sa.String(36), primary_key=True),
        sa.Column("device_id", sa.String(36), primary_key=True),
        sa.Column("person_id", sa.String(36), primary_key=True),
    )
    with op.batch_alter_table("device") as batch_op:
        batch_op.add_column(
            sa.Column("people_key", sa.String(32), server_default="*", nullable=False)
        )
    with op.batch_alter_table("enrolment") as batch_op:
        batch_op.add_column(sa.Column("people", sa.JSON(), nullable=True))
