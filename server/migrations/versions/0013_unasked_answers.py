"""Let a ticket and a lost-property case say that something was not asked yet.

A ticket also gets the category of the problem. Earlier tickets keep what was recorded.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("ticket") as batch_op:
        batch_op.add_column(sa.Column("category", sa.String(), nullable=True))
        for name in ("channel", "matter"):
            batch_op.alter_column(name, existing_type=sa.String(), nullable=True)
    with op.batch_alter_table("lost") as batch_op:
        batch_op.alter_column("channel", existing_type=sa.String(), nullable=True)
