"""Keys of people lie with their site, and indexes of the security log are named by the rule."""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

INDEXES = (
    ("access", ("site_id", "at")),
    ("access_count", ("site_id", "event", "since")),
)


def upgrade() -> None:
    for table, columns in INDEXES:
        op.drop_index(f"ix_{table}_site_id", table)
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
    with op.batch_alter_table("credential") as batch_op:
        batch_op.drop_constraint("pk_credential", type_="primary")
        batch_op.create_primary_key("pk_credential", ["site_id", "id"])
