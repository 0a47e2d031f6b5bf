"""What lists of arrears are sorted and filtered by: what is owed, the state, the last call."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from sync.protocol.clock import parse_time
from sync.service.arrears import owed_cents, state

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

LISTS = ("lines", "calls", "paused_by")
TIMES = ("handed_at", "visit_approved_at", "visited_at", "appointment_at", "last_called_at")
NUMBERS = ("paid_cents", "owed_cents")
ARREARS = sa.table(
    "arrears",
    *(sa.column(name, sa.String()) for name in ("site_id", "id", "stored_state")),
    *(sa.column(name, sa.JSON()) for name in LISTS),
    *(sa.column(name, sa.DateTime()) for name in TIMES),
    *(sa.column(name, sa.BigInteger()) for name in NUMBERS),
)
IS_CALL = sa.text("kind = 'arrears.call'")


def upgrade() -> None:
    with op.batch_alter_table("arrears") as batch_op:
        batch_op.add_column(
            sa.Column("owed_cents", sa.BigInteger(), server_default="0", nullable=False)
        )
        batch_op.add_column(
            sa.Column("stored_state", sa.String(), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("last_called_at", sa.DateTime(), nullable=True))
    connection = op.get_bind()
    values = [_values(row._mapping) for row in connection.execute(sa.select(ARREARS))]
    one = ARREARS.c.site_id == sa.bindparam("of_site"), ARREARS.c.id == sa.bindparam("of_id")
    if values:
        connection.execute(sa.update(ARREARS).where(*one), values)
    for columns in (["site_id", "stored_state"], ["site_id", "collector_id"]):
        op.create_index(f"ix_arrears_{'_'.join(columns)}", "arrears", columns)
    op.create_index(
        "ix_op_site_id_calls",
        "op",
        ["site_id", "occurred_at"],
        sqlite_where=IS_CALL,
        postgresql_where=IS_CALL,
    )


def _values(account: Any) -> dict[str, Any]:
    calls = account["calls"]
    return {
        "of_site": account["site_id"],
        "of_id": account["id"],
        "owed_cents": owed_cents(account),
        "stored_state": state(account),
        "last_called_at": parse_time(calls[-1]["at"]).replace(tzinfo=None) if calls else None,
    }
