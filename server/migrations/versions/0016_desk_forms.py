"""Remember which forms of the desk were taken, and keep those whose session had ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "taken_form",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("location", sa.String(2000), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_taken_form")),
    )
    op.create_index(op.f("ix_taken_form_at"), "taken_form", ["at"])
    op.create_table(
        "unsaved_form",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("site_id", sa.String(36), nullable=False),
        sa.Column("page", sa.String(2000), nullable=False),
        sa.Column("address", sa.String(2000), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unsaved_form")),
    )
    op.create_index(op.f("ix_unsaved_form_person_id"), "unsaved_form", ["person_id"])
