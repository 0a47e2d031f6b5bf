"""A phone without room, a phone that was wiped, and what is unsent as a file."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from server.desk.outbox_imports import is_signed
from server.models.access import Device
from sync.protocol.hash_chain import content_hash
from sync.review.outbox_imports import (
    MAX_FILE_LOST,
    MAX_FILE_OPS,
    MAX_FILE_PHOTOS,
    InvalidOutboxFile,
    read_outbox_file,
)
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    logged_ops,
)
from tests.wait_for import wait_for

OPEN_TASK_BUTTON = ".row[data-state=open]:not(:has(.items)) > form button.tick"
JS_DONE_COUNT = "document.querySelectorAll('.row[data-state=done]').length"
QUOTA_BYTES = 8 * 1024 * 1024


@pytest.fixture
def storage_controls(phone_page, live_server):
    """What the browser lets us do to the phone's storage."""
    return phone_page.page.context.new_cdp_session(phone_page.page)


def tick_tasks(hand, times):
    for _ in range(times):
        before = hand.page.evaluate(JS_DONE_COUNT)
        hand.tap(OPEN_TASK_BUTTON)
        hand.wait_for_js(f"{JS_DONE_COUNT} > {before}")


def stored_rows(hand, store="ops"):
    return hand.page.evaluate(JS_STORE_ROWS, store)


def test_a_full_phone_keeps_every_word_and_says_which_photo_it_cannot_take(
    phone_page, live_server, storage_controls, photo_file
):
    storage_controls.send(
        "Storage.overrideQuotaForOrigin", {"origin": live_server.url, "quotaSize": QUOTA_BYTES}
    )
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.wait_for_js("document.querySelectorAll('.row').length > 3")
    wait_for(lambda: stored_rows(phone_page, "reserve") == 1)
    live_server.kill()
    phone_page.page.evaluate(JS_FILL_DISK)
    tick_tasks(phone_page, 3)
    assert stored_rows(phone_page, "reserve") == 0, "the reserve made room"
    assert stored_rows(phone_page) == 3

    phone_page.open("/field/tickets")
    phone_page.wait_for_js("!!document.querySelector('.banner[data-state=stale]')")
    phone_page.page.set_input_files("[name=photos]", photo_file)
    phone_page.tap("details:has([name=contact]) > summary")
    phone_page.fill("textarea[name=details]", "水从三楼下来")
    phone_page.tap("#main .primary")
    phone_page.wait_for_js("!!document.querySelector('#toast [role=alert]')")
    assert phone_page.page.input_value("textarea[name=details]") == "水从三楼下来"
    assert (stored_rows(phone_page), stored_rows(phone_page, "photos")) == (3, 0), "all or nothing"

    phone_page.page.set_input_files("[name=photos]", [])
    phone_page.tap("#main .primary")
    phone_page.page.wait_for_selector(".said[role=status]")
    phone_page.page.reload()
    phone_page.wait_for_js(
        "document.documentElement.dataset.ready && !!document.querySelector('#page')"
    )
    assert stored_rows(phone_page) == 4
    phone_page.page.evaluate("indexedDB.deleteDatabase('ballast') && null")
    live_server.start()
    phone_page.sync_now()
    assert [len(logged_ops(live_server, kind)) for kind in ("task.complete", "ticket.open")] == [
        3,
        1,
    ]
    wait_for(lambda: stored_rows(phone_page, "reserve") == 1)


