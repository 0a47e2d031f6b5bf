"""Photos in a bucket: the same promises, somewhere else. A real server speaks S3 here."""

from __future__ import annotations

import subprocess
import sys

import boto3
import pytest
from botocore.exceptions import BotoCoreError

from server.auth.devices import issue_code
from server.photos import uploads
from tests import cast
from tests.live import free_port
from tests.phone import FlaskWire, Phone
from tests.server.test_wire import is_problem
from tests.server.test_wire_photos import name_of, picture, span
from tests.until import until


@pytest.fixture
def storage():
    """Where an S3-compatible server listens; it is killed at the end."""
    port = free_port()
    words = [sys.executable, "-m", "moto.server", "-p", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}", server
    server.kill()
    server.wait()


@pytest.fixture
def bucket(storage, on_sqlite, monkeypatch):
    """A bucket that the application keeps its photos in."""
    endpoint, _ = storage
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    client = boto3.client("s3", endpoint_url=endpoint)
    where = {"LocationConstraint": "eu-central-1"}
    name = f"lodge-{free_port()}"
    until(lambda: client.create_bucket(Bucket=name, CreateBucketConfiguration=where))
    on_sqlite.config["PHOTOS_URL"] = f"s3://{name}/estate?endpoint={endpoint}"
    return lambda: [o["Key"] for o in client.list_objects_v2(Bucket=name).get("Contents", [])]


def enrolled(app):
    with app.app_context():
        code = issue_code(cast.HOME, None)
    return Phone(FlaskWire(app.test_client())).enrol(code)


def test_a_photo_goes_to_the_bucket_in_pieces_and_comes_back(on_sqlite, bucket):
    phone = enrolled(on_sqlite)
    content = picture()
    name, half = name_of(content), len(content) // 2
    first = phone.photo("PUT", name, content[:half], span(0, half, len(content)))
    assert first.json["complete"] is False and bucket() == []
    rest = phone.photo("PUT", name, content[half:], span(half, len(content), len(content)))
    assert rest.json["complete"] is True
    assert bucket() == [f"estate/{cast.HOME}/{name}"]
    assert phone.photo("GET", name).body[:2] == b"\xff\xd8"
    with on_sqlite.app_context():
        uploads.delete_photo(cast.HOME, name)
    assert bucket() == []


def test_a_bucket_that_is_away_costs_no_photo_and_holds_up_no_op(on_sqlite, bucket, storage):
    phone = enrolled(on_sqlite)
    content, (_, server) = picture(), storage
    server.kill()
    server.wait()
    with pytest.raises(BotoCoreError):
        bucket()
    assert is_problem(phone.photo("PUT", name_of(content), content), 503)
    assert phone.photo("HEAD", name_of(content)).status == 404, "the phone keeps it"
    named = {"photos": [name_of(content)]}
    told = phone.verdict("task.complete", cast.TASK, named, by=cast.ANA)
    assert told["status"] == "applied"
