"""Forms of the phone keep what was put into them, and are taken once."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from server.maintenance.demo import demo_id
from sync.quality.checklists_content import checklist_id
from tests.phone_page import PhonePage, logged_ops
from tests.wait_for import wait_for

STAIRWELL = checklist_id(demo_id("squirrel"), "IT-01")
REPORT = "form[data-op='ticket.open']"
WORDS = f"{REPORT} textarea[name=details]"

JS_STORED = """(store) => new Promise((done, failed) => {
  const opening = indexedDB.open("lodge");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const asking = opening.result.transaction(store).objectStore(store).getAll();
    asking.onsuccess = () => { opening.result.close(); done(asking.result.map(
      (row) => ({ ...row, data: undefined }))); };
  };
})"""
JS_SLOW_PHOTOS = """
  const decode = globalThis.createImageBitmap;
  globalThis.createImageBitmap = (...given) =>
    new Promise((done) => setTimeout(done, 600)).then(() => decode(...given));
"""
JS_FAIL_WRITES = """(store) => {
  const put = IDBObjectStore.prototype.put;
  globalThis.mend = () => { IDBObjectStore.prototype.put = put; };
  IDBObjectStore.prototype.put = function (...given) {
    if (this.name === store) throw new TypeError("injected");
    return put.apply(this, given);
  };
}"""
JS_REDRAW_ALIKE = """new Promise((done) => {
  document.addEventListener("htmx:finally:request", () => done(), { once: true });
  document.querySelector("textarea[name=details]")
    .dispatchEvent(new Event("input", { bubbles: true }));
})"""
JS_REFUSE_ALL = """async (code) => {
  const build = document.querySelector("script[src*='/field/app.js']").src;
  const { applyVerdicts } = await import(build.replace("app.js", "outbox_updates.js"));
  const { recentOps } = await import(build.replace("app.js", "outbox.js"));
  const { getMeta } = await import(build.replace("app.js", "database.js"));
  const verdicts = (await recentOps(9)).map(({ id }) => ({ id, status: "refused", code }));
  await applyVerdicts(verdicts, await getMeta("epoch"));
}"""


@pytest.fixture
def broken_photo(photo_file: Path) -> Path:
    """A photo whose second half was lost."""
    path = photo_file.with_name("truncated.jpg")
    Image.open(photo_file).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 50])
    return path


@pytest.fixture
def empty_photo(tmp_path: Path) -> Path:
    path = tmp_path / "zero-bytes.jpg"
    path.write_bytes(b"")
    return path


def stored(hand: PhonePage, store: str) -> list[dict]:
    return hand.page.evaluate(JS_STORED, store)


def open_report(hand: PhonePage) -> None:
    hand.open("/field/tickets")
    hand.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")


def write_report(hand: PhonePage, words: str) -> None:
    open_report(hand)
    begun = hand.page.evaluate("new Date().toISOString()")
    hand.page.fill(WORDS, words)
    wait_for(lambda: any(draft["changed"] > begun for draft in stored(hand, "drafts")))


def lock_and_unlock(hand: PhonePage, username: str) -> None:
    hand.lock()
    hand.unlock(username)


def test_a_photo_that_cannot_be_read_is_named_and_nothing_else_is_lost(
    phone_page, live_server, photo_file, broken_photo, empty_photo
):
    page = phone_page.page
    phone_page.enrol("ana", "ben")
    phone_page.unlock("ana")
    live_server.kill()
    write_report(phone_page, "水从三楼下来")
    page.set_input_files(f"{REPORT} [name=photos]", photo_file)
    page.wait_for_selector(f"{REPORT} .thumb")
    assert page.locator(f"{REPORT} .thumb").count() == 1
    page.set_input_files(f"{REPORT} [name=photos]", broken_photo)
    page.wait_for_selector(f"{REPORT} [role=alert]:has-text('truncated.jpg')")
    phone_page.tap(f"{REPORT} .primary[type=submit]")
    page.wait_for_selector("#toast [role=alert]")
    assert page.input_value(WORDS) == "水从三楼下来"
    assert stored(phone_page, "ops") == []
    phone_page.tap(f"{REPORT} [data-without=save]")
    page.wait_for_selector(".said[role=status]")
    (op,) = stored(phone_page, "ops")
    assert len(op["op"]["payload"]["photos"]) == 1
    assert [photo["state"] for photo in stored(phone_page, "photos")] == ["unsent"]
    assert stored(phone_page, "drafts") == []
    assert page.input_value(WORDS) == ""

    phone_page.open(f"/field/inspection/{STAIRWELL}")
    form = "form[data-op='inspection.record']"
    criteria = page.locator(f"{form} .criterion")
    for place in range(4):
        criterion = criteria.nth(place)
        criterion.locator(".chip:has([value=fail])").click()
        criterion.locator("input[name^=notes]").fill(f"note {place}")
        picked = empty_photo if place == 2 else photo_file
        criterion.locator("input[type=file]").set_input_files(picked)
        criterion.locator(".picked > *:not([data-words=reading])").wait_for()
    assert "zero-bytes.jpg" in criteria.nth(2).inner_text()
    page.select_option(f"{form} [name=area]", index=1)
    phone_page.tap(f"{form} [name=rest]")
    page.wait_for_selector("#toast [role=alert]")
    phone_page.open(f"/field/inspection/{STAIRWELL}")
    page.wait_for_selector(f"{form} .thumb")
    assert page.locator(f"{form} .thumb").count() == 3
    for place in range(4):
        assert criteria.nth(place).locator("input[name^=notes]").input_value() == f"note {place}"
    phone_page.tap(f"{form} [data-without='']:visible >> nth=2")
    wait_for(lambda: page.locator(f"{form} [role=alert]").count() == 0)
    phone_page.tap(f"{form} [name=rest]")
    wait_for(lambda: len(stored(phone_page, "ops")) == 2)
    shots = stored(phone_page, "ops")[1]["op"]["payload"]["shots"]
    assert [len(hashes) for hashes in shots.values()] == [1, 1, 1]


def test_a_tenth_photo_takes_the_place_of_none_and_lines_stay_lines(
    phone_page, live_server, tmp_path
):
    page = phone_page.page
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    open_report(phone_page)
    page.fill(WORDS, "一楼\n二楼")
    for number in range(10):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (40, 30), (number * 20, 0, 0)).save(path)
        page.set_input_files(f"{REPORT} [name=photos]", path)
        wait_for(lambda count=min(number + 1, 9): page.locator(f"{REPORT} .thumb").count() == count)
        first = page.locator(f"{REPORT} .thumb").first.get_attribute("src")
    page.wait_for_selector("#toast [role=alert]:has-text('9')")
    assert page.locator(f"{REPORT} .thumb").first.get_attribute("src") == first
    phone_page.tap(f"{REPORT} .primary[type=submit]")
    page.wait_for_selector(".said[role=status]")
    (op,) = stored(phone_page, "ops")
    assert len(op["op"]["payload"]["photos"]) == 9
    assert op["op"]["payload"]["details"] == "一楼\n二楼"


def test_a_form_is_taken_once_and_says_that_it_is_saving(phone_page, live_server, photo_file):
    page = phone_page.page
    page.add_init_script(JS_SLOW_PHOTOS)
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    write_report(phone_page, "电梯停了")
    page.set_input_files(f"{REPORT} [name=photos]", photo_file)
    button = page.locator(f"{REPORT} .primary[type=submit]")
    button.click()
    button.dispatch_event("click")
    wait_for(lambda: button.inner_text() == "正在保存…")
    assert button.is_disabled()
    page.evaluate(f'document.querySelector("{REPORT}").requestSubmit()')
    page.wait_for_selector(".said[role=status]")
    button.click()  # on the next form, under the same finger
    page.evaluate('document.querySelector("' + REPORT + '").requestSubmit()')
    assert len(stored(phone_page, "ops")) == 1


def test_a_draft_outlives_tab_change_reload_kill_and_lock_and_is_its_authors(
    phone_page, context, live_server, photo_file
):
    page = phone_page.page
    phone_page.enrol("ana", "ben")
    phone_page.unlock("ana")
    write_report(phone_page, "电梯里有异味")
    page.set_input_files(f"{REPORT} [name=photos]", photo_file)
    page.wait_for_selector(f"{REPORT} .thumb")
    page.check(f"{REPORT} [name=urgency][value=urgent]")
    phone_page.tap(".tabs a[href*=me]")
    page.wait_for_selector("#unfinished :text('电梯里有异味')")
    phone_page.tap("#unfinished a.tick")
    page.wait_for_selector(f"{REPORT} [data-words=restored]")
    assert page.input_value(WORDS) == "电梯里有异味"
    assert page.is_checked(f"{REPORT} [name=urgency][value=urgent]")

    other_tab = PhonePage(context.new_page(), live_server)
    lock_and_unlock(other_tab, "ben")  # while the first tab has the focus in the form
    page.focus(WORDS)
    wait_for(lambda: page.locator(REPORT).count() == 0 or page.input_value(WORDS) == "")
    other_tab.open("/field/me")
    assert "电梯里有异味" not in other_tab.page.inner_text("#page")
    other_tab.open("/field/tickets")
    assert other_tab.page.input_value(WORDS) == ""
    page.close()
    lock_and_unlock(other_tab, "ana")
    open_report(other_tab)
    other_tab.page.wait_for_selector(f"{REPORT} .thumb")
    assert other_tab.page.input_value(WORDS) == "电梯里有异味"

    third_tab = PhonePage(context.new_page(), live_server)
    write_report(third_tab, "另一件事")
    assert other_tab.page.input_value(WORDS) == "电梯里有异味"
    third_tab.tap(f"{REPORT} .primary[type=submit]")
    third_tab.page.wait_for_selector(".said[role=status]")
    third_tab.page.close()
    other_tab.open("/field/tickets")
    other_tab.page.wait_for_selector(f"{REPORT} .thumb")
    other_tab.tap("[data-discard]")
    wait_for(lambda: other_tab.page.input_value(WORDS) == "")
    other_tab.open("/field/me")
    other_tab.tap("form[action='/field/me/keep'] button")
    other_tab.page.wait_for_selector("#unfinished :text('电梯里有异味')")


def test_an_exception_while_saving_keeps_the_form(phone_page, live_server, photo_file):
    page = phone_page.page
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    write_report(phone_page, "灯不亮")
    page.set_input_files(f"{REPORT} [name=photos]", photo_file)
    page.wait_for_selector(f"{REPORT} .thumb")
    for store in ("ops", "photos"):
        page.evaluate(JS_FAIL_WRITES, store)
        phone_page.tap(f"{REPORT} .primary[type=submit]")
        page.wait_for_selector("#toast [role=alert]:has-text('还在')")
        page.evaluate(JS_REDRAW_ALIKE)
        assert page.locator("#toast [role=alert]").count() == 1, "typing takes no message away"
        page.evaluate("mend()")
        assert page.input_value(WORDS) == "灯不亮"
        assert page.locator(f"{REPORT} .thumb").count() == 1
    assert stored(phone_page, "ops") == []
    phone_page.console_errors.clear()  # the injected ones
    phone_page.tap(f"{REPORT} .primary[type=submit]")
    page.wait_for_selector(".said[role=status]")
    assert len(stored(phone_page, "ops")) == 1


def test_what_was_not_accepted_is_told_to_its_author_alone_with_its_words(phone_page, live_server):
    page = phone_page.page
    phone_page.enrol("ben", "ana")
    phone_page.unlock_before("ben")
    phone_page.unlock("ana")
    write_report(phone_page, "门锁坏了")
    phone_page.tap(f"{REPORT} .primary[type=submit]")
    page.wait_for_selector(".said[role=status]")
    phone_page.sync_now()
    live_server.kill()
    page.evaluate(JS_REFUSE_ALL, "not-permitted")
    phone_page.open("/field/tickets")
    page.wait_for_selector(".banner[data-state=check]")
    lock_and_unlock(phone_page, "ben")
    assert page.locator("[data-state=check]").count() == 0
    phone_page.open("/field/me")
    assert "门锁坏了" not in page.inner_text("#page")
    lock_and_unlock(phone_page, "ana")
    phone_page.tap(".banner[data-state=check]")
    page.wait_for_selector("#main :text('门锁坏了')")
    phone_page.tap("form[action='/field/me/again'] button")
    page.wait_for_selector(f"{REPORT} [data-words=restored]")
    assert page.input_value(WORDS) == "门锁坏了"
    assert page.locator(".banner[data-state=check]").count() == 0
    live_server.start()
    phone_page.tap(f"{REPORT} .primary[type=submit]")
    page.wait_for_selector(".said[role=status]")
    phone_page.sync_now()
    assert len(logged_ops(live_server, "ticket.open")) == 2
