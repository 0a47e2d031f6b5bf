"""First passwords, second factors, and what the list of sessions shows.

Of sessions that began before, browser and address are not known; the password began them.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

NEW_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "id": sa.String(36),
    "browser": sa.String(80),
    "address": sa.String(64),
    "proven_at": sa.DateTime(),
    "factors": sa.String(20),
    "must_change": sa.Boolean(),
}
SESSION = sa.table(
    "session",
    sa.column("token_hash"),
    sa.column("started_at"),
    *(sa.column(name, kind) for name, kind in NEW_COLUMNS.items()),
)


def upgrade() -> None:
    _describe_sessions()
    with op.batch_alter_table("account") as batch_op:
        batch_op.add_column(sa.Column("first_until", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("totp_secret", sa.String(200), nullable=True))
        batch_op.add_column(sa.Column("totp_step", sa.Integer(), nullable=True))
    with op.batch_alter_table("site") as batch_op:
        batch_op.add_column(
            sa.Column("two_step", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    _create_second_factors()


def _describe_sessions() -> None:
    with op.batch_alter_table("session") as batch_op:
        for name, kind in NEW_COLUMNS.items():
            batch_op.add_column(sa.Column(name, kind, nullable=True))
    connection = op.get_bind()
    for token_hash in connection.execute(sa.select(SESSION.c.token_hash)).scalars().all():
        known = {"id": str(uuid4()), "browser": "", "address": "", "factors": "password"}
        session = sa.update(SESSION).where(SESSION.c.token_hash == token_hash)
        connection.execute(
            session.values(**known, must_change=False, proven_at=SESSION.c.started_at)
        )
    with op.batch_alter_table("session") as batch_op:
        for name, kind in NEW_COLUMNS.items():
            batch_op.alter_column(name, existing_type=kind, nullable=False)
        batch_op.create_unique_constraint(op.f("uq_session_id"), ["id"])


def _create_second_factors() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("credential_id", sa.String(1400), nullable=False),
        sa.Column("public_key", sa.String(2000), nullable=False),
        sa.Column("sign_count", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(80), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
    )
    op.create_index(op.f("ix_passkey_person_id"), "passkey", ["person_id"])
    op.create_table(
        "recovery_code",
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_person_id"), "recovery_code", ["person_id"])
    op.create_table(
        "sign_in_step",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=True),
        sa.Column("challenge", sa.String(200), nullable=True),
        sa.Column("page", sa.String(2000), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_step")),
    )
