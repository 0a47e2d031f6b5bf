"""A database of an earlier revision is brought up to this version, and nothing in it is lost."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import Migrate
from flask_migrate import upgrade as migrate_to
from sqlalchemy import create_engine, inspect, text

from server.auth.sessions import start_session
from server.db.engine import db
from server.maintenance import upgrade
from server.maintenance.demo import demo_id
from server.oplog.replay import all_site_ids, find_faults
from sync.protocol.roles import DESK_ONLY_AUDIENCE
from tests import revisions, seed_data
from tests.phone_client import FlaskTransport

SQUIRREL, MANAGER = demo_id("squirrel"), demo_id("squirrel", "mei")
OLD_DESK_ONLY = 1 << 7


def schema(url: str) -> dict[str, object]:
    """Every table with its columns, keys and indexes, as the database itself lists them."""
    engine = create_engine(url)
    found = inspect(engine)
    shapes: dict[str, object] = {
        name: [
            [{**column, "type": repr(column["type"])} for column in found.get_columns(name)],
            found.get_pk_constraint(name),
            sorted(map(str, found.get_unique_constraints(name))),
            sorted(map(str, found.get_indexes(name))),
            found.get_foreign_keys(name),
        ]
        for name in found.get_table_names()
    }
    engine.dispose()
    return shapes


def differences_from_models() -> list[object]:
    """What a migration would still have to change, by Alembic's comparison."""
    with db.engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), db.metadata))


def counts() -> dict[str, int]:
    """How many rows each table has."""
    names = inspect(db.engine).get_table_names()
    return {
        name: db.session.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one()
        for name in names
    }


def feed_rows() -> dict[str, tuple[str, int, int, int, int]]:
    """Type, version, number, audience and earlier readers of every record, by id."""
    rows = db.session.execute(text("SELECT id, type, version, seq, audience, seen_by FROM feed"))
    return {id_: (type_, *rest) for id_, type_, *rest in rows}  # type: ignore[misc]


def test_the_first_migration_makes_the_tables_that_the_seven_before_it_made(
    empty, empty_url, old_url
):
    with empty.app_context():
        Migrate(empty, db, directory=upgrade.FOLDER)
        migrate_to(revision="0007")
    assert schema(empty_url) == schema(old_url)


def test_a_new_database_has_the_tables_of_the_models(empty):
    with empty.app_context():
        upgrade.upgrade()
        assert differences_from_models() == []


def test_an_upgraded_database_has_the_tables_of_the_models(upgraded):
    with upgraded.app_context():
        assert differences_from_models() == []


def test_an_old_database_is_refused_until_it_is_upgraded(old):
    with old.app_context():
        with pytest.raises(Exception, match="lodge init"):
            upgrade.require_current_schema()
        upgrade.upgrade()
        upgrade.require_current_schema()


def test_nothing_is_lost_and_the_log_explains_every_record(old):
    with old.app_context():
        before = counts()
        db.session.remove()
        upgrade.upgrade()
        after = counts()
        dropped = {"feed_digest"}
        assert {name: after[name] for name in before.keys() - dropped} == {
            name: before[name] for name in before.keys() - dropped
        }
        assert len(all_site_ids()) == 4
        assert [fault for site in all_site_ids() for fault in find_faults(site)] == []


def test_no_record_counts_as_changed_and_what_was_hidden_stays_hidden(old):
    with old.app_context():
        before = feed_rows()
        db.session.remove()
        upgrade.upgrade()
        after = feed_rows()
    assert {id_: row[:2] for id_, row in after.items()} == {
        id_: row[:2] for id_, row in before.items()
    }
    hidden = {id_ for id_, (*_, audience, _) in before.items() if audience == OLD_DESK_ONLY}
    assert hidden
    assert {after[id_][3] for id_ in hidden} == {DESK_ONLY_AUDIENCE}


@pytest.mark.parametrize("name", ["squirrel", "home"])
def test_a_phone_enrolled_before_reads_on_where_it_was(upgraded, name):
    phone = revisions.phone("0007", name, FlaskTransport(upgraded.test_client()))
    page = phone.pull().expect_ok()
    assert page["reset"] == "scope", "what a phone holds goes by its people now"
    phone.cursor = None
    records = phone.pull_all()
    assert phone.digest == phone.own_digest()
    assert records and not {"merge", "aside", "month", "parcel"} & {type_ for type_, _ in records}
    assert phone.hello().status == 200


def test_a_phone_enrolled_before_sends_work(upgraded):
    phone = revisions.phone("0007", "squirrel", FlaskTransport(upgraded.test_client()))
    phone.cursor = None
    open_tasks = [task["id"] for task in phone.records_of("task") if task["state"] == "open"]
    told = phone.send_op("task.complete", open_tasks[0], by=demo_id("squirrel", "ana"))
    assert told["status"] == "applied"
    with upgraded.app_context():
        assert find_faults(SQUIRREL) == []


@pytest.mark.parametrize(
    ("person", "site"), [(MANAGER, SQUIRREL), (seed_data.EVE, seed_data.HOME_SITE)]
)
def test_every_page_of_the_desk_that_needs_no_choice_opens(upgraded, person, site):
    with upgraded.test_request_context():
        token = start_session(person, site)
    client = upgraded.test_client()
    client.set_cookie("lodge", token)
    pages = [
        rule.rule
        for rule in upgraded.url_map.iter_rules()
        if rule.rule.startswith("/desk/") and "GET" in rule.methods and not rule.arguments
    ]
    statuses = {page: client.get(page).status_code for page in pages}
    chosen_first = {page for page, status in statuses.items() if status == 422}
    assert chosen_first <= {"/desk/packs/file"}, "these need a choice in the query"
    assert set(statuses.values()) <= {200, 422} and len(statuses) > 25, statuses
