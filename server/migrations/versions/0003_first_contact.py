"""First contact: tickets to their end, homes, lost property, accountability, arrears, training."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from server.db.engine import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.add_column(sa.Column("misfit", sa.JSON(none_as_null=True), nullable=True))

    op.create_table(
        "readiness",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("attested_at", UTCDateTime(), nullable=False),
        sa.Column("attested_by_id", sa.String(), nullable=False),
        sa.Column("refresh_on", sa.String(), nullable=False),
        sa.Column("of_self", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_readiness")),
    )
    with op.batch_alter_table("readiness", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_readiness_site_id_person"), ["site_id", "person"], unique=False
        )

    op.create_table(
        "training",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("facilitator_id", sa.String(), nullable=False),
        sa.Column("begun_at", UTCDateTime(), nullable=False),
        sa.Column("cards", sa.JSON(), nullable=False),
        sa.Column("case", sa.String(), nullable=True),
        sa.Column("prompts", sa.JSON(), nullable=False),
        sa.Column("approaches", sa.JSON(), nullable=False),
        sa.Column("attendees", sa.JSON(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("summary", sa.String(), nullable=True),
        sa.Column("acknowledged", sa.JSON(), nullable=False),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_training")),
    )
    with op.batch_alter_table("training", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_training_site_id_begun_at"), ["site_id", "begun_at"], unique=False
        )

    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.add_column(sa.Column("prompts", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("approaches", sa.JSON(), server_default="[]", nullable=False))

    op.create_table(
        "arrears",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column("listed_at", UTCDateTime(), nullable=False),
        sa.Column("ledger_at", UTCDateTime(), nullable=False),
        sa.Column("collector_id", sa.String(), nullable=True),
        sa.Column("windows", sa.JSON(), nullable=False),
        sa.Column("do_not_call", sa.Boolean(), nullable=False),
        sa.Column("calls", sa.JSON(), nullable=False),
        sa.Column("called_at", UTCDateTime(), nullable=True),
        sa.Column("appointment_at", UTCDateTime(), nullable=True),
        sa.Column("paused_by", sa.JSON(), nullable=False),
        sa.Column("visit_reason", sa.String(), nullable=True),
        sa.Column("visit_asked_at", UTCDateTime(), nullable=True),
        sa.Column("visit_asked_by_id", sa.String(), nullable=True),
        sa.Column("visit_approved_at", UTCDateTime(), nullable=True),
        sa.Column("visit_approved_by_id", sa.String(), nullable=True),
        sa.Column("visited_at", UTCDateTime(), nullable=True),
        sa.Column("visited_by_id", sa.String(), nullable=True),
        sa.Column("visit_outcome", sa.String(), nullable=True),
        sa.Column("paid_cents", sa.BigInteger(), nullable=False),
        sa.Column("handed_at", UTCDateTime(), nullable=True),
        sa.Column("handed_reason", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_arrears")),
    )
    with op.batch_alter_table("arrears", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_arrears_site_id_unit"), ["site_id", "unit"], unique=False
        )

    op.create_table(
        "case",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("category_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.JSON(), nullable=False),
        sa.Column("sub", sa.String(), nullable=True),
        sa.Column("sub_label", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_name", sa.String(), nullable=True),
        sa.Column("answers_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("raised_at", UTCDateTime(), nullable=False),
        sa.Column("raised_by_id", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("happened_at", UTCDateTime(), nullable=True),
        sa.Column("found_at", UTCDateTime(), nullable=True),
        sa.Column("asked_at", UTCDateTime(), nullable=True),
        sa.Column("answer_until", UTCDateTime(), nullable=True),
        sa.Column("statements", sa.JSON(), nullable=False),
        sa.Column("stated_at", UTCDateTime(), nullable=True),
        sa.Column("heard_at", UTCDateTime(), nullable=True),
        sa.Column("finding", sa.String(), nullable=True),
        sa.Column("measures", sa.String(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("decided_by_id", sa.String(), nullable=True),
        sa.Column("decisions", sa.JSON(), nullable=False),
        sa.Column("acknowledged_at", UTCDateTime(), nullable=True),
        sa.Column("appeals", sa.JSON(), nullable=False),
        sa.Column("appealed_at", UTCDateTime(), nullable=True),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("closed_by_id", sa.String(), nullable=True),
        sa.Column("because", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_case")),
    )
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_case_site_id_raised_at"), ["site_id", "raised_at"], unique=False
        )

    op.create_table(
        "category",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.JSON(), nullable=False),
        sa.Column("text", sa.JSON(), nullable=False),
        sa.Column("subs", sa.JSON(), nullable=False),
        sa.Column("with_amount", sa.Boolean(), nullable=False),
        sa.Column("clause", sa.String(), nullable=True),
        sa.Column("seeded", sa.Boolean(), nullable=False),
        sa.Column("published_at", UTCDateTime(), nullable=True),
        sa.Column("deactivated_at", UTCDateTime(), nullable=True),
        sa.Column("acknowledged", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_category")),
    )
    op.create_table(
        "contractor",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=True),
        sa.Column("contract_ref", sa.String(), nullable=True),
        sa.Column("accountable_id", sa.String(), nullable=False),
        sa.Column("agreement", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_contractor")),
    )
    op.create_table(
        "entry",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("worker_id", sa.String(), nullable=True),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("contractor", sa.String(), nullable=True),
        sa.Column("ticket", sa.String(), nullable=True),
        sa.Column("visit", sa.String(), nullable=True),
        sa.Column("in_at", UTCDateTime(), nullable=False),
        sa.Column("out_at", UTCDateTime(), nullable=True),
        sa.Column("out_by_id", sa.String(), nullable=True),
        sa.Column("afterwards", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.Column("recorded_by_id", sa.String(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.Column("resident_present", sa.Boolean(), nullable=True),
        sa.Column("second_person", sa.String(), nullable=True),
        sa.Column("acknowledgement", sa.String(), nullable=True),
        sa.Column("remarks", sa.String(), nullable=True),
        sa.Column("struck_at", UTCDateTime(), nullable=True),
        sa.Column("struck_by_id", sa.String(), nullable=True),
        sa.Column("struck_because", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_entry")),
    )
    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_entry_site_id_in_at"), ["site_id", "in_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_entry_site_id_unit_in_at"), ["site_id", "unit", "in_at"], unique=False
        )

    op.create_table(
        "find",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("condition", sa.String(), nullable=True),
        sa.Column("area", sa.String(), nullable=True),
        sa.Column("found_where", sa.String(), nullable=True),
        sa.Column("finder", sa.String(), nullable=True),
        sa.Column("found_at", UTCDateTime(), nullable=False),
        sa.Column("found_by_id", sa.String(), nullable=False),
        sa.Column("notices", sa.JSON(), nullable=False),
        sa.Column("chain", sa.JSON(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("ended_by_id", sa.String(), nullable=True),
        sa.Column("ended_how", sa.String(), nullable=True),
        sa.Column("ended_with", sa.String(), nullable=True),
        sa.Column("receipt", sa.String(), nullable=True),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.Column("photos_here", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_find")),
    )
    with op.batch_alter_table("find", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_find_site_id_found_at"), ["site_id", "found_at"], unique=False
        )

    op.create_table(
        "lost",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("details", sa.String(), nullable=True),
        sa.Column("last_seen_at", UTCDateTime(), nullable=True),
        sa.Column("last_seen_where", sa.String(), nullable=True),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("holds_personal_data", sa.Boolean(), nullable=False),
        sa.Column("urgency", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=True),
        sa.Column("declined_because", sa.String(), nullable=True),
        sa.Column("ticket", sa.String(), nullable=False),
        sa.Column("opened_at", UTCDateTime(), nullable=False),
        sa.Column("first_responder_id", sa.String(), nullable=False),
        sa.Column("lists", sa.JSON(), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("statements", sa.JSON(), nullable=False),
        sa.Column("offers", sa.JSON(), nullable=False),
        sa.Column("handed", sa.JSON(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("returned", sa.JSON(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("next_action", sa.String(), nullable=True),
        sa.Column("next_action_at", UTCDateTime(), nullable=False),
        sa.Column("next_by_id", sa.String(), nullable=False),
        sa.Column("contractor_id", sa.String(), nullable=True),
        sa.Column("accountable_id", sa.String(), nullable=True),
        sa.Column("contracted_at", UTCDateTime(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("closing_note", sa.String(), nullable=True),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("closed_by_id", sa.String(), nullable=True),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.Column("photos_here", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_lost")),
    )
    with op.batch_alter_table("lost", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_lost_site_id_next_action_at"),
            ["site_id", "next_action_at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_lost_site_id_opened_at"), ["site_id", "opened_at"], unique=False
        )

    op.create_table(
        "month",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("closed_at", UTCDateTime(), nullable=False),
        sa.Column("closed_by_id", sa.String(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "id", name=op.f("pk_month")),
    )
    with op.batch_alter_table("op", schema=None) as batch_op:
        batch_op.add_column(sa.Column("digest", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("link", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("moved", sa.JSON(none_as_null=True), nullable=True))

    with op.batch_alter_table("site", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("statement_hours", sa.Integer(), server_default="24", nullable=False)
        )

    with op.batch_alter_table("site_feed", schema=None) as batch_op:
        batch_op.add_column(sa.Column("link", sa.String(), server_default="", nullable=False))

    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.add_column(sa.Column("numbers", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("unit", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("has_items", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column("things", sa.JSON(), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("steward_id", sa.String(), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column("successions", sa.JSON(), server_default="{}", nullable=False)
        )
        batch_op.add_column(
            sa.Column("co_receiver_ids", sa.JSON(), server_default="[]", nullable=False)
        )
        batch_op.add_column(sa.Column("contractor_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("accountable_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("given_by_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("asked_role", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("handed_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("accepted_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("proxy_for_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("escalated_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("escalation", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("promised_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("followed_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("acted_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("resolved_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("resolved_by_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("resolved_how", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("feedback_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("feedback_by_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("reaction", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("unreachable", sa.Integer(), server_default="0", nullable=False)
        )
        batch_op.add_column(sa.Column("marks", sa.JSON(), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("reopened_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("closed_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("merged_into", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("merged_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("timeline", sa.JSON(), server_default="[]", nullable=False))
        batch_op.create_index(batch_op.f("ix_ticket_number"), ["number"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_ticket_site_id_closed_at"), ["site_id", "closed_at"], unique=False
        )
    op.execute("UPDATE ticket SET steward_id = first_responder_id")
    op.execute(
        "UPDATE ticket SET resolved_at = settled_at, resolved_how = settled_how, acted_at = settled_at,"
        " resolved_by_id = first_responder_id, closed_at = settled_at WHERE settled_at IS NOT NULL"
    )
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.drop_column("settled_how")
        batch_op.drop_column("settled_at")


def downgrade() -> None:
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.drop_column("misfit")

    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.drop_column("approaches")
        batch_op.drop_column("prompts")

    with op.batch_alter_table("training", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_training_site_id_begun_at"))

    op.drop_table("training")
    with op.batch_alter_table("readiness", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_readiness_site_id_person"))

    op.drop_table("readiness")
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.add_column(sa.Column("settled_at", UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("settled_how", sa.String(), nullable=True))
        batch_op.drop_index(batch_op.f("ix_ticket_site_id_closed_at"))
        batch_op.drop_index(batch_op.f("ix_ticket_number"))
        batch_op.drop_column("timeline")
        batch_op.drop_column("merged_at")
        batch_op.drop_column("merged_into")
        batch_op.drop_column("closed_at")
        batch_op.drop_column("reopened_at")
        batch_op.drop_column("marks")
        batch_op.drop_column("unreachable")
        batch_op.drop_column("reaction")
        batch_op.drop_column("feedback_by_id")
        batch_op.drop_column("feedback_at")
        batch_op.drop_column("resolved_how")
        batch_op.drop_column("resolved_by_id")
        batch_op.drop_column("resolved_at")
        batch_op.drop_column("acted_at")
        batch_op.drop_column("followed_at")
        batch_op.drop_column("promised_at")
        batch_op.drop_column("escalation")
        batch_op.drop_column("escalated_at")
        batch_op.drop_column("proxy_for_id")
        batch_op.drop_column("accepted_at")
        batch_op.drop_column("handed_at")
        batch_op.drop_column("asked_role")
        batch_op.drop_column("given_by_id")
        batch_op.drop_column("accountable_id")
        batch_op.drop_column("contractor_id")
        batch_op.drop_column("co_receiver_ids")
        batch_op.drop_column("successions")
        batch_op.drop_column("steward_id")
        batch_op.drop_column("things")
        batch_op.drop_column("has_items")
        batch_op.drop_column("unit")
        batch_op.drop_column("numbers")

    with op.batch_alter_table("site_feed", schema=None) as batch_op:
        batch_op.drop_column("link")

    with op.batch_alter_table("site", schema=None) as batch_op:
        batch_op.drop_column("statement_hours")

    with op.batch_alter_table("op", schema=None) as batch_op:
        batch_op.drop_column("moved")
        batch_op.drop_column("link")
        batch_op.drop_column("digest")

    op.drop_table("month")
    with op.batch_alter_table("lost", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lost_site_id_opened_at"))
        batch_op.drop_index(batch_op.f("ix_lost_site_id_next_action_at"))

    op.drop_table("lost")
    with op.batch_alter_table("find", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_find_site_id_found_at"))

    op.drop_table("find")
    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_entry_site_id_unit_in_at"))
        batch_op.drop_index(batch_op.f("ix_entry_site_id_in_at"))

    op.drop_table("entry")
    op.drop_table("contractor")
    op.drop_table("category")
    with op.batch_alter_table("case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_site_id_raised_at"))

    op.drop_table("case")
    with op.batch_alter_table("arrears", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_arrears_site_id_unit"))

    op.drop_table("arrears")
