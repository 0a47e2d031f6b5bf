"""Uploads of photos: whole or in pieces, without metadata, and counted in their records."""

import hashlib
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from server.auth.devices import revoke_device
from server.photos.uploads import delete_stale_uploads
from tests.seed_data import ANA, HOME_SITE, OTHER_SITE, TASK
from tests.server.sync_api.test_requests import is_problem


def image_bytes(*, with_location=False, size=(400, 300)):
    """A random JPEG; each call returns another one."""
    out, options = BytesIO(), {}
    if with_location:
        exif = Image.Exif()
        exif[0x010F] = "CANARY-CAMERA"
        exif.get_ifd(0x8825)[1] = "N"
        options = {"exif": exif}
    Image.effect_noise(size, 40).convert("RGB").save(out, "JPEG", **options)
    return out.getvalue()


def sha256_of(content):
    return hashlib.sha256(content).hexdigest()


def content_range(start, stop, total):
    return {"Content-Range": f"bytes {start}-{stop - 1}/{total}"}


@pytest.mark.asvs("5.3.1")
def test_a_photo_is_uploaded_in_one_request(phone):
    content = image_bytes()
    sha256 = sha256_of(content)
    assert phone.request_photo("HEAD", sha256).status == 404
    assert phone.request_photo("GET", sha256).status == 404
    assert phone.request_photo("PUT", sha256, content).status in (200, 201, 204)
    assert phone.request_photo("HEAD", sha256).status == 200
    got = phone.request_photo("GET", sha256)
    assert got.status == 200
    assert got.headers["Content-Type"] == "image/jpeg"
    assert got.headers["Cache-Control"] == "no-store"
    assert Image.open(BytesIO(got.body)).size == (400, 300)
    assert phone.request_photo("PUT", sha256, content).status in (200, 201, 204)


def test_a_revoked_phone_sends_its_photos_and_gets_none(app, phone, new_phone):
    content = image_bytes()
    sha256 = sha256_of(content)
    with app.app_context():
        revoke_device(HOME_SITE, phone.device, lost=True)
    assert phone.request_photo("PUT", sha256, content).status == 200
    assert phone.request_photo("GET", sha256).status == 404
    assert new_phone().request_photo("GET", sha256).status == 200


def test_pieces_may_be_repeated(phone):
    content = image_bytes()
    sha256, total = sha256_of(content), len(content)
    third = total // 3
    assert (
        phone.request_photo("PUT", sha256, content[:third], content_range(0, third, total)).status
        < 300
    )
    assert phone.request_photo("HEAD", sha256).status == 404, "not whole yet"
    assert (
        phone.request_photo("PUT", sha256, content[:third], content_range(0, third, total)).status
        < 300
    )
    middle = content[third : 2 * third]
    assert (
        phone.request_photo("PUT", sha256, middle, content_range(third, 2 * third, total)).status
        < 300
    )
    assert (
        phone.request_photo("PUT", sha256, middle, content_range(third, 2 * third, total)).status
        < 300
    )
    last = content[2 * third :]
    assert (
        phone.request_photo("PUT", sha256, last, content_range(2 * third, total, total)).status
        < 300
    )
    assert phone.request_photo("HEAD", sha256).status == 200


def test_a_piece_after_a_gap_is_refused(phone):
    content = image_bytes()
    sha256, total = sha256_of(content), len(content)
    reply = phone.request_photo("PUT", sha256, content[100:200], content_range(100, 200, total))
    assert 400 <= reply.status < 500
    assert phone.request_photo("PUT", sha256, content).status < 300


def test_a_record_counts_its_photos_that_have_arrived(phone, new_phone):
    one, two = image_bytes(), image_bytes()
    payload = {"photos": [sha256_of(one), sha256_of(two)]}
    phone.send_op("task.complete", TASK, payload, by=ANA)
    task = phone.get_record("task", TASK)
    assert (task["photos"], task["photos_here"]) == (payload["photos"], 0)
    phone.request_photo("PUT", sha256_of(one), one)
    assert phone.get_record("task", TASK)["photos_here"] == 1
    phone.request_photo("PUT", sha256_of(two), two)
    phone.request_photo("PUT", sha256_of(two), two)
    assert new_phone().get_record("task", TASK)["photos_here"] == 2


def test_a_photo_may_arrive_before_the_op_that_names_it(phone):
    content = image_bytes()
    phone.request_photo("PUT", sha256_of(content), content)
    payload = {"sha256": sha256_of(content), "bytes": len(content), "captured_at": phone.now()}
    assert phone.send_op("photo.attach", TASK, payload, by=ANA)["status"] == "applied"
    task = phone.get_record("task", TASK)
    assert (task["photos"], task["photos_here"]) == ([sha256_of(content)], 1)


@pytest.mark.asvs("5.2.2")
def test_camera_and_location_are_removed(phone):
    content = image_bytes(with_location=True)
    assert b"CANARY-CAMERA" in content
    phone.request_photo("PUT", sha256_of(content), content)
    assert b"CANARY-CAMERA" not in phone.request_photo("GET", sha256_of(content)).body


