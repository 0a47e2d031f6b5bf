"""Backups: one checked file; after a restore phones re-upload what it does not have."""

import hashlib
import io
import sqlite3
import tarfile

import pytest
from PIL import Image

from server.db.engine import db
from server.maintenance import backup
from server.models.feed import ServerState
from server.models.tasks import Task
from server.oplog.replay import find_faults
from tests.phone_client import with_hash
from tests.seed_data import ANA, HOME_SITE, TASK, TASKS


@pytest.fixture
def backup_file(app, tmp_path):
    """Creates a backup file of the database as it is."""

    def create(name="backup.tar.gz"):
        with app.app_context():
            backup.create_backup(tmp_path / name)
        return tmp_path / name

    return create


def restore_backup(app, file):
    with app.app_context():
        backup.restore_backup(file)
        assert find_faults(HOME_SITE) == []


def done_by(app, id_):
    with app.app_context():
        return db.session.get(Task, (HOME_SITE, id_)).done_by_id


def current_epoch(app):
    with app.app_context():
        return db.session.get(ServerState, "epoch").value


def test_phones_upload_again_what_a_restored_backup_does_not_have(app, phone, backup_file):
    phone.send_op("task.complete", TASK, by=ANA)
    file, old_epoch = backup_file(), current_epoch(app)
    later = phone.add_op("task.complete", TASKS[1], by=ANA)
    phone.send_outbox()
    phone.pull_all()
    restore_backup(app, file)
    assert (done_by(app, TASK), done_by(app, TASKS[1])) == (ANA, None)
    assert current_epoch(app) != old_epoch
    page = phone.pull().json
    assert (page["reset"], page["epoch"]) == ("epoch", current_epoch(app))
    assert phone.push(later).json["verdicts"][0]["status"] == "applied"
    assert done_by(app, TASKS[1]) == ANA
    with app.app_context():
        assert find_faults(HOME_SITE) == []


def test_hello_returns_the_time_of_the_newest_backup(app, phone, backup_file):
    assert phone.hello().json["backup_watermark"] is None
    backup_file()
    hello = phone.hello().json
    assert hello["backup_watermark"] <= hello["received_at"]


def test_a_backup_has_the_photos(app, phone, backup_file, tmp_path):
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(picture, "JPEG")
    bytes_ = picture.getvalue()
    name = hashlib.sha256(bytes_).hexdigest()
    phone.send_op("task.complete", TASK, {"photos": [name]}, by=ANA)
    phone.request_photo("PUT", name, bytes_)
    file, photo = backup_file(), tmp_path / "var" / "photos" / HOME_SITE / name
    photo.unlink()
    restore_backup(app, file)
    assert phone.request_photo("GET", name).status == 200
    with tarfile.open(file) as tar:
        assert {"database", "manifest.json", f"photos/{HOME_SITE}/{name}"} <= set(tar.getnames())


def corrupted_backup(file, name):
    """A copy of a backup with the last byte of one of its files changed."""
    out = file.with_name(f"altered-{name}.tar.gz")
    with tarfile.open(file) as tar, tarfile.open(out, "w:gz") as copy:
        for member in tar.getmembers():
            bytes_ = tar.extractfile(member).read()
            if member.name == name:
                bytes_ = bytes_[:-1] + bytes([bytes_[-1] ^ 1])
            copy.addfile(member, io.BytesIO(bytes_))
    return out


def test_restoring_a_damaged_backup_is_refused_and_changes_nothing(
    app, phone, backup_file, tmp_path
):
    phone.send_op("task.complete", TASK, by=ANA)
    file, epoch = backup_file(), current_epoch(app)
    half = tmp_path / "half.tar.gz"
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    text = tmp_path / "text.tar.gz"
    text.write_text("no backup")
    for damaged in (
        corrupted_backup(file, "database"),
        corrupted_backup(file, "manifest.json"),
        half,
        text,
    ):
        with app.app_context(), pytest.raises(backup.BackupError, match="Use another one"):
            backup.restore_backup(damaged)
    assert (current_epoch(app), done_by(app, TASK)) == (epoch, ANA)


@pytest.mark.parametrize("was_unfinished", [False, True])
def test_a_failed_restore_leaves_the_database_and_the_marker_as_they_were(
    app, backup_file, tmp_path, was_unfinished
):
    file, marker = backup_file(), tmp_path / "var" / "restoring"
    if was_unfinished:
        marker.touch()
    with app.app_context():
        source = tmp_path / "unreadable"
        with tarfile.open(file) as tar:
            bytes_ = tar.extractfile("database").read()
        source.write_bytes(bytes_[:6] + b"no database" * 1000)
        with pytest.raises((backup.BackupError, sqlite3.DatabaseError)):
            backup._load_database(source)
        assert backup.is_restore_unfinished() == marker.exists() == was_unfinished


def test_a_phone_continues_its_chain_after_a_restore_and_fills_the_gap(app, phone, backup_file):
    phone.send_op("task.complete", TASK, by=ANA)
    file = backup_file()
    lost = [phone.add_op("task.complete", id_, by=ANA) for id_ in TASKS[1:4]]
    phone.send_outbox()
    restore_backup(app, file)
    new = phone.add_op("task.complete", TASKS[5], by=ANA)
    assert phone.push(new).json["verdicts"][0]["status"] == "applied"
    assert phone.hello().json["sites"][HOME_SITE]["gaps"] == [[2, 4]]
    assert {v["status"] for v in phone.push(*lost).json["verdicts"]} == {"applied"}
    assert phone.hello().json["sites"][HOME_SITE]["gaps"] == []
    forged = with_hash({**lost[0], "payload": {"note": "x"}})
    assert phone.push(forged).json["verdicts"][0]["status"] == "fork"
