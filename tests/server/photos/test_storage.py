"""Photos in a bucket: the same promises, somewhere else. A real server speaks S3 here."""

from __future__ import annotations

import subprocess
import sys

import boto3
import pytest
from botocore.exceptions import BotoCoreError

from server.auth.devices import issue_code
from server.photos import uploads
from tests import seed_data
from tests.live_server import free_port
from tests.phone_client import FlaskTransport, PhoneClient
from tests.server.photos.test_uploads import content_range, image_bytes, sha256_of
from tests.server.sync_api.test_requests import is_problem
from tests.wait_for import wait_for


@pytest.fixture
def s3_server():
    """Where an S3-compatible server listens; it is killed at the end."""
    port = free_port()
    words = [sys.executable, "-m", "moto.server", "-p", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}", server
    server.kill()
    server.wait()


@pytest.fixture
def bucket(s3_server, sqlite_app, monkeypatch):
    """A bucket that the application keeps its photos in."""
    endpoint, _ = s3_server
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    client = boto3.client("s3", endpoint_url=endpoint)
    where = {"LocationConstraint": "eu-central-1"}
    name = f"lodge-{free_port()}"
    wait_for(lambda: client.create_bucket(Bucket=name, CreateBucketConfiguration=where))
    sqlite_app.config["PHOTOS_URL"] = f"s3://{name}/estate?endpoint={endpoint}"
    return lambda: [o["Key"] for o in client.list_objects_v2(Bucket=name).get("Contents", [])]


def enrol_client(app):
    with app.app_context():
        code = issue_code(seed_data.HOME_SITE, None)
    return PhoneClient(FlaskTransport(app.test_client())).enrol(code)


def test_a_photo_goes_to_the_bucket_in_pieces_and_comes_back(sqlite_app, bucket):
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


def test_a_bucket_that_is_away_costs_no_photo_and_holds_up_no_op(sqlite_app, bucket, s3_server):
    phone = enrol_client(sqlite_app)
    content, (_, server) = image_bytes(), s3_server
    server.kill()
    server.wait()
    with pytest.raises(BotoCoreError):
        bucket()
    assert is_problem(phone.request_photo("PUT", sha256_of(content), content), 503)
    assert phone.request_photo("HEAD", sha256_of(content)).status == 404, "the phone keeps it"
    named = {"photos": [sha256_of(content)]}
    told = phone.send_op("task.complete", seed_data.TASK, named, by=seed_data.ANA)
    assert told["status"] == "applied"
