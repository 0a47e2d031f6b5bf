"""Every type with personal data has its days of retention; purge runs count by type; the privacy
notice says whom to ask."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

DAYS = {
    "entry_days": "90",
    "ticket_days": "365",
    "find_days": "365",
    "lost_days": "365",
    "arrears_days": "1095",
}
TABLES = ("ticket", "entry", "find", "lost", "arrears")
COUNTS = {"visit": "visits", "release": "releases", "regular": "regulars"}
NAMES = ("site_id", "at", *COUNTS.values())
PURGE = sa.table("purge", *map(sa.column, NAMES), sa.column("records", sa.JSON()))


def upgrade() -> None:
    with op.batch_alter_table("site") as batch_op:
        for name, days in DAYS.items():
            batch_op.add_column(sa.Column(name, sa.Integer(), server_default=days, nullable=False))
        for name in ("notice_contact", "notice_text"):
            batch_op.add_column(sa.Column(name, sa.JSON(), nullable=True))
    for name in TABLES:
        with op.batch_alter_table(name) as batch_op:
            batch_op.add_column(sa.Column("purged_at", sa.DateTime(), nullable=True))
        op.create_index(op.f(f"ix_{name}_site_id_purged_at"), name, ["site_id", "purged_at"])
    op.create_index(op.f("ix_lost_site_id_unit"), "lost", ["site_id", "unit"])
    with op.batch_alter_table("purge") as batch_op:
        batch_op.add_column(sa.Column("records", sa.JSON(), server_default="{}", nullable=False))
    _count_by_type()
    with op.batch_alter_table("purge") as batch_op:
        for name in (*COUNTS.values(), "before"):
            batch_op.drop_column(name)
        batch_op.alter_column("records", server_default=None)


def _count_by_type() -> None:
    connection = op.get_bind()
    for row in connection.execute(sa.select(PURGE)).all():
        counts = {type_: getattr(row, name) for type_, name in COUNTS.items()}
        one = PURGE.c.site_id == row.site_id, PURGE.c.at == row.at
        connection.execute(sa.update(PURGE).where(*one).values(records=counts))
