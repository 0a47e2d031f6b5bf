"""The working day of the field: rounds, items, inspections, shifts, cards, visits that are forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from server.db.engine import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "card",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("title", sa.JSON(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("phrase", sa.String(), nullable=True),
        sa.Column("order", sa.Integer(), nullable=False),
        sa.Column("clause", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("pack", sa.String(), nullable=True),
        sa.Column("withdrawn_at", UTCDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_card")),
    )
    op.create_table(
        "inspection",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("template_id", sa.String(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.JSON(), nullable=False),
        sa.Column("criteria", sa.JSON(), nullable=False),
        sa.Column("area", sa.String(), nullable=True),
        sa.Column("person", sa.String(), nullable=True),
        sa.Column("assessor_id", sa.String(), nullable=False),
        sa.Column("inspected_at", UTCDateTime(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("of_self", sa.Boolean(), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("shots", sa.JSON(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("gained", sa.Integer(), nullable=False),
        sa.Column("possible", sa.Integer(), nullable=False),
        sa.Column("formula", sa.String(), nullable=False),
        sa.Column("critical", sa.JSON(), nullable=False),
        sa.Column("official_at", UTCDateTime(), nullable=True),
        sa.Column("official_by_id", sa.String(), nullable=True),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.Column("photos_here", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_inspection")),
    )
    with op.batch_alter_table("inspection", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_inspection_site_id_inspected_at"),
            ["site_id", "inspected_at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_inspection_site_id_slot"), ["site_id", "slot"], unique=False
        )

    op.create_table(
        "purge",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("before", UTCDateTime(), nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("releases", sa.Integer(), nullable=False),
        sa.Column("regulars", sa.Integer(), nullable=False),
        sa.Column("photos", sa.Integer(), nullable=False),
        sa.Column("asides", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "at", name=op.f("pk_purge")),
    )
    op.create_table(
        "rectification",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("inspection_id", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.JSON(), nullable=False),
        sa.Column("critical", sa.Boolean(), nullable=False),
        sa.Column("area", sa.String(), nullable=True),
        sa.Column("person", sa.String(), nullable=True),
        sa.Column("responsible_id", sa.String(), nullable=True),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("raised_by_id", sa.String(), nullable=False),
        sa.Column("failed_at", UTCDateTime(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("finding", sa.String(), nullable=True),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("done_at", UTCDateTime(), nullable=True),
        sa.Column("done_by_id", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("verified_at", UTCDateTime(), nullable=True),
        sa.Column("verified_by_id", sa.String(), nullable=True),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.Column("photos_here", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_rectification")),
    )
    with op.batch_alter_table("rectification", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_rectification_site_id_due_at"), ["site_id", "due_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_rectification_site_id_inspection_id"),
            ["site_id", "inspection_id"],
            unique=False,
        )

    op.create_table(
        "regular",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("visitor", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("host_unit", sa.String(), nullable=True),
        sa.Column("firm", sa.String(), nullable=True),
        sa.Column("plate", sa.String(), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last_at", UTCDateTime(), nullable=False),
        sa.Column("purged_at", UTCDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_regular")),
    )
    op.create_table(
        "release",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("visit", sa.String(), nullable=True),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("host_unit", sa.String(), nullable=True),
        sa.Column("agreed_by", sa.String(), nullable=True),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("recorded_by_id", sa.String(), nullable=False),
        sa.Column("passed_at", UTCDateTime(), nullable=True),
        sa.Column("passed_by_id", sa.String(), nullable=True),
        sa.Column("purged_at", UTCDateTime(), nullable=True),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.Column("photos_here", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_release")),
    )
    with op.batch_alter_table("release", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_release_site_id_recorded_at"), ["site_id", "recorded_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_release_site_id_visit"), ["site_id", "visit"], unique=False
        )

    op.create_table(
        "round",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("route_id", sa.String(), nullable=False),
        sa.Column("label", sa.JSON(), nullable=False),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("fastest", sa.Integer(), nullable=False),
        sa.Column("responsible_id", sa.String(), nullable=True),
        sa.Column("window_start", UTCDateTime(), nullable=False),
        sa.Column("window_end", UTCDateTime(), nullable=False),
        sa.Column("scans", sa.JSON(), nullable=False),
        sa.Column("fines", sa.JSON(), nullable=False),
        sa.Column("skips", sa.JSON(), nullable=False),
        sa.Column("elsewhere", sa.JSON(), nullable=False),
        sa.Column("cancelled_at", UTCDateTime(), nullable=True),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.Column("photos_here", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_round")),
    )
    with op.batch_alter_table("round", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_round_site_id_window_end"), ["site_id", "window_end"], unique=False
        )

    op.create_table(
        "route",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("label", sa.JSON(), nullable=False),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("fastest", sa.Integer(), nullable=False),
        sa.Column("rrule", sa.String(), nullable=True),
        sa.Column("rdate", sa.JSON(), nullable=False),
        sa.Column("exdate", sa.JSON(), nullable=False),
        sa.Column("window", sa.String(), nullable=True),
        sa.Column("workdays_only", sa.Boolean(), nullable=False),
        sa.Column("dtstart", UTCDateTime(), nullable=False),
        sa.Column("tzid", sa.String(), nullable=False),
        sa.Column("responsible_id", sa.String(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_route")),
    )
    op.create_table(
        "shift",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("opened_at", UTCDateTime(), nullable=False),
        sa.Column("uniform", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("closed_by_id", sa.String(), nullable=True),
        sa.Column("unsent", sa.Integer(), nullable=True),
        sa.Column("open_items", sa.JSON(), nullable=False),
        sa.Column("handed_over_at", UTCDateTime(), nullable=True),
        sa.Column("handed_to_id", sa.String(), nullable=True),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("taken_over_at", UTCDateTime(), nullable=True),
        sa.Column("taken_over_by_id", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_shift")),
    )
    with op.batch_alter_table("shift", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_shift_site_id_opened_at"), ["site_id", "opened_at"], unique=False
        )

    op.create_table(
        "template",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("clause", sa.String(), nullable=True),
        sa.Column("label", sa.JSON(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("area_kinds", sa.JSON(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("retired_at", UTCDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_template")),
    )
    op.create_table(
        "weather",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sort", sa.String(), nullable=False),
        sa.Column("areas", sa.JSON(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("reported_at", UTCDateTime(), nullable=False),
        sa.Column("reported_by_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_weather")),
    )
    with op.batch_alter_table("weather", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_weather_site_id_reported_at"), ["site_id", "reported_at"], unique=False
        )

    with op.batch_alter_table("checkpoint", schema=None) as batch_op:
        batch_op.add_column(sa.Column("code", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("serial", sa.Integer(), nullable=False, server_default="1"))

    with op.batch_alter_table("schedule", schema=None) as batch_op:
        batch_op.add_column(sa.Column("area_ids", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("rdate", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("exdate", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("grace", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(
            sa.Column("standing", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(
            sa.Column("workdays_only", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("before", sa.JSON(), nullable=False, server_default="[]"))

    with op.batch_alter_table("site", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("retention_days", sa.Integer(), nullable=False, server_default="30")
        )
        batch_op.add_column(
            sa.Column("visit_minutes", sa.Integer(), nullable=False, server_default="480")
        )

    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.add_column(sa.Column("items", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(
            sa.Column("standing", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("grace", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("assigned_by_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("reason", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("ticked", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("confirmed", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("disposition", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("disposition_note", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("disposed_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("disposed_by_id", sa.String(), nullable=True))
        batch_op.alter_column("schedule_id", existing_type=sa.VARCHAR(), nullable=True)

    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.add_column(sa.Column("about_type", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("about", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("settled_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("settled_how", sa.String(), nullable=True))

    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("host_person", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("firm", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("note", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("expected_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("expected_by_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("expected_from", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("expected_until", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("expected_minutes", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("due_at", UTCDateTime(), nullable=True))
        batch_op.add_column(
            sa.Column("presumed", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("refused_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("refused_by_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("refuse_reason", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("steps", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("held_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("held_by_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("hold_reason", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("retained_from", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("purged_at", UTCDateTime(), nullable=True))
        batch_op.alter_column("arrived_at", existing_type=sa.DATETIME(), nullable=True)
        batch_op.alter_column("arrived_by_id", existing_type=sa.VARCHAR(), nullable=True)
        batch_op.create_index(
            batch_op.f("ix_visit_site_id_arrived_at"), ["site_id", "arrived_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_visit_site_id_host_unit"), ["site_id", "host_unit"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_visit_site_id_plate"), ["site_id", "plate"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_visit_site_id_retained_from"), ["site_id", "retained_from"], unique=False
        )
    # what was derived from older visits by nobody yet: from when they are kept, until when they stay
    op.execute("UPDATE visit SET retained_from = COALESCE(departed_at, arrived_at)")


def downgrade() -> None:
    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_visit_site_id_retained_from"))
        batch_op.drop_index(batch_op.f("ix_visit_site_id_plate"))
        batch_op.drop_index(batch_op.f("ix_visit_site_id_host_unit"))
        batch_op.drop_index(batch_op.f("ix_visit_site_id_arrived_at"))
        batch_op.alter_column("arrived_by_id", existing_type=sa.VARCHAR(), nullable=False)
        batch_op.alter_column("arrived_at", existing_type=sa.DATETIME(), nullable=False)
        batch_op.drop_column("purged_at")
        batch_op.drop_column("retained_from")
        batch_op.drop_column("hold_reason")
        batch_op.drop_column("held_by_id")
        batch_op.drop_column("held_at")
        batch_op.drop_column("steps")
        batch_op.drop_column("refuse_reason")
        batch_op.drop_column("refused_by_id")
        batch_op.drop_column("refused_at")
        batch_op.drop_column("presumed")
        batch_op.drop_column("due_at")
        batch_op.drop_column("expected_minutes")
        batch_op.drop_column("expected_until")
        batch_op.drop_column("expected_from")
        batch_op.drop_column("expected_by_id")
        batch_op.drop_column("expected_at")
        batch_op.drop_column("note")
        batch_op.drop_column("firm")
        batch_op.drop_column("host_person")

    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.drop_column("settled_how")
        batch_op.drop_column("settled_at")
        batch_op.drop_column("about")
        batch_op.drop_column("about_type")

    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.alter_column("schedule_id", existing_type=sa.VARCHAR(), nullable=False)
        batch_op.drop_column("disposed_by_id")
        batch_op.drop_column("disposed_at")
        batch_op.drop_column("disposition_note")
        batch_op.drop_column("disposition")
        batch_op.drop_column("confirmed")
        batch_op.drop_column("ticked")
        batch_op.drop_column("reason")
        batch_op.drop_column("assigned_by_id")
        batch_op.drop_column("grace")
        batch_op.drop_column("standing")
        batch_op.drop_column("items")

    with op.batch_alter_table("site", schema=None) as batch_op:
        batch_op.drop_column("visit_minutes")
        batch_op.drop_column("retention_days")

    with op.batch_alter_table("schedule", schema=None) as batch_op:
        batch_op.drop_column("before")
        batch_op.drop_column("workdays_only")
        batch_op.drop_column("standing")
        batch_op.drop_column("grace")
        batch_op.drop_column("exdate")
        batch_op.drop_column("rdate")
        batch_op.drop_column("area_ids")

    with op.batch_alter_table("checkpoint", schema=None) as batch_op:
        batch_op.drop_column("serial")
        batch_op.drop_column("code")

    with op.batch_alter_table("weather", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_weather_site_id_reported_at"))

    op.drop_table("weather")
    op.drop_table("template")
    with op.batch_alter_table("shift", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shift_site_id_opened_at"))

    op.drop_table("shift")
    op.drop_table("route")
    with op.batch_alter_table("round", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_round_site_id_window_end"))

    op.drop_table("round")
    with op.batch_alter_table("release", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_release_site_id_visit"))
        batch_op.drop_index(batch_op.f("ix_release_site_id_recorded_at"))

    op.drop_table("release")
    op.drop_table("regular")
    with op.batch_alter_table("rectification", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rectification_site_id_inspection_id"))
        batch_op.drop_index(batch_op.f("ix_rectification_site_id_due_at"))

    op.drop_table("rectification")
    op.drop_table("purge")
    with op.batch_alter_table("inspection", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inspection_site_id_slot"))
        batch_op.drop_index(batch_op.f("ix_inspection_site_id_inspected_at"))

    op.drop_table("inspection")
    op.drop_table("card")