def test_bytes_that_do_not_match_the_hash_are_refused(phone):
    content = image_bytes()
    reply = phone.request_photo("PUT", sha256_of(content), content[:-1] + b"\0")
    assert 400 <= reply.status < 500
    assert reply.json["detail"]
    assert phone.request_photo("HEAD", sha256_of(content)).status == 404
    assert phone.request_photo("PUT", sha256_of(content), content).status < 300


@pytest.mark.parametrize(
    "content", [b"", b"x", b"<svg/>", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" * 99]
)
@pytest.mark.asvs("1.3.4", "5.2.2")
def test_bytes_that_are_no_picture_are_refused(phone, content):
    reply = phone.request_photo("PUT", sha256_of(content), content)
    assert 400 <= reply.status < 500
    assert phone.request_photo("HEAD", sha256_of(content)).status == 404


@pytest.mark.parametrize(
    "range_", ["bytes", "bytes 0-9", "bytes 9-0/10", "bytes 0-9/5", "bytes a-b/c", "bytes 0-99/*"]
)
def test_an_invalid_content_range_is_refused(phone, range_):
    reply = phone.request_photo("PUT", "0" * 64, b"x" * 10, {"Content-Range": range_})
    assert 400 <= reply.status < 500


def test_an_interrupted_upload_continues_where_it_stopped(phone, app, new_phone):
    content = image_bytes(size=(1800, 1500))
    assert len(content) > 1_000_000
    name, size = sha256_of(content), 64 * 1024
    for start in range(0, len(content), size):
        assert phone.request_photo("HEAD", name).headers["Upload-Offset"] == str(start)
        partial = content[start : start + size // 3]  # the connection broke in the middle
        phone.request_photo(
            "PUT", name, partial, content_range(start, start + len(partial), len(content))
        )
        piece = content[start : start + size]
        reply = phone.request_photo(
            "PUT", name, piece, content_range(start, start + len(piece), len(content))
        )
        assert reply.json["complete"] == (start + size >= len(content))
    assert new_phone().request_photo("GET", name).status == 200
    folder = Path(app.config["DATA_DIR"]) / "photos" / HOME_SITE
    assert [file.name for file in folder.iterdir()] == [name], "no piece is left behind"


def test_an_upload_completes_without_a_byte_sent_twice_after_a_crash(phone, app):
    content = image_bytes()
    folder = Path(app.config["DATA_DIR"]) / "photos" / HOME_SITE
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{sha256_of(content)}.part").write_bytes(content)
    at = len(content)
    assert phone.request_photo("HEAD", sha256_of(content)).headers["Upload-Offset"] == str(at)
    assert (
        phone.request_photo("PUT", sha256_of(content), b"", content_range(at, at, at)).json[
            "complete"
        ]
        is True
    )


def test_unfinished_uploads_are_deleted_after_a_week(phone, app):
    content = image_bytes()
    phone.request_photo(
        "PUT", sha256_of(content), content[:100], content_range(0, 100, len(content))
    )
    with app.app_context():
        now = datetime.now(UTC)
        assert delete_stale_uploads(HOME_SITE, now + timedelta(days=6)) == 0
        assert delete_stale_uploads(HOME_SITE, now + timedelta(days=8)) == 1
    assert phone.request_photo("HEAD", sha256_of(content)).headers["Upload-Offset"] == "0"


def test_a_full_disk_refuses_photos_and_accepts_ops(phone, app):
    folder = Path(app.config["DATA_DIR"]) / "photos" / HOME_SITE
    folder.mkdir(parents=True, exist_ok=True)
    content = image_bytes()
    (folder / sha256_of(content)).with_suffix(".part").symlink_to("/dev/full")
    reply = phone.request_photo("PUT", sha256_of(content), content)
    assert is_problem(reply, 507) and "room" in reply.json["detail"]
    named = {"photos": [sha256_of(content)]}
    assert phone.send_op("task.complete", TASK, named, by=ANA)["status"] == "applied"


@pytest.mark.asvs("5.2.1")
def test_a_photo_beyond_the_limit_is_refused(phone):
    assert phone.request_photo("PUT", "0" * 64, b"x", content_range(0, 1, 10**8)).status == 413
    assert phone.request_photo("PUT", "0" * 64, b"x" * 6_000_000).status == 413


@pytest.mark.parametrize("name", ["0" * 63, "G" * 64, "..%2f..%2fsecret-key", "0" * 64 + "%0a"])
@pytest.mark.asvs("5.3.2")
def test_names_that_are_no_sha256_are_not_found(phone, name):
    for method in ("GET", "HEAD", "PUT"):
        assert phone.request_photo(method, name, b"x" if method == "PUT" else b"").status in (
            400,
            404,
        )


@pytest.mark.asvs("8.2.2")
def test_a_photo_of_another_site_is_not_found(phone, new_phone):
    content = image_bytes()
    phone.request_photo("PUT", sha256_of(content), content)
    assert new_phone(OTHER_SITE).request_photo("GET", sha256_of(content)).status == 404
    phone.token = ""
    assert phone.request_photo("GET", sha256_of(content)).status == 401
