"""Pages of the feed that are told again: the same answer, for whoever may have it, and no older."""

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


def poll(phone, *, site=seed_data.HOME_SITE, cursor="", **heads):
    """A poll in the very bytes that every phone of this version uses."""
    said = {"cursor": phone.cursor if cursor == "" else cursor, "limit": 500}
    return phone.transport.client.post(
        f"/sync/{site}/pull", data=json.dumps(said), headers={**phone.auth_headers(), **heads}
    )


def test_the_second_phone_at_a_head_is_told_what_the_first_was(phone, new_phone, pull_cache):
    other = new_phone()
    phone.pull_all()
    phone.send_op("task.complete", TASK, by=ANA)
    before = phone.cursor
    first = poll(phone)
    made = len(pull_cache)
    second = poll(other, cursor=before)
    assert len(pull_cache) == made
    assert second.data == first.data
    assert dict(second.headers) == dict(first.headers)
    assert [change["id"] for change in second.json["changes"]] == [TASK]


def test_what_changes_is_told_at_once(phone, pull_cache):
    phone.pull_all()
    assert poll(phone).json["changes"] == []
    phone.send_op("task.complete", TASK, by=ANA)
    assert [change["id"] for change in poll(phone).json["changes"]] == [TASK]


def test_who_is_no_phone_of_the_site_is_told_nothing(phone, new_phone, pull_cache):
    phone.pull_all()
    poll(phone)
    stranger = new_phone(seed_data.OTHER_SITE)
    assert poll(stranger, cursor=phone.cursor).status_code == 404
    stranger.token = "guessed"
    assert poll(stranger, cursor=phone.cursor).status_code == 401


def test_a_phone_that_is_cut_off_gets_no_kept_page(app, phone, new_phone):
    other = new_phone()
    phone.pull_all()
    poll(phone)
    with app.app_context():
        revoke_device(seed_data.HOME_SITE, other.device, lost=True)
    assert poll(other, cursor=phone.cursor).json["reset"] == "scope"


def test_who_takes_gzip_and_who_does_not_get_their_own(phone):
    phone.cursor = None
    plain, zipped = poll(phone), poll(phone, **{"Accept-Encoding": "gzip"})
    again = poll(phone, **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == again.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(again.data) == plain.data


def test_memory_for_pages_is_bounded(phone, desk_op, pull_cache):
    assert pull_cache.maxsize == MAX_CACHE_BYTES
    for limit in range(1, 40):
        phone.pull(cursor=None, limit=limit)
    assert 0 < pull_cache.currsize <= MAX_CACHE_BYTES
