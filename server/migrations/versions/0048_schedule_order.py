"""The key by which schedules are sorted in the natural order of their codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.protocol.normalise import natural_key

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

SCHEDULE = sa.table(
    "schedule", *(sa.column(name, sa.String()) for name in ("site_id", "id", "code", "sort_key"))
)


def upgrade() -> None:
    with op.batch_alter_table("schedule") as batch_op:
        batch_op.add_column(sa.Column("sort_key", sa.String(), server_default="", nullable=False))
    connection = op.get_bind()
    rows = connection.execute(sa.select(SCHEDULE.c.site_id, SCHEDULE.c.id, SCHEDULE.c.code))
    keys = [
        {"of_site": row.site_id, "of_id": row.id, "sort_key": natural_key(row.code)} for row in rows
    ]
    one = SCHEDULE.c.site_id == sa.bindparam("of_site"), SCHEDULE.c.id == sa.bindparam("of_id")
    if keys:
        connection.execute(sa.update(SCHEDULE).where(*one), keys)
