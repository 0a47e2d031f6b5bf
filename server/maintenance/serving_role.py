"""On PostgreSQL: a role that serves, and that can add to the log but not rewrite it.

The owner of the tables creates and upgrades them. The other role reads and writes records; of the
log it changes only what a purge or a later verdict changes, and it deletes nothing.
"""

from __future__ import annotations

from gettext import gettext as _

from sqlalchemy import text

from server.db.engine import db

GUARD = """
CREATE OR REPLACE FUNCTION lodge_guard_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_user = TG_ARGV[0] AND (
    (NEW.site_id, NEW.id, NEW.lineage, NEW.n, NEW.hash, NEW.kind, NEW."by", NEW.device_id, NEW.at,
     NEW.received_at) IS DISTINCT FROM
    (OLD.site_id, OLD.id, OLD.lineage, OLD.n, OLD.hash, OLD.kind, OLD."by", OLD.device_id, OLD.at,
     OLD.received_at)
    OR OLD.status IN ('applied', 'merged') AND (
      NEW.status NOT IN ('applied', 'merged')
      OR (NEW.subject, NEW.occurred_at) IS DISTINCT FROM (OLD.subject, OLD.occurred_at)
      OR NEW.payload::jsonb IS DISTINCT FROM OLD.payload::jsonb
        AND NOT NEW.flags::jsonb @> '["purged"]'
    )
  ) THEN RAISE insufficient_privilege USING MESSAGE = 'the log is not rewritten';
  END IF;
  RETURN NEW;
END $$
"""
STATEMENTS = (
    GUARD,
    "DROP TRIGGER IF EXISTS lodge_guard_log ON op",
    """CREATE TRIGGER lodge_guard_log BEFORE UPDATE ON op FOR EACH ROW
    EXECUTE FUNCTION lodge_guard_log({literal})""",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    """ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}""",
    "REVOKE DELETE ON op FROM {role}",
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
)


class GrantError(Exception):
    """The role cannot serve; the message says what to do."""


def grant(role: str) -> None:
    """Let a role of the database serve. Raises GrantError without PostgreSQL, or if there is no
    such role, or if it could do everything anyway."""
    if db.engine.dialect.name != "postgresql":
        raise GrantError(_("This needs PostgreSQL: SQLite has no roles."))
    quote = db.engine.dialect.identifier_preparer.quote_identifier
    names = {"role": quote(role), "literal": "'" + role.replace("'", "''") + "'"}
    with db.engine.begin() as connection:
        known = text(
            "SELECT rolsuper OR rolname = current_user FROM pg_roles WHERE rolname = :role"
        )
        is_owner = connection.execute(known, {"role": role}).scalar()
        if is_owner is None:
            raise GrantError(_("There is no such role. Run: createuser %(role)s") % {"role": role})
        if is_owner:
            raise GrantError(_("This role may do everything already. Name another one."))
        for statement in STATEMENTS:
            filled = statement if statement is GUARD else statement.format(**names)
            connection.exec_driver_sql(filled)
