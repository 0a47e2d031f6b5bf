"""Several secret keys: the newest signs, and what older ones signed still counts."""

from __future__ import annotations

import pytest

from server import create_app
from server.auth.keys import serializer
from server.auth.qr_tokens import label_token, label_token_hashes
from server.config import MAX_KEYS, add_key, load_or_create_keys
from sync.work.patrol_rules import token_hash
from tests.seed_data import ANA, HOME_SITE, STAIRS, TASK
from tests.server.conftest import PASSWORD, DeskBrowser

OLD, NEW = "the old key, long enough to be a key", "the new key, long enough to be a key"


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


def rotate(app):
    app.config.update(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[app.config["SECRET_KEY"]])
    app.extensions.pop("lodge-cursors", None)


@pytest.mark.asvs("11.2.2")
def test_nobody_is_signed_out_and_no_phone_begins_anew(app, ben, phone, bens_password):
    browser = DeskBrowser(app.test_client())
    browser.sign_in("ben", PASSWORD)
    form = ben.get("/desk/account").text
    phone.send_op("task.complete", TASK, by=ANA)
    phone.pull_all()
    rotate(app)
    assert ben.get("/desk/").status_code == browser.get("/desk/").status_code == 200
    page = phone.pull().json
    assert "reset" not in page and phone.hello().status == 200
    token = form.partition('name="form_token" value="')[2].partition('"')[0]
    assert token
    changed = {"form_token": token, "password": PASSWORD, "new": "three grey cats on a wall"}
    assert ben.post("/desk/account", changed).status_code == 303


@pytest.mark.asvs("11.2.2")
def test_printed_labels_stay_valid_and_new_ones_use_the_new_key(app):
    with app.app_context():
        printed = label_token(HOME_SITE, STAIRS, 1)
        rotate(app)
        assert label_token(HOME_SITE, STAIRS, 1) != printed
        valid = label_token_hashes(HOME_SITE, STAIRS, 1)
        assert {token_hash(printed), token_hash(label_token(HOME_SITE, STAIRS, 1))} == set(valid)


def test_the_newest_key_signs(app):
    with app.app_context():
        old = serializer("x").dumps("a")
        rotate(app)
        new = serializer("x").dumps("a")
        assert serializer("x").loads(old) == serializer("x").loads(new) == "a" and old != new


@pytest.mark.asvs("13.3.1")
def test_the_key_file_keeps_the_newest_keys_and_is_private(tmp_path):
    file = tmp_path / "secret-key"
    (first,) = load_or_create_keys(file)
    counts = [add_key(file) for _ in range(MAX_KEYS)]
    assert counts == [2, 3, 4, 5, 5]
    keys = load_or_create_keys(file)
    assert len(set(keys)) == MAX_KEYS and first not in keys
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    with pytest.raises(RuntimeError, match="chmod 600"):
        load_or_create_keys(file)


def test_an_application_reads_all_keys(tmp_path, sqlite_url):
    first = load_or_create_keys(tmp_path / "secret-key")[0]
    add_key(tmp_path / "secret-key")

    app = create_app({"SQLALCHEMY_DATABASE_URI": sqlite_url, "DATA_DIR": str(tmp_path)})
    assert app.config["SECRET_KEY_FALLBACKS"] == [first] != [app.config["SECRET_KEY"]]
