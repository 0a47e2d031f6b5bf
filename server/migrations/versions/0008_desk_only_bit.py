"""Give the desk-only audience a fixed high bit.

Up to revision 0007 it was the bit after the seven roles, which an eighth role would have been given.
No phone could read that bit, so no row counts as changed and no digest of a phone changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OLD, NEW = 1 << 7, 1 << 62

MASKS = (("feed", "audience"), ("feed", "seen_by"), ("feed_digest", "audience"))


def upgrade() -> None:
    for table, name in MASKS:
        with op.batch_alter_table(table) as batch_op:
            batch_op.alter_column(
                name, existing_type=sa.Integer(), type_=sa.BigInteger(), existing_nullable=False
            )
        column = sa.column(name, sa.BigInteger())
        rows = sa.update(sa.table(table, column)).where(column.op("&")(OLD) != 0)
        op.execute(rows.values({name: column - OLD + NEW}))
