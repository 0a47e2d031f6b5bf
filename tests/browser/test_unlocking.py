"""Who it is: keys that a PIN opens, signatures, waits, drafts that their author alone reads."""

from __future__ import annotations

import json
import sqlite3

import pytest

from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    logged_ops,
    meta,
    meta_keys,
    rows,
)
from tests.wait_for import wait_for

OPEN_TASK = ".row[data-state=open]:not(:has(.items)) > form button.tick"
SECRET = "水从三楼下来"
MINUTE = 60_000


def type_pin(hand, name, pin):
    hand.tap(f".names a:has-text('{name}')")
    hand.wait_for_js("!!document.querySelector('.pad')")
    hand.type_digits(pin)


def alert(hand):
    hand.wait_for_js("!!document.querySelector('#pin [role=alert]')")
    return hand.page.inner_text("#pin [role=alert]")


def proofs(live, kind):
    """Certainty and signature of the logged ops of a kind, in the order of judgement."""
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    found = base.execute(
        "SELECT proof, credential IS NOT NULL FROM op WHERE kind = ? AND lineage IS NOT NULL"
        " ORDER BY place",
        (kind,),
    ).fetchall()
    base.close()
    return found


def held_ops(live):
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    found = base.execute("SELECT kind, code FROM op WHERE status = 'held'").fetchall()
    base.close()
    return found


def check_page(hand):
    for check in (JS_SMALL_TARGETS, JS_UNLABELLED_CONTROLS):
        assert hand.page.evaluate(check) == []
    assert hand.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0


@pytest.mark.asvs("6.3.3", "11.4.2")
def test_a_pin_opens_a_key_that_signs_without_a_network_and_after_a_reload(phone_page, live_server):
    phone_page.enrol("ana")
    check_page(phone_page)
    phone_page.unlock("ana")
    phone_page.tap(OPEN_TASK)
    phone_page.sync_now()
    ana = meta(phone_page, "me")

    phone_page.lock()
    assert meta(phone_page, "unlocked") is None, "the key is forgotten"
    live_server.kill()
    type_pin(phone_page, "安小净", "258000")
    assert "密码不对" in alert(phone_page)
    check_page(phone_page)
    phone_page.type_digits("258001")
    phone_page.wait_for_js("!!document.querySelector('.tabs')")
    phone_page.open("/field/tasks")  # a reload asks for no PIN
    phone_page.tap(OPEN_TASK)

    # a name written into the database by hand opens no key
    bao = next(row["id"] for row in rows(phone_page, "records") if row.get("name") == "包勤")
    meta(phone_page, "me", bao)
    phone_page.open("/field/tasks?who=all")
    phone_page.tap(OPEN_TASK)
    meta(phone_page, "me", ana)
    live_server.start()
    phone_page.sync_now()
    assert proofs(live_server, "task.complete") == [("person", 1), ("person", 1), ("claimed", 0)]
    done = logged_ops(live_server, "task.complete")
    for (_, task, *_), certainty in zip(done[1:], ("person", "claimed"), strict=True):
        phone_page.open(f"/field/task/{task}")
        phone_page.wait_for_js(
            f"!!document.querySelector('.certainty[data-certainty={certainty}]')"
        )
    keys = meta(phone_page, f"keys:{ana}")
    assert set(keys) >= {"private_key", "draft_key", "salt", "credential"}
    assert "258001" not in json.dumps(rows(phone_page, "meta"))


