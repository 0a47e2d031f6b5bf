"""Photos that want more memory or time than a photo needs, and many photos at once."""

import re
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import update

from server.db.engine import db, write_transaction
from server.models.access import RateLimitCounter
from server.photos import uploads
from tests.server.photos.test_uploads import content_range, image_bytes, sha256_of
from tests.server.sync_api.test_requests import is_problem


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


def png_of(width, height):
    """A PNG of one colour: few bytes, many pixels."""
    out = BytesIO()
    Image.new("1", (width, height)).save(out, "PNG")
    return out.getvalue()


def with_size(png, width, height):
    """A PNG that says that it has another size."""
    head = b"IHDR" + struct.pack(">II", width, height) + png[24:29]
    return png[:12] + head + struct.pack(">I", zlib.crc32(head)) + png[33:]


def endless_jpeg():
    """A progressive JPEG of 16 megapixels whose thousands of scans each go over all of it."""
    out = BytesIO()
    Image.new("L", (4000, 4000)).save(out, "JPEG", progressive=True)
    plain = out.getvalue()
    scans = [m.start() for m in re.finditer(b"\xff\xda", plain)]
    last = plain[scans[-1] : plain.rindex(b"\xff\xd9")]
    return (plain[: scans[-1]] + last * (3_000_000 // len(last)))[:3_500_000] + b"\xff\xd9"


@pytest.mark.asvs("5.2.1", "5.2.2", "15.2.2")
def test_a_picture_of_many_pixels_is_refused_before_it_is_decoded(phone):
    allowed = png_of(4000, 4000)
    too_large = (with_size(allowed, 4001, 4000), with_size(allowed, 60_000, 60_000))
    for content, status in ((allowed, 200), *((each, 413) for each in too_large)):
        reply = phone.request_photo("PUT", sha256_of(content), content)
        assert reply.status == status, reply.body


@pytest.mark.asvs("15.2.2")
def test_a_picture_that_takes_for_ever_is_given_up(phone):
    content = endless_jpeg()
    assert is_problem(phone.request_photo("PUT", sha256_of(content), content), 413)
    small = image_bytes()
    assert phone.request_photo("PUT", sha256_of(small), small).status < 300, "the next is stored"


@pytest.mark.asvs("15.2.2")
def test_more_photos_than_can_wait_are_sent_again_and_nothing_is_lost(app, phone, new_phone):
    large = [png_of(4000, 3999 - number) for number in range(8)]

    def put(content):
        with app.app_context():
            return phone.request_photo("PUT", sha256_of(content), content)

    with ThreadPoolExecutor(8) as together:
        replies = list(together.map(put, large))
    statuses = {reply.status for reply in replies}
    assert statuses <= {200, 503} and 200 in statuses
    for reply, content in zip(replies, large, strict=True):
        if reply.status == 503:
            assert reply.headers["Retry-After"]
            last = content_range(len(content) - 1, len(content), len(content))
            resumed = phone.request_photo("PUT", sha256_of(content), content[-1:], last)
            assert resumed.json["complete"], "what had arrived stayed"


def test_one_photo_sent_twice_at_once_is_stored_once(app, phone):
    content = image_bytes(size=(1600, 1200))

    def put(_):
        with app.app_context():
            return phone.request_photo("PUT", sha256_of(content), content).status

    with ThreadPoolExecutor(6) as together:
        statuses = list(together.map(put, range(6)))
    assert set(statuses) <= {200, 503} and 200 in statuses
    assert phone.request_photo("GET", sha256_of(content)).status == 200


@pytest.mark.asvs("2.1.3", "2.3.2")
def test_a_phone_begins_a_limited_number_of_uploads_a_day(app, phone):
    first = image_bytes()
    assert phone.request_photo("PUT", sha256_of(first), first).status == 200
    with app.app_context(), write_transaction():
        limit = uploads.UPLOADS_PER_DEVICE.max_tries
        db.session.execute(update(RateLimitCounter).values(tries=limit))
    content = image_bytes()
    reply = phone.request_photo("PUT", sha256_of(content), content)
    assert is_problem(reply, 429) and reply.headers["Retry-After"]
    assert phone.request_photo("PUT", sha256_of(first), first).status == 200, "it is stored already"
