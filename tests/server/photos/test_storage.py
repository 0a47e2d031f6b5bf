"""Photos in S3-compatible storage, with a real server (moto)."""

from __future__ import annotations

import subprocess
import sys

import boto3
import pytest
from botocore.exceptions import BotoCoreError
from sqlalchemy import text

from server.auth.devices import issue_code
from server.db.engine import db, write_transaction
from server.photos import uploads
from tests import seed_data
from tests.live_server import free_port
from tests.phone_client import FlaskTransport, PhoneClient
from tests.server.photos.test_uploads import content_range, image_bytes, sha256_of
from tests.server.sync_api.test_requests import is_problem
from tests.wait_for import wait_for


@pytest.fixture
def s3_server():
    """URL and process of an S3-compatible server, which is killed at the end."""
    port = free_port()

    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}", server
    server.kill()
    server.wait()


@pytest.fixture
def bucket(s3_server, sqlite_app, monkeypatch):
    """Make the application store photos in a bucket; returns a function that lists its keys."""
    endpoint, _ = s3_server
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    client = boto3.client("s3", endpoint_url=endpoint)
    location = {"LocationConstraint": "eu-central-1"}
    name = f"lodge-{free_port()}"
    wait_for(lambda: client.create_bucket(Bucket=name, CreateBucketConfiguration=location))
    sqlite_app.config["PHOTOS_URL"] = f"s3://{name}/estate?endpoint={endpoint}"
    return lambda: [o["Key"] for o in client.list_objects_v2(Bucket=name).get("Contents", [])]


def enrol_client(app):
    with app.app_context():
        code = issue_code(seed_data.HOME_SITE, None)
    return PhoneClient(FlaskTransport(app.test_client())).enrol(code)


def test_a_photo_is_stored_in_the_bucket_and_read_back(sqlite_app, bucket):
    phone = enrol_client(sqlite_app)
    content = image_bytes()
    name, half = sha256_of(content), len(content) // 2
    first = phone.request_photo("PUT", name, content[:half], content_range(0, half, len(content)))
    assert first.json["complete"] is False and bucket() == []
    rest = phone.request_photo(
        "PUT", name, content[half:], content_range(half, len(content), len(content))
    )
    assert rest.json["complete"] is True
    assert bucket() == [f"estate/{seed_data.HOME_SITE}/{name}"]
    assert phone.request_photo("GET", name).body[:2] == b"\xff\xd8"
    with sqlite_app.app_context():
        uploads.delete_photo(seed_data.HOME_SITE, name)
    assert bucket() == []


@pytest.mark.asvs("16.5.2")
def test_an_unreachable_bucket_loses_no_photo_and_blocks_no_op(sqlite_app, bucket, s3_server):
    phone = enrol_client(sqlite_app)
    content, (_, server) = image_bytes(), s3_server
    server.kill()
    server.wait()
    with pytest.raises(BotoCoreError):
        bucket()
    assert is_problem(phone.request_photo("PUT", sha256_of(content), content), 503)
    assert phone.request_photo("HEAD", sha256_of(content)).status == 404
    named = {"photos": [sha256_of(content)]}
    verdict = phone.send_op("task.complete", seed_data.TASK, named, by=seed_data.ANA)
    assert verdict["status"] == "applied"


def test_an_upload_that_cannot_be_recorded_completes_later_without_a_byte_sent_twice(sqlite_app):
    phone = enrol_client(sqlite_app)
    content = image_bytes()
    name, size = sha256_of(content), len(content)
    phone.send_op("task.complete", seed_data.TASK, {"photos": [name]}, by=seed_data.ANA)
    rename_table(sqlite_app, "op", "op_away")
    assert is_problem(phone.request_photo("PUT", name, content), 503)
    rename_table(sqlite_app, "op_away", "op")
    reply = phone.request_photo("HEAD", name)
    assert (reply.status, reply.headers["Upload-Offset"]) == (404, str(size))
    reply = phone.request_photo("PUT", name, b"", content_range(size, size, size))
    assert reply.json["complete"] is True
    assert phone.get_record("task", seed_data.TASK)["photos_here"] == 1


def rename_table(app, old, new):
    with app.app_context(), write_transaction():
        db.session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
