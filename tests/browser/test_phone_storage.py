"""A phone without room, a phone that was wiped, and what is unsent as a file."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from server.parcels import is_sealed
from server.tables import Device
from sync.chain import hash_of
from sync.parcels import MOST_LOST, MOST_OPS, MOST_PHOTOS, Wrong, unpacked
from tests.hand import NAMELESS, OVERFLOW, SMALL, log
from tests.until import until

OPEN = ".row[data-state=open]:not(:has(.items)) > form button.tick"
DONE = "document.querySelectorAll('.row[data-state=done]').length"
ROOM = 8 * 1024 * 1024


@pytest.fixture
def memory(hand, live):
    """What the browser lets us do to the phone's storage."""
    return hand.page.context.new_cdp_session(hand.page)


def ticks(hand, times):
    for _ in range(times):
        before = hand.page.evaluate(DONE)
        hand.tap(OPEN)
        hand.sees(f"{DONE} > {before}")


def kept(hand, store="ops"):
    return hand.page.evaluate(ROWS, store)


def test_a_full_phone_keeps_every_word_and_says_which_photo_it_cannot_take(
    hand, live, memory, picture
):
    memory.send("Storage.overrideQuotaForOrigin", {"origin": live.url, "quotaSize": ROOM})
    hand.enrols()
    hand.unlocks("ana")
    hand.sees("document.querySelectorAll('.row').length > 3")
    until(lambda: kept(hand, "reserve") == 1)
    live.kill()
    hand.page.evaluate(FILL)
    ticks(hand, 3)
    assert kept(hand, "reserve") == 0, "the reserve made room"
    assert kept(hand) == 3

    hand.opens("/field/report")
    hand.sees("!!document.querySelector('.banner[data-state=stale]')")
    hand.page.set_input_files("[name=photos]", picture)
    hand.tap("details:has([name=contact]) > summary")
    hand.type("textarea[name=details]", "水从三楼下来")
    hand.tap("#main .primary")
    hand.sees("!!document.querySelector('#toast [role=alert]')")
    assert hand.page.input_value("textarea[name=details]") == "水从三楼下来"
    assert (kept(hand), kept(hand, "photos")) == (3, 0), "all or nothing"

    hand.page.set_input_files("[name=photos]", [])
    hand.tap("#main .primary")
    hand.sees("!!document.querySelector('.said')")
    hand.page.reload()
    hand.sees("document.documentElement.dataset.ready && !!document.querySelector('#page')")
    assert kept(hand) == 4
    hand.page.evaluate("indexedDB.deleteDatabase('ballast') && null")
    live.start()
    hand.sends()
    assert [len(log(live, kind)) for kind in ("task.complete", "ticket.open")] == [3, 1]
    until(lambda: kept(hand, "reserve") == 1)


def test_a_wiped_phone_says_what_was_sent_and_what_was_not(hand, live, memory):
    hand.page.add_init_script(GRANTED)
    hand.enrols()
    hand.unlocks("ana")
    ticks(hand, 2)
    hand.sends()
    live.kill()
    hand.opens("/field/tasks")
    ticks(hand, 1)
    until(lambda: json.loads(hand.page.evaluate(TRACE))["unsent"] == 1)
    wipe = {"origin": live.url, "storageTypes": "indexeddb"}
    memory.send("Storage.clearDataForOrigin", wipe)
    hand.opens("/field/tasks")
    hand.noise.clear()  # what was being read when it went may say so
    said = hand.page.inner_text("#main [role=alert]")
    assert "已上传 2 条" in said and "1 条待上传" in said
    hand.page.evaluate("localStorage.clear()")
    hand.opens("/field/")
    assert hand.page.inner_text("#main [role=alert]") == said, "it is written down in two places"
    for check in (OVERFLOW, SMALL, NAMELESS):
        assert not hand.page.evaluate(check)
    live.start()
    hand.enrols()
    hand.unlocks("ana")
    ticks(hand, 1)
    hand.sends()
    assert len(log(live, "task.complete")) == 3
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    assert base.execute("SELECT count(*) FROM lineage").fetchone() == (2,), "a chain of its own"
    stores = [json.loads(text) for (text,) in base.execute("SELECT storage FROM device")]
    assert [store["persisted"] for store in stores] == [True, True], "it was asked for at once"
    base.close()


