"""`lodge user password`: a first password from the command line, and what it ends."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from server.cli import main, users
from server.db.engine import db
from server.models.security_log import AccessEntry
from tests.seed_data import BEN, EVE
from tests.server.conftest import PASSWORD

NEW_PASSWORD = "nine grey geese at dawn"


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def run_command(app, monkeypatch):
    """The command on the application of this test, without a process of its own."""
    monkeypatch.setattr(users, "create_app", lambda: app)
    monkeypatch.setattr(users, "require_current_schema", lambda: None)

    def run(*words, typed):
        return CliRunner().invoke(main, ["user", *words], input=typed)

    return run


@pytest.mark.asvs("7.4.2", "7.4.3")
def test_a_password_from_the_command_line_ends_every_session(
    app, run_command, bens_password, signed_in, new_browser
):
    sessions, eve = [signed_in(BEN) for _ in range(2)], signed_in(EVE)
    sessions.append(new_browser())
    assert sessions[-1].sign_in("ben", PASSWORD).status_code == 303
    assert {each.get("/desk/").status_code for each in sessions} == {200}
    done = run_command("password", BEN, "--username", "ben", typed=f"{NEW_PASSWORD}\n" * 2)
    assert done.exit_code == 0, done.output
    assert {each.get("/desk/").status_code for each in sessions} == {303}
    assert eve.get("/desk/").status_code == 200, "somebody else works on"
    assert new_browser().sign_in("ben", PASSWORD).status_code != 303, "the old one opens nothing"
    again = new_browser()
    assert again.sign_in("ben", NEW_PASSWORD).status_code == 303
    assert again.get("/desk/").headers["Location"].startswith("/desk/account")
    with app.app_context():
        entries = db.session.execute(select(AccessEntry.event, AccessEntry.about_id)).all()
    assert ("password", BEN) in entries


def test_a_password_that_is_refused_ends_no_session(run_command, bens_password, signed_in):
    ben = signed_in(BEN)
    for typed in ("password1234\n" * 2, f"{NEW_PASSWORD}\nanother one altogether\n", "ben\nben\n"):
        assert run_command("password", BEN, "--username", "ben", typed=typed).exit_code != 0
    assert ben.get("/desk/").status_code == 200
