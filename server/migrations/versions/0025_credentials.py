"""Credentials of people on phones, who made each op, and PINs that only the server checks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credential",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("site_id", sa.String(36), nullable=False),
        sa.Column("device_id", sa.String(36), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("public_key", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("activated_at", sa.DateTime(), nullable=True),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
    )
    for owner in ("device_id", "person_id"):
        name = f"ix_credential_site_id_{owner}"
        op.create_index(op.f(name), "credential", ["site_id", owner])
    with op.batch_alter_table("account") as batch_op:
        batch_op.add_column(sa.Column("pin_hash", sa.String(200), nullable=True))
        batch_op.add_column(sa.Column("pin_expires_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("draft_secret", sa.String(64), nullable=True))
    with op.batch_alter_table("op") as batch_op:
        batch_op.add_column(sa.Column("proof", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("credential", sa.String(), nullable=True))
