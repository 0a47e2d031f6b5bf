"""Indexes by which every statement finds its rows without reading all of a site's."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

REPLACED = (
    ("op", ("site_id", "subject"), ("site_id", "subject", "place")),
    ("op", ("site_id", "status"), ("site_id", "status", "place")),
    ("inspection", ("site_id", "slot"), ("site_id", "slot", "inspected_at")),
    ("release", ("site_id", "visit"), ("site_id", "visit", "recorded_at")),
    ("ticket", ("site_id", "closed_at"), ("site_id", "closed_at", "opened_at")),
)
ADDED = (
    ("task", ("site_id", "done_at")),
    ("entry", ("site_id", "out_at")),
    ("entry", ("site_id", "joined_at")),
    ("entry", ("site_id", "ticket")),
    ("entry", ("site_id", "visit")),
    ("release", ("site_id", "purged_at")),
    ("visit", ("site_id", "purged_at")),
    ("ticket", ("site_id", "feedback_at")),
    ("ticket", ("site_id", "about", "opened_at")),
    ("photo_link", ("site_id", "subject", "sha256")),
    ("photo_link", ("site_id", "subject_type")),
)


def upgrade() -> None:
    for table, old, new in REPLACED:
        op.create_index(f"ix_{table}_{'_'.join(new)}", table, list(new))
        op.drop_index(f"ix_{table}_{'_'.join(old)}", table)
    for table, columns in ADDED:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
