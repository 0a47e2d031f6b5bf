"""Every table lies with its site, so that PostgreSQL can be spread by site (Citus)."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint, event

from server.db.engine import db
from tests import seed_data

TABLES_WITHOUT_SITE = {
    "account": "a person signs in before it is known at which site",
    "session": "a cookie says nothing but its token",
    "passkey": "a person signs in before it is known at which site",
    "recovery_code": "a person signs in before it is known at which site",
    "sign_in_step": "a cookie says nothing but its token",
    "device": "a token is all that a phone shows; the site follows from it",
    "enrolment": "a code is typed before the phone has a site",
    "throttle": "tries are counted for addresses and names, not for sites",
    "taken_form": "a drawn form of the desk is found by its token, as a session is",
    "unsaved_form": "a person gets it back by signing in, before the site is known",
    "server_state": "belongs to the whole server",
}
"""Small tables that every node of a cluster keeps whole, and why."""

SITE_TABLES = [
    table for table in db.metadata.sorted_tables if table.name not in TABLES_WITHOUT_SITE
]


@pytest.mark.parametrize("table", SITE_TABLES, ids=lambda table: table.name)
def test_every_key_begins_with_the_site(table):
    assert next(iter(table.primary_key)).name == "site_id"
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint | ForeignKeyConstraint | PrimaryKeyConstraint):
            assert "site_id" in [column.name for column in constraint.columns], constraint
    for index in table.indexes:
        if index.unique:
            assert "site_id" in [column.name for column in index.columns], index.name


@pytest.fixture
def executed_statements(app):
    """Every statement that the application sends, as the driver gets it."""
    said: list[str] = []

    def hear(connection, cursor, statement, parameters, context, many):
        said.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", hear)
    yield said
    event.remove(engine, "before_cursor_execute", hear)


def test_every_question_of_the_hot_path_names_the_site(app, phone, executed_statements):
    ops = [phone.add_op("task.complete", task, by=seed_data.ANA) for task in seed_data.TASKS[:5]]
    number = phone.hello().expect_ok()["sites"][phone.site]["numbers"][0]
    opened = phone.add_op("ticket.open", None, {**TICKET, **number}, by=seed_data.BEN)
    revised = {"subject": opened["subject"], "after": opened["id"], "base": 1, "by": seed_data.BEN}
    phone.add_op("ticket.revise", revised.pop("subject"), {"urgency": "urgent"}, **revised)
    assert phone.push().status == 200 and phone.push(*ops).status == 200
    assert phone.pull_all() and phone.hello().status == 200 and phone.pull_all()
    assert phone.request_photo("HEAD", "0" * 64).status == 404
    asked = [text for text in executed_statements if tables_of(text) - TABLES_WITHOUT_SITE.keys()]
    assert len(asked) >= 15
    assert [
        text
        for text in asked
        if "site_id" not in text.partition("WHERE")[2] + inserted_columns(text)
    ] == []


TICKET = {
    "channel": "phone",
    "matter": "complaint",
    "declined_because": "did not say",
    "details": "The lamp flickers.",
}


def inserted_columns(text: str) -> str:
    return text if text.startswith("INSERT") else ""


def tables_of(text: str) -> set[str]:
    """The tables that a statement reads or writes."""
    words = set(re.findall(r'(?:FROM|JOIN|INTO|UPDATE|,)\s+"?(\w+)"?', text))
    return words & {table.name for table in db.metadata.sorted_tables}