def test_what_is_unsent_goes_into_a_file_and_stays_on_the_phone(hand, live, picture):
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    ticks(hand, 2)
    hand.opens("/field/report")
    hand.page.set_input_files("[name=photos]", picture)
    hand.tap("#main .primary")
    hand.sees("!!document.querySelector('.said')")
    hand.opens("/field/me")
    assert "3 条待上传 · 1 张照片待传" in hand.page.inner_text(".meta")
    with hand.page.expect_download() as saving:
        hand.tap("[data-export]")
    raw = saving.value.path().read_bytes()
    file = json.loads(raw)
    assert (file["lodge"], file["format"], file["lost"]) == ("outbox", 1, [])
    assert [op["n"] for op in file["ops"]] == [1, 2, 3]
    assert all(hash_of(op) == op["hash"] for op in file["ops"])
    (photo,) = file["photos"]
    data = base64.b64decode(photo["data"])
    assert (len(data), hashlib.sha256(data).hexdigest()) == (photo["bytes"], photo["sha256"])
    assert photo["sha256"] in file["ops"][2]["payload"]["photos"]
    assert kept(hand) == 3
    live.start()
    hand.sends()
    assert len(log(live, "task.complete")) == 2
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    device, lineage = base.execute("SELECT device_id, lineage FROM lineage").fetchone()
    base.close()
    assert (file["device"], file["lineage"]) == (device, lineage)
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    ((secret,),) = base.execute("SELECT token_hash FROM device WHERE id = ?", (device,)).fetchall()
    base.close()
    assert is_sealed(unpacked(raw), Device(token_hash=secret))


def saved(hand):
    """One tap on the button, and what the file says to the desk."""
    with hand.page.expect_download() as saving:
        hand.tap("[data-export]")
    raw = saving.value.path().read_bytes()
    parcel = unpacked(raw)
    assert not isinstance(parcel, Wrong), (saving.value.suggested_filename, len(raw))
    return saving.value.suggested_filename, parcel


def test_however_much_is_unsent_every_file_is_one_that_the_desk_takes(hand, live):
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    ticks(hand, 1)
    hand.page.evaluate(HEAP, {"ops": LONG, "photos": LARGE})
    hand.opens("/field/me")
    names, parcels = zip(saved(hand), strict=True)
    for place in (2, 3):
        hand.sees(f"document.querySelector('[data-export]').innerText.includes('{place}/3')")
        for check in (OVERFLOW, SMALL, NAMELESS):
            assert not hand.page.evaluate(check)
        name, parcel = saved(hand)
        names, parcels = (*names, name), (*parcels, parcel)
    hand.sees("document.querySelector('#main [role=status]').innerText.includes('3 个文件')")
    assert [name[-11:] for name in names] == [f"{n}-of-3.json" for n in (1, 2, 3)]
    places = [op["n"] for parcel in parcels for op in parcel.ops]
    assert places == list(range(1, LONG + 2)), "each op once, in its order"
    photos = [shot["sha256"] for parcel in parcels for shot in parcel.photos]
    assert len(set(photos)) == len(photos) == LARGE
    assert {parcel.lost for parcel in parcels} == {(30_001, 30_007)}, "also what it confessed"
    assert kept(hand) == LONG + 1


def test_the_phone_counts_as_the_desk_does():
    script = Path(__file__).parents[2] / "static/field/outbox_export_parts.js"
    for name, most in LIMITS.items():
        assert f"const {name} = {most:_};" in script.read_text("utf-8")


GRANTED = """
  StorageManager.prototype.persist = async () => Boolean(sessionStorage.asked = "yes");
  StorageManager.prototype.persisted = async () => sessionStorage.asked === "yes";
  Object.defineProperty(ServiceWorkerRegistration.prototype, "sync", { value: undefined });
"""
"""A browser that grants lasting storage to whoever asks for it; its worker, which knows nothing of
that, is not woken."""

TRACE = "localStorage.getItem('lodge-trace')"

ROWS = """(store) => new Promise((done, failed) => {
  const opening = indexedDB.open("lodge");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const asking = opening.result.transaction(store).objectStore(store).count();
    asking.onsuccess = () => { opening.result.close(); done(asking.result); };
  };
})"""

LIMITS = {"MOST_OPS": MOST_OPS, "MOST_PHOTOS": MOST_PHOTOS, "MOST_LOST": MOST_LOST}
LONG, LARGE = 28, 12
"""How many ops of nearly a megabyte, and photos of two: more than two files can hold."""

HEAP = """({ops, photos}) => new Promise((done, failed) => {
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

BALLAST = """
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
FILL = f"""async () => {{ {BALLAST}
  const base = await opened();
  const stones = (size) => crypto.getRandomValues(new Uint8Array(size)).buffer;
  for (let size = 32768; size > 128; size /= 4)
    while (await write(base, (all) => all.add(stones(size))));
  base.close();
}}"""
"""Until not even a few bytes fit."""
