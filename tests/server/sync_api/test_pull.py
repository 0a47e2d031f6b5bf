"""Pull: pages, cursors that skip nothing, and when a phone has to start anew."""

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


def test_the_first_pull_brings_everything_that_the_site_has(phone):
    told = phone.pull(cursor=None)
    assert told.status == 200
    assert told.json.keys() >= {"sync", "epoch", "changes", "cursor", "more", "head"}
    assert told.json.get("reset") in (None, "new")
    assert (told.json["more"], told.json["sync"]) == (False, "1")
    for change in told.json["changes"]:
        assert change.keys() == {"type", "id", "version", "deleted", "record"}
        assert change["record"].keys() >= {"id", "type", "state", "until"}
        assert (change["record"]["id"], change["record"]["type"]) == (change["id"], change["type"])
    types = {change["type"] for change in told.json["changes"]}
    assert types == {"site", "area", "unit", "person", "task"}


def test_records_show_names_beside_ids(phone):
    task = phone.get_record("task", TASK)
    assert (task["responsible_id"], task["responsible"]) == (ANA, "Ana")
    assert (task["area_id"], task["area"]) == (STAIRS, {"zh": "楼道", "en": "Stairs"})
    assert task["window_end"].endswith("Z")
    assert len(task["window_end"]) == len("2026-11-24T02:30:05.120Z")


def test_no_float_is_ever_sent(phone):
    def floats(value):
        if isinstance(value, dict):
            return any(map(floats, value.values()))
        return any(map(floats, value)) if isinstance(value, list) else isinstance(value, float)

    phone.send_op("task.complete", TASK, by=ANA)
    assert not floats(phone.pull(cursor=None).json)


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_add_up_to_the_same_as_one(phone, new_phone, limit):
    whole = phone.pull_all()
    other = new_phone()
    assert other.pull_all(limit=limit) == whole
    assert other.digest == phone.digest


def test_a_page_has_at_most_what_was_asked_for_and_the_digest_comes_last(phone):
    first = phone.pull(cursor=None, limit=4).json
    assert len(first["changes"]) == 4
    assert first["more"]
    assert "digest" not in first
    last = phone.pull(cursor=first["cursor"]).json
    assert not last["more"]
    assert last["digest"]
    twice = {c["id"] for c in first["changes"]} & {c["id"] for c in last["changes"]}
    assert not twice


def test_what_changes_between_two_pages_is_not_missed(phone, new_phone):
    other = new_phone()
    first = other.pull(cursor=None, limit=4).json
    for change in first["changes"]:
        other._apply_change(change)
    other.cursor = first["cursor"]
    phone.send_op("task.complete", TASK, by=ANA)
    phone.send_op("visit.arrive", by=CHU, payload=VISIT)
    assert other.pull_all(limit=2) == phone.pull_all()
    assert other.digest == phone.digest


def test_nothing_new_is_a_short_answer(phone):
    phone.pull_all()
    told = phone.pull().json
    assert (told["changes"], told["more"]) == ([], False)
    assert told["digest"] == phone.digest
    assert "reset" not in told


def test_only_what_changed_comes_and_its_version_has_risen(phone):
    phone.pull_all()
    version, digest = phone.versions["task", TASK], phone.digest
    phone.send_op("task.complete", TASK, by=ANA)
    (change,) = phone.pull().json["changes"]
    assert (change["type"], change["id"]) == ("task", TASK)
    assert change["version"] > version
    phone.pull_all()
    assert phone.digest != digest


def test_a_record_changed_twice_comes_once_in_its_newest_state(phone):
    phone.pull_all()
    phone.send_op("task.complete", TASK, by=ANA)
    phone.send_op("task.undo", TASK, by=ANA)
    (change,) = phone.pull().json["changes"]
    assert change["record"]["state"] == "open"


def test_nothing_of_another_site_is_seen(phone, new_phone):
    there = new_phone(OTHER_SITE)
    there.pull_all()
    assert {id_ for _, id_ in there.records} == {OTHER_SITE, DAO, OTHER_GATE}
    assert phone.pull_all().keys().isdisjoint(there.records)


