"""Backups that were changed are refused: one byte is enough, and so is another server."""

from __future__ import annotations

import random

import pytest

from server.config import add_key, load_or_create_keys, make_private, merge_keys
from server.db.engine import db
from server.maintenance import backup
from server.maintenance.backup import BackupError, backup_key_file
from server.models.feed import ServerState

PASSPHRASE = "four words and a comma"


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def make_backup(app, tmp_path):
    def make(name="b.tar.gz", passphrase=None):
        with app.app_context():
            backup.create_backup(tmp_path / name, passphrase)
        return tmp_path / name

    return make


def epoch(app):
    with app.app_context():
        return db.session.get(ServerState, "epoch").value


@pytest.mark.asvs("11.3.3")
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE], ids=["sealed", "encrypted"])
def test_one_flipped_bit_anywhere_is_refused(app, make_backup, passphrase):
    file, before = make_backup(passphrase=passphrase), epoch(app)
    content = file.read_bytes()
    rng = random.Random(7)
    places = {0, 4, 9, 30, len(content) - 1, len(content) - 20, len(content) - 60}
    for place in sorted(places | {rng.randrange(len(content)) for _ in range(3)}):
        changed = bytearray(content)
        changed[place] ^= 1 << rng.randrange(8)
        file.write_bytes(bytes(changed))
        with app.app_context(), pytest.raises(BackupError, match="Use another one"):
            backup.restore_backup(file, passphrase)
    for rest in (content[:-1], content + b"\0", content[: len(content) // 2], b""):
        file.write_bytes(rest)
        with app.app_context(), pytest.raises(BackupError, match="Use another one"):
            backup.restore_backup(file, passphrase)
    assert epoch(app) == before
    file.write_bytes(content)
    with app.app_context():
        backup.restore_backup(file, passphrase)
    assert epoch(app) != before


@pytest.mark.asvs("11.3.2")
def test_an_encrypted_backup_shows_nothing_and_needs_its_passphrase(app, make_backup):
    file = make_backup(passphrase=PASSPHRASE)
    assert b"SQLite" not in file.read_bytes() and file.stat().st_mode & 0o777 == 0o600
    for wrong in (None, "", "another long passphrase"):
        with app.app_context(), pytest.raises(BackupError, match="passphrase"):
            backup.restore_backup(file, wrong)
    with app.app_context(), pytest.raises(BackupError, match="too short"):
        backup.create_backup(file, "short")


def test_another_server_takes_it_only_with_the_key_or_when_told(app, make_backup, tmp_path):
    file, key_copy = make_backup(), tmp_path / "copy"
    with app.app_context():
        backup_key_file().rename(key_copy)
        load_or_create_keys(backup_key_file())
        with pytest.raises(BackupError, match="--unverified"):
            backup.restore_backup(file)
        backup.restore_backup(file, key_file=key_copy)
        backup.restore_backup(file, unverified=True)


def test_the_backup_key_is_in_no_backup_and_may_be_rotated(app, make_backup):
    file = make_backup()
    with app.app_context():
        (key,) = load_or_create_keys(backup_key_file())
        with backup._opened(file, None, None) as (folder, _):
            assert not [
                f for f in folder.rglob("*") if f.is_file() and key in f.read_text("latin-1")
            ]
        add_key(backup_key_file())
        backup.verify_backup(file)


def test_a_restored_key_verifies_but_does_not_replace_the_newer_one(tmp_path):
    file = tmp_path / "secret-key"
    (old,) = load_or_create_keys(file)
    add_key(file)
    newest = load_or_create_keys(file)[0]
    other = tmp_path / "other"
    merge_keys(file, [old, *load_or_create_keys(other)])
    keys = load_or_create_keys(file)
    assert keys[:2] == [newest, old] and len(keys) == 3


@pytest.mark.asvs("13.3.1")
def test_other_users_can_read_nothing_of_the_data_folder(tmp_path):
    folder = tmp_path / "var"
    (folder / "photos" / "site").mkdir(parents=True)
    for name in ("lodge.sqlite3", "lodge.sqlite3-wal", "photos/site/abc", "notes.txt"):
        (folder / name).touch()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    make_private(folder)
    open_to_others = [p.name for p in (folder, *folder.rglob("*")) if p.stat().st_mode & 0o077]
    assert open_to_others == ["notes.txt"]  # not a file of Lodge
