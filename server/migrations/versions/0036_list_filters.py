"""Filters of lists: words that stand in no address, and saved views."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "list_filter",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("made_by_id", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("every", sa.String(), nullable=True),
        sa.Column("format", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("written_at", sa.DateTime(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_list_filter")),
    )
    for columns in (["site_id", "list_name", "name"], ["site_id", "digest"]):
        op.create_index(f"ix_list_filter_{'_'.join(columns)}", "list_filter", columns)
