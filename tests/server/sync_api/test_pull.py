"""Pull: pages, cursors, and when a phone has to start again."""

import pytest
from sqlalchemy import update

from server.db.engine import db
from server.models.feed import ServerState, SiteHead
from tests.seed_data import (
    ANA,
    BEN,
    CHU,
    DAO,
    EVE,
    HOME_SITE,
    OTHER_GATE,
    OTHER_SITE,
    STAIRS,
    TASK,
    TASKS,
)

VISIT = {"visitor": "Mr Wang", "purpose": "family"}


def test_the_first_pull_returns_every_record_of_the_site(phone):
    reply = phone.pull(cursor=None)
    assert reply.status == 200
    assert reply.json.keys() >= {"sync", "epoch", "changes", "cursor", "more", "head"}
    assert reply.json.get("reset") in (None, "new")
    assert (reply.json["more"], reply.json["sync"]) == (False, "1")
    for change in reply.json["changes"]:
        assert change.keys() == {"type", "id", "version", "deleted", "record"}
        assert change["record"].keys() >= {"id", "type", "state", "until"}
        assert (change["record"]["id"], change["record"]["type"]) == (change["id"], change["type"])
    types = {change["type"] for change in reply.json["changes"]}
    assert types == {"site", "area", "unit", "person", "task"}


def test_records_contain_names_besides_ids(phone):
    task = phone.get_record("task", TASK)
    assert (task["responsible_id"], task["responsible"]) == (ANA, "Ana")
    assert (task["area_id"], task["area"]) == (STAIRS, {"zh": "楼道", "en": "Stairs"})
    assert task["window_end"].endswith("Z")
    assert len(task["window_end"]) == len("2026-11-24T02:30:05.120Z")


def test_no_float_is_sent(phone):
    def floats(value):
        if isinstance(value, dict):
            return any(map(floats, value.values()))
        return any(map(floats, value)) if isinstance(value, list) else isinstance(value, float)

    phone.send_op("task.complete", TASK, by=ANA)
    assert not floats(phone.pull(cursor=None).json)


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_small_pages_add_up_to_the_same_records(phone, new_phone, limit):
    whole = phone.pull_all()
    other = new_phone()
    assert other.pull_all(limit=limit) == whole
    assert other.digest == phone.digest


def test_a_page_is_limited_and_only_the_last_has_the_digest(phone):
    first = phone.pull(cursor=None, limit=4).json
    assert len(first["changes"]) == 4
    assert first["more"]
    assert "digest" not in first
    last = phone.pull(cursor=first["cursor"]).json
    assert not last["more"]
    assert last["digest"]
    twice = {c["id"] for c in first["changes"]} & {c["id"] for c in last["changes"]}
    assert not twice


def test_a_change_between_two_pages_is_not_missed(phone, new_phone):
    other = new_phone()
    first = other.pull(cursor=None, limit=4).json
    for change in first["changes"]:
        other._apply_change(change)
    other.cursor = first["cursor"]
    phone.send_op("task.complete", TASK, by=ANA)
    phone.send_op("visit.arrive", by=CHU, payload=VISIT)
    assert other.pull_all(limit=2) == phone.pull_all()
    assert other.digest == phone.digest


def test_a_pull_without_changes_is_an_empty_page(phone):
    phone.pull_all()
    reply = phone.pull().json
    assert (reply["changes"], reply["more"]) == ([], False)
    assert reply["digest"] == phone.digest
    assert "reset" not in reply


def test_a_pull_returns_only_the_changed_record_with_a_higher_version(phone):
    phone.pull_all()
    version, digest = phone.versions["task", TASK], phone.digest
    phone.send_op("task.complete", TASK, by=ANA)
    (change,) = phone.pull().json["changes"]
    assert (change["type"], change["id"]) == ("task", TASK)
    assert change["version"] > version
    phone.pull_all()
    assert phone.digest != digest


def test_a_record_changed_twice_is_returned_once(phone):
    phone.pull_all()
    phone.send_op("task.complete", TASK, by=ANA)
    phone.send_op("task.undo", TASK, by=ANA)
    (change,) = phone.pull().json["changes"]
    assert change["record"]["state"] == "open"