def test_a_wiped_phone_says_what_was_sent_and_what_was_not(
    phone_page, live_server, storage_controls
):
    phone_page.page.add_init_script(JS_GRANT_PERSISTENCE)
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    tick_tasks(phone_page, 2)
    phone_page.sync_now()
    live_server.kill()
    phone_page.open("/field/tasks")
    tick_tasks(phone_page, 1)
    wait_for(lambda: json.loads(phone_page.page.evaluate(JS_LOSS_MARKER))["unsent"] == 1)
    wipe = {"origin": live_server.url, "storageTypes": "indexeddb"}
    storage_controls.send("Storage.clearDataForOrigin", wipe)
    phone_page.open("/field/tasks")
    phone_page.console_errors.clear()  # what was being read when it went may say so
    said = phone_page.page.inner_text("#main [role=alert]")
    assert "已上传 2 条" in said and "1 条待上传" in said
    phone_page.page.evaluate("localStorage.clear()")
    phone_page.open("/field/")
    assert phone_page.page.inner_text("#main [role=alert]") == said, (
        "it is written down in two places"
    )
    for check in (JS_HORIZONTAL_OVERFLOW, JS_SMALL_TARGETS, JS_UNLABELLED_CONTROLS):
        assert not phone_page.page.evaluate(check)
    live_server.start()
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    tick_tasks(phone_page, 1)
    phone_page.sync_now()
    assert len(logged_ops(live_server, "task.complete")) == 3
    base = sqlite3.connect(live_server.folder / "var" / "lodge.sqlite3")
    assert base.execute("SELECT count(*) FROM lineage").fetchone() == (2,), "a chain of its own"
    stores = [json.loads(text) for (text,) in base.execute("SELECT storage FROM device")]
    assert [store["persisted"] for store in stores] == [True, True], "it was asked for at once"
    base.close()


def test_what_is_unsent_goes_into_a_file_and_stays_on_the_phone(
    phone_page, live_server, photo_file
):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    tick_tasks(phone_page, 2)
    phone_page.open("/field/tickets")
    phone_page.page.set_input_files("[name=photos]", photo_file)
    phone_page.tap("#main .primary")
    phone_page.wait_for_js("/[0-9]{3} [0-9]{4}/.test(document.querySelector('#main').innerText)")
    phone_page.open("/field/me")
    assert "3 条待上传 · 1 张照片待传" in phone_page.page.inner_text(".meta")
    with phone_page.page.expect_download() as saving:
        phone_page.tap("[data-export]")
    raw = saving.value.path().read_bytes()
    file = json.loads(raw)
    assert (file["lodge"], file["format"], file["lost"]) == ("outbox", 1, [])
    assert [op["n"] for op in file["ops"]] == [1, 2, 3]
    assert all(content_hash(op) == op["hash"] for op in file["ops"])
    (photo,) = file["photos"]
    data = base64.b64decode(photo["data"])
    assert (len(data), hashlib.sha256(data).hexdigest()) == (photo["bytes"], photo["sha256"])
    assert photo["sha256"] in file["ops"][2]["payload"]["photos"]
    assert stored_rows(phone_page) == 3
    live_server.start()
    phone_page.sync_now()
    assert len(logged_ops(live_server, "task.complete")) == 2
    base = sqlite3.connect(live_server.folder / "var" / "lodge.sqlite3")
    device, lineage = base.execute("SELECT device_id, lineage FROM lineage").fetchone()
    base.close()
    assert (file["device"], file["lineage"]) == (device, lineage)
    base = sqlite3.connect(live_server.folder / "var" / "lodge.sqlite3")
    ((secret,),) = base.execute("SELECT token_hash FROM device WHERE id = ?", (device,)).fetchall()
    base.close()
    assert is_signed(read_outbox_file(raw), Device(token_hash=secret))


def exported_file(hand):
    """One tap on the button, and what the file says to the desk."""
    with hand.page.expect_download() as saving:
        hand.tap("[data-export]")
    raw = saving.value.path().read_bytes()
    parcel = read_outbox_file(raw)
    assert not isinstance(parcel, InvalidOutboxFile), (saving.value.suggested_filename, len(raw))
    return saving.value.suggested_filename, parcel


