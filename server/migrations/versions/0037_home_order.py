"""The key by which homes are sorted in the natural order of their labels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.protocol.normalise import natural_key

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

UNIT = sa.table(
    "unit",
    sa.column("site_id", sa.String()),
    sa.column("id", sa.String()),
    sa.column("label", sa.JSON()),
    sa.column("sort_key", sa.String()),
)


def upgrade() -> None:
    with op.batch_alter_table("unit") as batch_op:
        batch_op.add_column(sa.Column("sort_key", sa.String(), server_default="", nullable=False))
    connection = op.get_bind()
    keys = [
        {
            "of_site": row.site_id,
            "of_id": row.id,
            "sort_key": natural_key(row.label[min(row.label)]),
        }
        for row in connection.execute(sa.select(UNIT.c.site_id, UNIT.c.id, UNIT.c.label))
        if row.label
    ]
    one = UNIT.c.site_id == sa.bindparam("of_site"), UNIT.c.id == sa.bindparam("of_id")
    if keys:
        connection.execute(sa.update(UNIT).where(*one), keys)
    op.create_index("ix_unit_site_id_sort_key", "unit", ["site_id", "sort_key"])
