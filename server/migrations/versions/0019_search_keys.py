"""Keys by which visits are found: the plate without dots and blanks, and names without what cannot be seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.protocol.normalise import name_key, plate_key

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NAMES = ("site_id", "id", "plate", "visitor", "host_person", "plate_key", "name_key")
VISIT = sa.table("visit", *(sa.column(name, sa.String()) for name in NAMES))


def upgrade() -> None:
    with op.batch_alter_table("visit") as batch_op:
        for name in ("plate_key", "name_key"):
            batch_op.add_column(sa.Column(name, sa.String(), server_default="", nullable=False))
        batch_op.drop_index(op.f("ix_visit_site_id_plate"))
    connection = op.get_bind()
    keys = [
        {
            "of_site": row.site_id,
            "of_id": row.id,
            "plate_key": plate_key(row.plate),
            "name_key": f"{name_key(row.visitor)}\n{name_key(row.host_person)}",
        }
        for row in connection.execute(sa.select(VISIT))
    ]
    one = VISIT.c.site_id == sa.bindparam("of_site"), VISIT.c.id == sa.bindparam("of_id")
    if keys:
        connection.execute(sa.update(VISIT).where(*one), keys)