def test_however_much_is_unsent_every_file_is_one_that_the_desk_takes(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    tick_tasks(phone_page, 1)
    phone_page.page.evaluate(JS_FILL_OUTBOX, {"ops": LONG_TEXT, "photos": LARGE_COUNT})
    phone_page.open("/field/me")
    names, parcels = zip(exported_file(phone_page), strict=True)
    for place in (2, 3):
        phone_page.wait_for_js(
            f"document.querySelector('[data-export]').innerText.includes('{place}/3')"
        )
        for check in (JS_HORIZONTAL_OVERFLOW, JS_SMALL_TARGETS, JS_UNLABELLED_CONTROLS):
            assert not phone_page.page.evaluate(check)
        name, parcel = exported_file(phone_page)
        names, parcels = (*names, name), (*parcels, parcel)
    phone_page.wait_for_js(
        "document.querySelector('#main [role=status]').innerText.includes('3 个文件')"
    )
    assert [name[-11:] for name in names] == [f"{n}-of-3.json" for n in (1, 2, 3)]
    places = [op["n"] for parcel in parcels for op in parcel.ops]
    assert places == list(range(1, LONG_TEXT + 2)), "each op once, in its order"
    photos = [shot["sha256"] for parcel in parcels for shot in parcel.photos]
    assert len(set(photos)) == len(photos) == LARGE_COUNT
    assert {parcel.lost_numbers for parcel in parcels} == {(30_001, 30_007)}, (
        "also what it confessed"
    )
    assert stored_rows(phone_page) == LONG_TEXT + 1


def test_the_phone_counts_as_the_desk_does():
    script = Path(__file__).parents[2] / "static/field/outbox_export_parts.js"
    for name, most in LIMITS.items():
        assert f"const {name} = {most:_};" in script.read_text("utf-8")


JS_GRANT_PERSISTENCE = """
  StorageManager.prototype.persist = async () => Boolean(sessionStorage.asked = "yes");
  StorageManager.prototype.persisted = async () => sessionStorage.asked === "yes";
  Object.defineProperty(ServiceWorkerRegistration.prototype, "sync", { value: undefined });
"""
"""A browser that grants lasting storage to whoever asks for it; its worker, which knows nothing of
that, is not woken."""

JS_LOSS_MARKER = "localStorage.getItem('lodge-trace')"

JS_STORE_ROWS = """(store) => new Promise((done, failed) => {
  const opening = indexedDB.open("lodge");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const asking = opening.result.transaction(store).objectStore(store).count();
    asking.onsuccess = () => { opening.result.close(); done(asking.result); };
  };
})"""

LIMITS = {"MOST_OPS": MAX_FILE_OPS, "MOST_PHOTOS": MAX_FILE_PHOTOS, "MOST_LOST": MAX_FILE_LOST}
LONG_TEXT, LARGE_COUNT = 28, 12
"""How many ops of nearly a megabyte, and photos of two: more than two files can hold."""

JS_FILL_OUTBOX = """({ops, photos}) => new Promise((done, failed) => {
  const opening = indexedDB.open("lodge");
  opening.onsuccess = () => {
    const base = opening.result;
    const tx = base.transaction(["ops", "photos", "meta"], "readwrite");
    const all = tx.objectStore("ops");
    all.getAll().onsuccess = ({ target: { result: [first] } }) => {
      for (let n = 2; n <= ops + 1; n += 1) {
        const id = `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
        const state = n % 3 ? "unsent" : "deferred";
        const op = { ...first.op, id, n, payload: { note: "x".repeat(900_000) } };
        all.put({ ...first, id, n, state, laid: 0, op });
      }
    };
    for (let place = 0; place < photos; place += 1) {
      const [sha256, data] = [String(place).padStart(64, "0"), new ArrayBuffer(2_000_000)];
      const bytes = data.byteLength;
      tx.objectStore("photos").put({ sha256, bytes, data, type: "image/jpeg", state: "unsent" });
    }
    tx.objectStore("meta").put([30001], "lost");
    tx.objectStore("meta").put([30001, 30007], "confessed");
    tx.oncomplete = () => { base.close(); done(); };
    tx.onabort = failed;
  };
})"""
"""As if nobody had found a network for months."""

JS_BALLAST = """
  const opened = () => new Promise((done) => {
    const opening = indexedDB.open("ballast", 1);
    opening.onupgradeneeded = () =>
      opening.result.createObjectStore("all", { autoIncrement: true });
    opening.onsuccess = () => done(opening.result);
  });
  const write = (base, change) => new Promise((done) => {
    const tx = base.transaction("all", "readwrite", { durability: "strict" });
    change(tx.objectStore("all"));
    tx.oncomplete = () => done(true);
    tx.onabort = () => done(false);
  });
"""
JS_FILL_DISK = f"""async () => {{ {JS_BALLAST}
  const base = await opened();
  const stones = (size) => crypto.getRandomValues(new Uint8Array(size)).buffer;
  for (let size = 32768; size > 128; size /= 4)
    while (await write(base, (all) => all.add(stones(size))));
  base.close();
}}"""
"""Until not even a few bytes fit."""