@pytest.mark.asvs("8.2.2", "8.4.1")
def test_records_of_other_sites_are_not_returned(phone, new_phone):
    other = new_phone(OTHER_SITE)
    other.pull_all()
    assert {id_ for _, id_ in other.records} == {OTHER_SITE, DAO, OTHER_GATE}
    assert phone.pull_all().keys().isdisjoint(other.records)


@pytest.mark.parametrize("cursor", ["", "x", "a.b", "\u00e9", "x" * 999, "null", "[]"])
def test_an_invalid_cursor_is_a_reset_or_refused(phone, cursor):
    reply = phone.pull(cursor=cursor)
    assert reply.status in (200, 400, 422)
    assert reply.status != 200 or reply.json["reset"]


@pytest.mark.asvs("9.2.3")
def test_a_cursor_of_another_site_is_a_reset(phone, new_phone):
    other = new_phone(OTHER_SITE)
    other.pull_all()
    reply = phone.pull(cursor=other.cursor)
    assert reply.status in (400, 422) or reply.json["reset"]


@pytest.mark.asvs("9.1.1")
def test_a_cursor_cannot_be_forged(phone):
    phone.pull_all()
    for place in (0, len(phone.cursor) // 2, -5):
        letters = list(phone.cursor)
        letters[place] = "A" if letters[place] != "A" else "B"
        reply = phone.pull(cursor="".join(letters))
        assert reply.status in (400, 422) or reply.json["reset"]


def test_a_new_epoch_is_a_reset(app, phone):
    before = phone.pull_all()
    with app.app_context():
        db.session.execute(update(ServerState).where(ServerState.key == "epoch").values(value="2"))
        db.session.commit()
    reply = phone.pull().json
    assert reply["reset"] == "epoch"
    assert phone.pull_all() == before


def test_a_cursor_ahead_of_the_head_is_a_reset(app, phone):
    for task in TASKS[:3]:
        phone.add_op("task.complete", task, by=ANA)
    phone.send_outbox()
    phone.pull_all()
    with app.app_context():
        site = update(SiteHead).where(SiteHead.site_id == HOME_SITE)
        db.session.execute(site.values(head=SiteHead.head - 1))
        db.session.commit()
    assert phone.pull().json["reset"] == "epoch"


def test_losing_a_role_changes_the_scope(phone, desk_op):
    phone.pull_all()
    before = phone.hello().json["sites"][HOME_SITE]["scope"]
    desk_op("person.leave", EVE, by=EVE)
    assert phone.hello().json["sites"][HOME_SITE]["scope"] != before
    assert phone.pull().json["reset"] == "scope"


def test_unsent_ops_survive_a_reset(phone):
    """The server accepts ops after a reset as before it."""
    phone.add_op("task.complete", TASK, by=ANA)
    phone.pull(cursor="none of yours")
    assert [v["status"] for v in phone.send_outbox().values()] == ["applied"]


def test_invalid_limits_are_refused(phone):
    assert phone.pull(cursor=None, limit=10**9).status in (200, 422)
    for limit in (0, -1, "many", 1.5, None):
        reply = phone.pull(cursor=None, limit=limit)
        assert reply.status in (400, 422), (limit, reply.body)


def test_phones_receive_the_record_and_not_its_conflict(phone, new_phone, desk_op):
    other = new_phone()
    phone.send_op("visit.arrive", by=CHU, payload=VISIT)
    (visit,) = phone.records_of("visit")
    base = phone.versions["visit", visit["id"]]
    desk_op("visit.amend", visit["id"], {"plate": "A1"}, base=base)
    desk_op("visit.amend", visit["id"], {"plate": "B2"}, base=base)
    assert not other.records_of("merge")
    assert other.get_record("visit", visit["id"])["plate"] == "A1"
    assert BEN in {id_ for type_, id_ in other.records if type_ == "person"}


def test_a_different_digest_is_a_reset(phone):
    phone.pull_all()
    message = {"cursor": phone.cursor, "limit": 500, "digest": "0" * 16}
    page = phone.post(f"/sync/{HOME_SITE}/pull", message).expect_ok()
    assert page["reset"] == "digest"
    assert {change["id"] for change in page["changes"]} >= {id_ for _, id_ in phone.records}
    assert page["digest"] == phone.digest
