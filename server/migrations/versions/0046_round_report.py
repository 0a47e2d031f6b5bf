"""What is known of each checkpoint of a round, counted, for the lists of the desk."""

from __future__ import annotations

from datetime import UTC
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from alembic import op

from sync.work.patrol_report import point_facts, uncounted_scans

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

FACTS = ("points", "scans", "skips", "elsewhere")
COUNTS = ("point_count", "open_points", "noted_points", "flagged_points", "uncounted_scans")
TO_REVIEW = {"early", "fast", "copied", "manual"}
ROUND = sa.table(
    "round",
    *(sa.column(name, sa.String()) for name in ("site_id", "id")),
    *(sa.column(name, sa.DateTime()) for name in ("window_start", "window_end")),
    *(sa.column(name, sa.JSON()) for name in (*FACTS, "outcomes")),
    *(sa.column(name, sa.Integer()) for name in COUNTS),
)


def upgrade() -> None:
    with op.batch_alter_table("round") as batch_op:
        batch_op.add_column(sa.Column("outcomes", sa.JSON(), server_default="[]", nullable=False))
        for name in COUNTS:
            batch_op.add_column(sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    connection = op.get_bind()
    one = ROUND.c.site_id == sa.bindparam("of_site"), ROUND.c.id == sa.bindparam("of_id")
    columns = [ROUND.c[name] for name in ("site_id", "id", "window_start", "window_end", *FACTS)]
    reports = [_report(row) for row in connection.execute(sa.select(*columns))]
    if reports:
        connection.execute(sa.update(ROUND).where(*one), reports)
    for column in ("route_id", "responsible_id"):
        name = f"ix_round_site_id_{column}_window_end"
        op.create_index(name, "round", ["site_id", column, "window_end"])


def _report(row: Any) -> dict[str, Any]:
    times = {
        name: getattr(row, name).replace(tzinfo=UTC) for name in ("window_start", "window_end")
    }
    round_: Any = SimpleNamespace(**{name: getattr(row, name) for name in FACTS}, **times)
    facts = point_facts(round_)
    return {
        "of_site": row.site_id,
        "of_id": row.id,
        "outcomes": facts,
        "point_count": len(facts),
        "open_points": sum(not each["state"] for each in facts),
        "noted_points": sum(each["state"] in ("late", "skipped") for each in facts),
        "flagged_points": sum(not TO_REVIEW.isdisjoint(each["flags"]) for each in facts),
        "uncounted_scans": len(uncounted_scans(round_)),
    }
