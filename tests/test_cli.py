"""The `lodge` command, run as a person types it."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import subprocess
import urllib.request
from contextlib import closing

import pytest

from server.i18n.languages import TRANSLATIONS
from server.maintenance.demo.small import SQUIRREL
from tests.conftest import make_once
from tests.live_server import LODGE_COMMAND, LiveServer


@pytest.fixture
def lodge(tmp_path):
    """A data folder of its own, with an environment in English."""
    lodge = LiveServer(tmp_path)
    lodge.env = {name: value for name, value in lodge.env.items() if name not in LANGUAGE_VARIABLES}
    return lodge


@pytest.fixture(scope="session")
def empty_template(tmp_path_factory):
    """The data folder that `lodge init` makes."""
    made = make_once(tmp_path_factory, "empty", lambda folder: LiveServer(folder).run("init"))
    return made / "var"


@pytest.fixture
def empty_lodge(lodge, empty_template):
    """The same with a database that has no site yet."""
    shutil.copytree(empty_template, lodge.folder / "var")
    return lodge


@pytest.fixture
def demo_lodge(lodge, demo_template):
    """The same with the demo estate."""
    shutil.copytree(demo_template, lodge.folder / "var")
    return lodge


LANGUAGE_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


def run_command(lodge, *words, **environment):
    """Run the installed command in a process of its own, however it ends."""
    return subprocess.run(
        [LODGE_COMMAND, *words],
        env={**lodge.env, **environment},
        cwd=lodge.folder,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def two_sites(empty_lodge):
    """Ids of 松鼠里, Squirrel Lane, and of 松果园, Squash Garden."""
    names = {"松鼠里": "Squirrel Lane", "松果园": "Squash Garden"}
    return [
        empty_lodge.run("site", "add", zh, "--english", en).split()[-1] for zh, en in names.items()
    ]


def test_without_a_database_every_command_says_how_to_create_one(lodge):
    for words in (["serve"], ["enrol"], ["verify"], ["user", "list"]):
        result = lodge.run_unchecked(*words)
        assert result.returncode != 0
        assert "lodge init" in result.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LODGE_DATABASE_URL", "nonsense"),
        ("LODGE_DATABASE_URL", "nosuch://here/base"),
        ("LODGE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/base"),
        ("LODGE_DATABASE_URL", "postgresql://lodge@db.example.org/lodge"),
        ("LODGE_PHOTOS_URL", "s3://photos?endpoint=http://s3.example.org"),
        ("LODGE_DATA_DIR", "a-file/var"),
    ],
)
def test_a_wrong_setting_is_named_without_a_traceback(lodge, name, value):
    (lodge.folder / "a-file").touch()
    lodge.env[name] = value
    result = lodge.run_unchecked("init")
    assert result.returncode == 1
    assert name in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_in_use_is_reported(empty_lodge):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", empty_lodge.port))
        taken.listen()
        result = empty_lodge.run_unchecked("serve", "--port", str(empty_lodge.port))
    assert result.returncode == 1
    assert "--port" in result.stderr
    assert "Traceback" not in result.stderr


def test_serve_ends_cleanly_on_sigterm(empty_lodge):
    empty_lodge.start()
    empty_lodge.stop()
    assert empty_lodge.process.returncode == 0
    assert "Traceback" not in empty_lodge.log.read_text()


def test_credentials_need_an_existing_person_and_a_free_user_name(empty_lodge):
    empty_lodge.run("site", "add", "Squirrel Lane")
    empty_lodge.run("user", "add", "Mei", "--role", "manager", "--username", "mei")
    for words in (
        ("pin", "nobody", "--pin", "471182"),
        ("password", "nobody", "--username", "mo"),
        ("add", "Mo", "--role", "manager", "--username", "Mei"),
    ):
        result = empty_lodge.run_unchecked("user", *words)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
    assert "Mo" not in empty_lodge.run("user", "list")


def test_missing_catalogues_are_compiled(demo_lodge):
    (po,) = TRANSLATIONS.rglob("*.po")
    po.with_suffix(".mo").unlink(missing_ok=True)
    demo_lodge.start()
    request = urllib.request.Request(f"{demo_lodge.url}/", headers={"Accept-Language": "zh"})
    with urllib.request.urlopen(request) as response:
        page = response.read().decode()
    demo_lodge.stop()
    assert "登录" in page


def test_a_site_and_its_first_people_are_added(lodge):
    lodge.run("init")
    lodge.run("init")
    site = lodge.run("site", "add", "松鼠里", "--english", "Squirrel Lane").split()[-1]
    assert "password" in lodge.run("user", "add", "Mei", "--role", "manager", "--username", "mei")
    lodge.run("user", "add", "Ana", "--role", "cleaner", "--pin", "471182")
    assert "Ana" in lodge.run("user", "list", "--site", site)
    with closing(sqlite3.connect(lodge.folder / "var" / "lodge.sqlite3")) as database:
        query = "SELECT count(*) FROM access WHERE event = 'role' AND about_id IS NOT NULL"
        assert database.execute(query).fetchone() == (2,), "who was given roles is in the log"
    short_pin = lodge.run_unchecked("user", "add", "Bo", "--role", "cleaner", "--pin", "12")
    assert short_pin.returncode != 0
    assert lodge.run("version").strip()


def test_a_site_is_found_by_any_of_its_names_or_their_beginning(lodge, two_sites):
    squirrel, squash = two_sites
    lodge.run("user", "add", "Ana", "--role", "cleaner", "--site", squirrel)
    for name in ("松鼠里", "松鼠", "Squirrel Lane", "squirrel lane", "SQUI", squirrel):
        assert "Ana" in lodge.run("user", "list", "--site", name), name
    for name in ("松果", "Squa", squash[:34]):
        assert "Ana" not in lodge.run("user", "list", "--site", name), name


def test_an_unclear_site_is_answered_with_the_sites(lodge, two_sites):
    for words, problem in (
        ([], "There is more than one site."),
        (["--site", "Squ"], "More than one site is called Squ"),
        (["--site", "松"], "More than one site is called 松"),
        (["--site", "Oak"], "No site is called Oak"),
        (["--site", ""], "No site is called"),
    ):
        result = lodge.run_unchecked("enrol", *words)
        assert result.returncode == 2
        assert problem in result.stderr
        assert f"{two_sites[0]}  松鼠里 / Squirrel Lane" in result.stderr
        assert two_sites[1] in result.stderr


def test_a_full_name_wins_over_a_longer_one_that_begins_so(lodge, two_sites):
    lodge.run("site", "add", "松鼠里二期", "--english", "Squirrel Lane 2")
    assert "Squirrel Lane:" in lodge.run("enrol", "--site", "Squirrel Lane")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
    ],
)
def test_help_and_errors_are_in_the_language_of_the_environment(lodge, environment, language):
    lodge.env |= environment
    help_text = lodge.run_unchecked("enrol", "--help").stdout
    assert ("setup code" in help_text) == (language == "en")
    assert ("登记码" in help_text) == (language == "zh")
    assert ("用法" in help_text) == (language == "zh"), "click's own words"
    error = lodge.run_unchecked("verify").stderr
    assert ("There is no database yet" in error) == (language == "en")
    assert ("还没有数据库" in error) == (language == "zh")


def test_the_installed_command_speaks_the_language_of_the_environment(lodge):
    assert "登记码" in run_command(lodge, "enrol", "--help", LANG="zh_CN.UTF-8").stdout
    assert "还没有数据库" in run_command(lodge, "serve", LANG="zh_CN.UTF-8").stderr


def test_a_site_is_named_in_the_language_of_the_environment(lodge, two_sites):
    for language, name in (("en_GB.UTF-8", "Squirrel Lane"), ("zh_CN.UTF-8", "松鼠里")):
        lodge.env["LC_ALL"] = language
        assert lodge.run("enrol", "--site", "松鼠").startswith(name)


def test_enrol_says_whose_phone_it_is_and_takes_people_by_role_or_name(demo_lodge):
    def whose(*words):
        return demo_lodge.run("enrol", *words).splitlines()[0]

    assert "everybody of the site" in whose()
    assert "everybody of the site" in whose("--people", "all")
    assert "nobody yet" in whose("--people", "none")
    name = next(name for username, name, *_ in SQUIRREL if username == "ana")
    by_role = whose("--role", "cleaner")
    assert name in by_role
    assert name in whose("--person", name)
    for words in (
        ["--people", "all", "--role", "cleaner"],
        ["--person", "Nobody"],
        ["--role", "king"],
    ):
        assert demo_lodge.run_unchecked("enrol", *words).returncode == 2


@pytest.mark.asvs("13.3.1", "13.3.2")
def test_enrol_prints_a_code_and_the_secret_key_must_be_private(demo_lodge):
    code = demo_lodge.run("enrol").split()[-1]
    assert len(code.replace("-", "")) == 8
    key = demo_lodge.folder / "var" / "secret-key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    result = demo_lodge.run_unchecked("enrol")
    assert result.returncode != 0
    assert "chmod 600" in result.stderr


def test_verify_exits_with_1_after_a_record_was_changed_by_hand(demo_lodge):
    assert json.loads(demo_lodge.run("verify"))["differences"] == 0
    with (
        closing(sqlite3.connect(demo_lodge.folder / "var" / "lodge.sqlite3")) as database,
        database,
    ):
        database.execute("UPDATE person SET name = 'Somebody else'")
    assert demo_lodge.run_unchecked("verify").returncode == 1


@pytest.mark.asvs("16.4.3")
def test_verify_finds_a_printed_link_in_the_log_again(demo_lodge):
    links = json.loads(demo_lodge.run("verify"))["links"]
    for link in links.values():
        demo_lodge.run("verify", "--expect", link)
    noted = demo_lodge.folder / "links.txt"
    noted.write_text(demo_lodge.run("links") + demo_lodge.run("links"))
    demo_lodge.run("verify", "--expect", noted.read_text(), "--expect-file", str(noted))
    manifest = json.loads(demo_lodge.run("backup", str(demo_lodge.folder / "backup.tar.gz")))
    kept = json.dumps(manifest["links"])
    result = demo_lodge.run_unchecked("verify", "--expect", kept, "--expect", f"x {'0' * 64}")
    assert result.returncode == 1
    assert result.stderr.count("cut off or rewritten") == 1
    assert "lodge links" in demo_lodge.run_unchecked("verify", "--expect", "nothing").stderr


def test_postgresql_needs_only_its_url(tmp_path, postgres):
    live = LiveServer(tmp_path, database_url=postgres.url(postgres.create_database()))
    live.run("init", "--demo")
    live.start()
    assert live.is_healthy()
    live.kill()
    assert json.loads(live.run("verify"))["differences"] == 0
    assert not (tmp_path / "var" / "lodge.sqlite3").exists()


def test_init_continues_an_upgrade_that_was_interrupted_after_the_migrations(demo_lodge):
    with (
        closing(sqlite3.connect(demo_lodge.folder / "var" / "lodge.sqlite3")) as database,
        database,
    ):
        database.execute("DELETE FROM server_state WHERE key = 'drawn'")
        database.execute("UPDATE feed SET body = '{}'")
    assert "lodge init" in demo_lodge.run_unchecked("serve").stderr
    demo_lodge.run("init")
    assert json.loads(demo_lodge.run("verify"))["differences"] == 0


def test_a_new_site_has_the_content_pack(empty_lodge):
    empty_lodge.run("site", "add", "Squirrel Lane")
    with closing(sqlite3.connect(empty_lodge.folder / "var" / "lodge.sqlite3")) as database:
        for table, least in (("schedule", 13), ("template", 10), ("card", 20)):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] >= least
        active = database.execute("SELECT count(*) FROM schedule WHERE active").fetchone()[0]
    assert active == 0
    assert json.loads(empty_lodge.run("verify"))["differences"] == 0


def test_init_keeps_the_size_of_the_demo_that_is_there(demo_lodge):
    demo_lodge.run("init", "--demo")
    with closing(sqlite3.connect(demo_lodge.folder / "var" / "lodge.sqlite3")) as database:
        sizes = database.execute("SELECT value FROM server_state WHERE key = 'demo'").fetchall()
        sites = database.execute("SELECT count(*) FROM site").fetchone()[0]
    assert (sizes, sites) == ([("small",)], 2)