def test_wrong_pins_make_one_wait_also_after_a_reload(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.lock()
    live_server.kill()
    type_pin(phone_page, "安小净", "000000")
    for _ in range(2):
        assert "密码不对" in alert(phone_page)
        phone_page.page.evaluate("document.querySelector('#pin [role=alert]').remove()")
        phone_page.type_digits("000000")
    alert(phone_page)
    phone_page.open("/field/unlock")
    type_pin(phone_page, "安小净", "258001")
    assert "等" in alert(phone_page), "the right PIN has to wait as well"
    tries = meta(phone_page, f"tries:{meta(phone_page, 'users')[0]}")
    assert (tries["wrong"], tries["pause"]) == (3, 30_000)
    # the clock set back does not shorten the wait
    tries["at"] += 3_600_000
    meta(phone_page, f"tries:{meta(phone_page, 'users')[0]}", tries)
    phone_page.open("/field/unlock")
    type_pin(phone_page, "安小净", "258001")
    assert "等" in alert(phone_page)


def test_a_draft_is_sealed_to_its_author(phone_page, live_server, photo_file):
    phone_page.enrol("ana", "bao")
    phone_page.unlock("ana")
    phone_page.open("/field/tickets")
    phone_page.page.set_input_files("[name=photos]", photo_file)
    phone_page.tap("details:has([name=contact]) > summary")
    phone_page.wait_for_js("!!document.querySelector('.picked img[src^=blob]')")
    wait_for(lambda: len(rows(phone_page, "photos")) == 1 and len(rows(phone_page, "drafts")) == 1)
    [before] = rows(phone_page, "drafts")
    phone_page.fill("textarea[name=details]", SECRET)
    wait_for(lambda: rows(phone_page, "drafts")[0]["changed"] > before["changed"])
    phone_page.lock()
    stored = json.dumps([*rows(phone_page, "drafts"), *rows(phone_page, "meta")])
    assert SECRET not in stored.encode().decode("unicode_escape")
    assert rows(phone_page, "photos")[0]["sealed"]["person"] == meta(phone_page, "users")[0]

    phone_page.unlock("bao")
    phone_page.open("/field/me")
    assert not phone_page.page.locator("#unfinished").count()
    phone_page.lock()
    live_server.kill()
    phone_page.unlock("ana")
    phone_page.open("/field/tickets")
    phone_page.wait_for_js(f"document.querySelector('textarea[name=details]').value === '{SECRET}'")
    phone_page.tap("#main .primary")
    wait_for(
        lambda: (
            [(photo["state"], "sealed" in photo) for photo in rows(phone_page, "photos")]
            == [("unsent", False)]
        )
    )


def test_a_phone_left_alone_locks_itself(phone_page, live_server):
    phone_page.page.clock.install()
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.open("/field/tickets")
    phone_page.tap("details:has([name=contact]) > summary")
    phone_page.fill("textarea[name=details]", SECRET)
    wait_for(lambda: rows(phone_page, "drafts"))
    leave_alone(phone_page, tap=29, open=0)
    phone_page.page.clock.run_for(16_000)
    assert meta(phone_page, "me"), "somebody reads for a while"
    leave_alone(phone_page, tap=31, open=0)
    phone_page.page.clock.run_for(16_000)
    phone_page.wait_for_js("!!document.querySelector('.names')")
    assert meta(phone_page, "unlocked") is None
    [draft] = rows(phone_page, "drafts")
    assert draft["sealed"] and draft["fields"] == {}

    phone_page.unlock("ana")
    leave_alone(phone_page, tap=4, open=4)
    phone_page.open("/field/tasks")
    assert not phone_page.page.locator(".names").count()
    leave_alone(phone_page, tap=6, open=6)
    phone_page.open("/field/tasks")
    assert phone_page.page.locator(".names").count(), "six minutes in the background"


def leave_alone(hand, **minutes):
    """As if the last tap, and the last page before somebody's eyes, were so long ago."""
    now = hand.page.evaluate("Date.now()")
    meta(hand, "used", {name: now - passed * MINUTE for name, passed in minutes.items()})


@pytest.mark.asvs("6.2.3")
def test_people_change_their_own_pin(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.open("/field/pin")
    check_page(phone_page)
    phone_page.type_digits("258001" + "123456" + "123456")
    assert "太好猜" in alert(phone_page)
    phone_page.type_digits("258001" + "739164" + "739165")
    phone_page.wait_for_js("document.querySelector('#pin [role=alert]').innerText.includes('两次')")
    phone_page.type_digits("258001" + "739164" + "739164")
    phone_page.wait_for_js("!!document.querySelector('#main [role=status]')")
    phone_page.lock()
    live_server.kill()
    type_pin(phone_page, "安小净", "258001")
    assert "密码不对" in alert(phone_page)
    phone_page.type_digits("739164")
    phone_page.wait_for_js("!!document.querySelector('.tabs')")


def test_a_one_time_pin_is_changed_at_once(phone_page, live_server):
    said = live_server.run("user", "add", "新来的", "--role", "cleaner", "--number", "CL-77")
    pin = next(word for word in said.split() if word.strip(".,。").isdigit() and len(word) == 6)
    phone_page.enrol()
    phone_page.tap("a[href='/field/unlock?other=1']")
    phone_page.fill("[name=number]", "CL-77")
    phone_page.type_digits(pin)
    phone_page.wait_for_js("!!document.querySelector('[name=new_again]')")
    phone_page.type_digits(pin + "739164" + "739164")
    phone_page.wait_for_js("!!document.querySelector('#main [role=status]')")
    phone_page.open("/field/me")
    assert "新来的" in phone_page.page.inner_text("h1")
    assert not phone_page.page.locator("a.banner[href='/field/pin']").count()


@pytest.mark.asvs("14.3.1")
def test_a_removed_phone_says_why_and_still_sends_what_it_has(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.open("/field/tickets")
    phone_page.tap("details:has([name=contact]) > summary")
    phone_page.fill("textarea[name=details]", SECRET)
    wait_for(lambda: rows(phone_page, "drafts"))
    live_server.kill()
    phone_page.open("/field/tasks")
    phone_page.tap(OPEN_TASK)
    base = sqlite3.connect(live_server.folder / "var" / "lodge.sqlite3")
    with base:
        base.execute("UPDATE device SET lost_at = '2026-11-29 01:00:00.000000'")
    base.close()
    live_server.start()
    phone_page.wait_for_js("!!document.querySelector('#revoked')")
    wait_for(lambda: "都已上传" in phone_page.page.inner_text("#revoked"))
    assert "这部手机已报失" in phone_page.page.inner_text("#revoked")
    check_page(phone_page)
    assert rows(phone_page, "records") == []
    assert {"me", "unlocked", "device_key"}.isdisjoint(meta_keys(phone_page))
    assert held_ops(live_server) == [("task.complete", "revoked")]
    # set up again, it shows the author what was typed
    phone_page.tap("a[href='/field/enrol']")
    phone_page.wait_for_js("!!document.querySelector('[name=code]')")
    phone_page.fill("[name=code]", live_server.new_enrolment_code())
    phone_page.tap("#main .primary")
    phone_page.wait_for_js("!!document.querySelector('.names')")
    phone_page.unlock("ana")
    phone_page.open("/field/me")
    assert SECRET in phone_page.page.inner_text("#unfinished")


@pytest.mark.rule("W7")
@pytest.mark.asvs("14.3.1")
def test_after_two_weeks_without_contact_the_lists_go_and_the_outbox_stays(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    phone_page.tap(OPEN_TASK)
    wait_for(lambda: len(rows(phone_page, "ops")) == 1)
    meta(phone_page, "contact", "2026-11-01T00:00:00.000Z")
    phone_page.open("/field/tasks")
    wait_for(lambda: rows(phone_page, "records") == [])
    assert len(rows(phone_page, "ops")) == 1
    phone_page.lock()
    phone_page.unlock("ana")
    live_server.start()
    phone_page.sync_now()
    assert proofs(live_server, "task.complete") == [("person", 1)]
    wait_for(lambda: rows(phone_page, "records"))