@pytest.mark.parametrize("cursor", ["", "x", "a.b", "\u00e9", "x" * 999, "null", "[]"])
def test_a_cursor_that_is_none_of_ours_starts_anew_or_is_refused(phone, cursor):
    told = phone.pull(cursor=cursor)
    assert told.status in (200, 400, 422)
    assert told.status != 200 or told.json["reset"]


def test_a_cursor_of_another_site_starts_anew(phone, new_phone):
    there = new_phone(OTHER_SITE)
    there.pull_all()
    told = phone.pull(cursor=there.cursor)
    assert told.status in (400, 422) or told.json["reset"]


def test_a_cursor_cannot_be_forged(phone):
    phone.pull_all()
    for place in (0, len(phone.cursor) // 2, -5):
        letters = list(phone.cursor)
        letters[place] = "A" if letters[place] != "A" else "B"
        told = phone.pull(cursor="".join(letters))
        assert told.status in (400, 422) or told.json["reset"]


def test_another_life_of_the_database_is_a_reset(app, phone):
    before = phone.pull_all()
    with app.app_context():
        db.session.execute(update(ServerState).where(ServerState.key == "epoch").values(value="2"))
        db.session.commit()
    told = phone.pull().json
    assert told["reset"] == "epoch"
    assert phone.pull_all() == before


def test_a_cursor_ahead_of_the_head_is_a_reset(app, phone):
    for task in TASKS[:3]:
        phone.add_op("task.complete", task, by=ANA)
    phone.send_outbox()
    phone.pull_all()
    with app.app_context():
        mine = update(SiteHead).where(SiteHead.site_id == HOME_SITE)
        db.session.execute(mine.values(head=SiteHead.head - 1))
        db.session.commit()
    assert phone.pull().json["reset"] == "epoch"


def test_a_role_that_nobody_on_the_phone_has_any_more_changes_the_scope(phone, desk_op):
    phone.pull_all()
    before = phone.hello().json["sites"][HOME_SITE]["scope"]
    desk_op("person.leave", EVE, by=EVE)
    assert phone.hello().json["sites"][HOME_SITE]["scope"] != before
    assert phone.pull().json["reset"] == "scope"


def test_a_reset_never_touches_what_was_not_sent(phone):
    """What the wire can promise: the op goes up after a reset as it would have before."""
    phone.add_op("task.complete", TASK, by=ANA)
    phone.pull(cursor="none of yours")
    assert [v["status"] for v in phone.send_outbox().values()] == ["applied"]


def test_limits_beyond_reason_are_4xx_or_bounded(phone):
    assert phone.pull(cursor=None, limit=10**9).status in (200, 422)
    for limit in (0, -1, "many", 1.5, None):
        told = phone.pull(cursor=None, limit=limit)
        assert told.status in (400, 422), (limit, told.body)


def test_a_settled_conflict_reaches_the_phone_as_the_record_alone(phone, new_phone, desk_op):
    other = new_phone()
    phone.send_op("visit.arrive", by=CHU, payload=VISIT)
    (visit,) = phone.records_of("visit")
    base = phone.versions["visit", visit["id"]]
    desk_op("visit.amend", visit["id"], {"plate": "A1"}, base=base)
    desk_op("visit.amend", visit["id"], {"plate": "B2"}, base=base)
    assert not other.records_of("merge")
    assert other.get_record("visit", visit["id"])["plate"] == "A1"
    assert BEN in {id_ for type_, id_ in other.records if type_ == "person"}


def test_a_phone_whose_digest_differs_gets_everything_again(phone):
    phone.pull_all()
    said = {"cursor": phone.cursor, "limit": 500, "digest": "0" * 16}
    page = phone.post(f"/sync/{HOME_SITE}/pull", said).expect_ok()
    assert page["reset"] == "digest"
    assert {change["id"] for change in page["changes"]} >= {id_ for _, id_ in phone.records}
    assert page["digest"] == phone.digest
