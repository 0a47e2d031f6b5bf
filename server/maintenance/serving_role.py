"""On PostgreSQL: a role that serves, and that can add to the log but not rewrite it.

The owner of the tables creates and upgrades them. The other role reads and writes records; of the
log it changes only what a purge or a later verdict changes, and it deletes nothing.
"""

from __future__ import annotations

from gettext import gettext as _

from sqlalchemy import Connection, text

from server.db.engine import db

GUARDS = (
    """
CREATE OR REPLACE FUNCTION lodge_guard_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT current_user::text = ANY(TG_ARGV) THEN RETURN NEW; END IF;
  IF OLD.status IN ('applied', 'merged') AND (
    to_jsonb(NEW) - '{payload,body,changes,flags}'::text[] IS DISTINCT FROM
    to_jsonb(OLD) - '{payload,body,changes,flags}'::text[]
    OR to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) AND NOT NEW.flags::jsonb @> '["purged"]'
  ) OR (NEW.site_id, NEW.id, NEW.kind, NEW."by") IS DISTINCT FROM
       (OLD.site_id, OLD.id, OLD.kind, OLD."by")
    OR OLD.code IS DISTINCT FROM 'unsealed' AND
       (NEW.lineage, NEW.n, NEW.hash, NEW.device_id, NEW.at, NEW.received_at) IS DISTINCT FROM
       (OLD.lineage, OLD.n, OLD.hash, OLD.device_id, OLD.at, OLD.received_at)
  THEN RAISE insufficient_privilege USING MESSAGE = 'the log is not rewritten';
  END IF;
  RETURN NEW;
END $$
""",
    """
CREATE OR REPLACE FUNCTION lodge_guard_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_user::text = ANY(TG_ARGV)
    AND (to_jsonb(NEW) - '{count,version,address}'::text[] IS DISTINCT FROM
         to_jsonb(OLD) - '{count,version,address}'::text[]
      OR NEW.address IS DISTINCT FROM OLD.address AND NEW.address IS NOT NULL)
  THEN RAISE insufficient_privilege USING MESSAGE = 'the security log is not rewritten';
  END IF;
  RETURN NEW;
END $$
""",
)
"""Of the log, a serving role changes what a purge erases, and what was not applied yet; of the
security log, how often something happened, and that an old network address is gone."""

TRIGGERS = (
    "DROP TRIGGER IF EXISTS lodge_guard_log ON op",
    """CREATE TRIGGER lodge_guard_log BEFORE UPDATE ON op FOR EACH ROW
    EXECUTE FUNCTION lodge_guard_log({roles})""",
    "DROP TRIGGER IF EXISTS lodge_guard_access ON access",
    """CREATE TRIGGER lodge_guard_access BEFORE UPDATE ON access FOR EACH ROW
    EXECUTE FUNCTION lodge_guard_access({roles})""",
)
GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    """ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}""",
    "REVOKE DELETE ON op, access FROM {role}",
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
)


class GrantError(Exception):
    """The role cannot serve; the message says what to do."""


def grant(role: str) -> None:
    """Let a role of the database serve. Raises GrantError without PostgreSQL, or if there is no
    such role, or if it could do everything anyway."""
    if db.engine.dialect.name != "postgresql":
        raise GrantError(_("This needs PostgreSQL: SQLite has no roles."))
    with db.engine.begin() as connection:
        known = text(
            "SELECT rolsuper OR rolname = current_user FROM pg_roles WHERE rolname = :role"
        )
        is_owner = connection.execute(known, {"role": role}).scalar()
        if is_owner is None:
            raise GrantError(_("There is no such role. Run: createuser %(role)s") % {"role": role})
        if is_owner:
            raise GrantError(_("This role may do everything already. Name another one."))
        _grant_all(connection, sorted({role, *_serving_roles(connection)}))


def grant_again() -> None:
    """After an upgrade or a restore: give the roles that serve what they need of the new tables.
    Does nothing if there are none, and for a role that owns nothing here."""
    if db.engine.dialect.name != "postgresql":
        return
    with db.engine.begin() as connection:
        owner = text("SELECT tableowner = current_user FROM pg_tables WHERE tablename = 'op'")
        roles = _serving_roles(connection)
        if roles and connection.execute(owner).scalar():
            _grant_all(connection, roles)


def _serving_roles(connection: Connection) -> list[str]:
    """The roles that serve: those that the guard of the log names, as far as they still exist."""
    arguments = text("SELECT tgargs FROM pg_trigger WHERE tgname = 'lodge_guard_log'")
    named = bytes(connection.execute(arguments).scalar() or b"").decode().split("\0")
    existing = text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:names) ORDER BY rolname")
    return list(connection.execute(existing, {"names": named}).scalars())


def _grant_all(connection: Connection, roles: list[str]) -> None:
    quote = db.engine.dialect.identifier_preparer.quote_identifier
    literals = ", ".join("'" + role.replace("'", "''") + "'" for role in roles)
    for statement in GUARDS:
        connection.exec_driver_sql(statement)
    for statement in TRIGGERS:
        connection.exec_driver_sql(statement.format(roles=literals))
    for role in roles:
        for statement in GRANTS:
            connection.exec_driver_sql(statement.format(role=quote(role)))
