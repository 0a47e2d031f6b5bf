"""The `lodge` command, as a person types it."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import urllib.request
from contextlib import closing

import pytest

from server.cli import TRANSLATIONS
from tests.live_server import LODGE_COMMAND, LiveServer


@pytest.fixture
def lodge_env(tmp_path):
    return LiveServer(tmp_path)


def run_command(shell, *words, **how):
    return subprocess.run(
        [LODGE_COMMAND, *words],
        env=shell.env,
        cwd=shell.folder,
        capture_output=True,
        text=True,
        **how,
    )


def test_without_a_database_every_command_says_the_remedy(lodge_env):
    for words in (["serve"], ["enrol"], ["verify"], ["user", "list"]):
        told = run_command(lodge_env, *words)
        assert told.returncode != 0
        assert "lodge init" in told.stderr


def test_surroundings_at_fault_are_said_with_the_remedy_and_no_trace(lodge_env):
    file = lodge_env.folder / "file"
    file.touch()
    for name, value in (
        ("LODGE_DATABASE_URL", "nonsense"),
        ("LODGE_DATABASE_URL", "nosuch://here/base"),
        ("LODGE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/base"),
        ("LODGE_DATA_DIR", str(file / "var")),
    ):
        told = subprocess.run(
            [LODGE_COMMAND, "init"],
            env={**lodge_env.env, name: value},
            capture_output=True,
            text=True,
        )
        assert told.returncode == 1
        assert name in told.stderr
        assert "Traceback" not in told.stderr


def test_a_port_that_is_taken_is_said(lodge_env):
    lodge_env.run("init")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", lodge_env.port))
        taken.listen()
        told = run_command(lodge_env, "serve", "--port", str(lodge_env.port))
    assert told.returncode == 1
    assert "--port" in told.stderr
    assert "Traceback" not in told.stderr


def test_it_ends_cleanly_when_told_to(lodge_env):
    lodge_env.run("init")
    lodge_env.start()
    lodge_env.stop()
    assert lodge_env.process.returncode == 0
    assert "Traceback" not in lodge_env.log.read_text()


def test_nobody_gets_a_pin_or_a_name_that_is_not_theirs(lodge_env):
    lodge_env.run("init")
    lodge_env.run("site", "add", "Squirrel Lane")
    lodge_env.run("user", "add", "Mei", "--role", "manager", "--username", "mei")
    for words in (
        ("pin", "nobody", "--pin", "4711"),
        ("password", "nobody", "--username", "mo"),
        ("add", "Mo", "--role", "manager", "--username", "Mei"),
    ):
        told = lodge_env.tell("user", *words)
        assert told.returncode == 2
        assert "Traceback" not in told.stderr
    assert "Mo" not in lodge_env.run("user", "list")


def test_the_words_are_compiled_when_nobody_did(lodge_env):
    (mo,) = TRANSLATIONS.rglob("*.po")
    mo = mo.with_suffix(".mo")
    lodge_env.run("init", "--demo")
    lodge_env.start()
    assert mo.exists()
    asked = urllib.request.Request(f"{lodge_env.url}/", headers={"Accept-Language": "zh"})
    with urllib.request.urlopen(asked) as answer:
        page = answer.read().decode()
    lodge_env.stop()
    assert "登录" in page


def test_a_site_begins_with_its_first_people(lodge_env):
    lodge_env.run("init")
    lodge_env.run("init")
    site = lodge_env.run("site", "add", "松鼠里", "--english", "Squirrel Lane").split()[-1]
    said = lodge_env.run("user", "add", "Mei", "--role", "manager", "--username", "mei")
    assert "password" in said
    lodge_env.run("user", "add", "Ana", "--role", "cleaner", "--pin", "4711")
    assert "Ana" in lodge_env.run("user", "list", "--site", site)
    assert lodge_env.tell("user", "add", "Bo", "--role", "cleaner", "--pin", "12").returncode != 0
    assert lodge_env.run("version").strip()


def test_the_code_is_the_last_word_and_the_secret_key_is_ours_alone(lodge_env):
    lodge_env.run("init", "--demo")
    code = lodge_env.run("enrol").split()[-1]
    assert len(code.replace("-", "")) == 8
    key = lodge_env.folder / "var" / "secret-key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    told = lodge_env.tell("enrol")
    assert told.returncode != 0
    assert "chmod 600" in told.stderr


def test_verify_ends_with_one_when_somebody_changed_a_record(lodge_env):
    lodge_env.run("init", "--demo")
    assert json.loads(lodge_env.run("verify"))["differences"] == 0
    base = sqlite3.connect(lodge_env.folder / "var" / "lodge.sqlite3")
    base.execute("UPDATE person SET name = 'Somebody else'")
    base.commit()
    base.close()
    assert lodge_env.tell("verify").returncode == 1


def test_a_link_that_was_printed_tells_later_whether_the_log_still_contains_it(lodge_env):
    lodge_env.run("init", "--demo")
    links = json.loads(lodge_env.run("verify"))["links"]
    for link in links.values():
        lodge_env.run("verify", "--expect", link)
    told = lodge_env.tell("verify", "--expect", "0" * 64)
    assert told.returncode == 1
    assert "cut or rewritten" in told.stderr


def test_postgresql_needs_nothing_but_its_url(tmp_path, postgres):
    live = LiveServer(tmp_path, database_url=postgres.url(postgres.create_database()))
    live.run("init", "--demo")
    live.start()
    assert live.is_healthy()
    live.kill()
    assert json.loads(live.run("verify"))["differences"] == 0
    assert not (tmp_path / "var" / "lodge.sqlite3").exists()


def test_an_upgrade_that_was_cut_off_after_the_tables_goes_on_where_it_was(lodge_env):
    lodge_env.run("init", "--demo")
    with closing(sqlite3.connect(lodge_env.folder / "var" / "lodge.sqlite3")) as base, base:
        base.execute("DELETE FROM server_state WHERE key = 'drawn'")
        base.execute("UPDATE feed SET body = '{}'")
    assert "lodge init" in lodge_env.tell("serve").stderr
    lodge_env.run("init")
    assert json.loads(lodge_env.run("verify"))["differences"] == 0


def test_a_new_site_begins_with_the_content_pack(lodge_env):
    lodge_env.run("init")
    lodge_env.run("site", "add", "Squirrel Lane")
    base = sqlite3.connect(lodge_env.folder / "var" / "lodge.sqlite3")
    for table, least in (("schedule", 13), ("template", 10), ("card", 20)):
        assert base.execute(f"SELECT count(*) FROM {table}").fetchone()[0] >= least
    assert base.execute("SELECT count(*) FROM schedule WHERE active").fetchone()[0] == 0
    base.close()
    assert json.loads(lodge_env.run("verify"))["differences"] == 0
