"""The cache of pull pages: the same response, only for phones that may see it, never outdated."""

from __future__ import annotations

import gzip
import json

import pytest

from server.auth.devices import revoke_device
from server.sync_api.pull_cache import MAX_CACHE_BYTES
from tests import seed_data
from tests.seed_data import ANA, TASK


@pytest.fixture
def pull_cache(app):
    return app.wsgi_app.responses


def poll(phone, *, site=seed_data.HOME_SITE, cursor="", **headers):
    """A pull with the same bytes that every phone of this version sends."""
    message = {"cursor": phone.cursor if cursor == "" else cursor, "limit": 500}
    return phone.transport.client.post(
        f"/sync/{site}/pull", data=json.dumps(message), headers={**phone.auth_headers(), **headers}
    )


def test_a_second_phone_at_the_same_cursor_gets_the_cached_page(phone, new_phone, pull_cache):
    other = new_phone()
    phone.pull_all()
    phone.send_op("task.complete", TASK, by=ANA)
    before = phone.cursor
    first = poll(phone)
    size = len(pull_cache)
    second = poll(other, cursor=before)
    assert len(pull_cache) == size
    assert second.data == first.data
    assert dict(second.headers) == dict(first.headers)
    assert [change["id"] for change in second.json["changes"]] == [TASK]


def test_a_change_is_served_at_once(phone, pull_cache):
    phone.pull_all()
    assert poll(phone).json["changes"] == []
    phone.send_op("task.complete", TASK, by=ANA)
    assert [change["id"] for change in poll(phone).json["changes"]] == [TASK]


def test_phones_of_other_sites_and_unknown_tokens_get_no_page(phone, new_phone, pull_cache):
    phone.pull_all()
    poll(phone)
    stranger = new_phone(seed_data.OTHER_SITE)
    assert poll(stranger, cursor=phone.cursor).status_code == 404
    stranger.token = "guessed"
    assert poll(stranger, cursor=phone.cursor).status_code == 401


def test_a_revoked_phone_gets_no_cached_page(app, phone, new_phone):
    other = new_phone()
    phone.pull_all()
    poll(phone)
    with app.app_context():
        revoke_device(seed_data.HOME_SITE, other.device, lost=True)
    assert poll(other, cursor=phone.cursor).json["reset"] == "scope"


def test_gzipped_and_plain_pages_are_cached_apart(phone):
    phone.cursor = None
    plain, zipped = poll(phone), poll(phone, **{"Accept-Encoding": "gzip"})
    again = poll(phone, **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == again.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(again.data) == plain.data


def test_the_cache_is_bounded(phone, desk_op, pull_cache):
    assert pull_cache.maxsize == MAX_CACHE_BYTES
    for limit in range(1, 40):
        phone.pull(cursor=None, limit=limit)
    assert 0 < pull_cache.currsize <= MAX_CACHE_BYTES
