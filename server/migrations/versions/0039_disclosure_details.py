"""What a site discloses beside the figures of a month."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

COLUMNS = (
    *("company", "company_licence", "project_head", "project_phone", "complaint_phone"),
    *("fee_items", "quality_terms", "fund_use", "common_income"),
)


def upgrade() -> None:
    with op.batch_alter_table("site") as batch_op:
        for name in COLUMNS:
            batch_op.add_column(sa.Column(name, sa.String(), nullable=True))
