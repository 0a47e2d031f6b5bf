"""What somebody does to a phone's storage by hand, or an older version has left in it."""

from __future__ import annotations

import base64
import hashlib
import sqlite3

from server.auth.credentials import token_digest
from server.maintenance.demo import demo_id
from tests.browser.test_unlocking import OPEN_TASK, alert, proofs, type_pin
from tests.phone_client import HttpTransport, PhoneClient
from tests.phone_page import PINS_BY_USERNAME, logged_ops, meta, meta_keys, rows
from tests.wait_for import wait_for

ANA, BAO = demo_id("squirrel", "ana"), demo_id("squirrel", "bao")


ROUNDS = 1000
"""Fewer than an old server sent, which takes less time."""


def tick(hand):
    before = len(rows(hand, "ops"))
    hand.open("/field/tasks")
    hand.tap(OPEN_TASK)
    wait_for(lambda: len(rows(hand, "ops")) == before + 1)


def test_a_phone_updated_without_a_network_locks_nobody_out_and_only_claims(
    phone_page, live_server
):
    old = PhoneClient(HttpTransport(live_server.url)).enrol(live_server.new_enrolment_code())
    name, pin = PINS_BY_USERNAME["ana"]
    key = hashlib.pbkdf2_hmac("sha256", pin.encode(), b"salt", ROUNDS)
    texts = {"salt": base64.b64encode(b"salt").decode(), "hash": base64.b64encode(key).decode()}
    verifier = {"iterations": ROUNDS, **texts}
    people = [{**each, "pin_check": verifier} for each in old.people if each["id"] == ANA]
    records = [
        {**body, "type": type_, "id": id_, "version": old.versions[type_, id_]}
        | ({"pin_check": verifier} if id_ == ANA else {})
        for (type_, id_), body in old.pull_all().items()
    ]
    device = {"id": old.device, "token": old.token, "site": old.site, "label": "手机"}
    values = {"device": device, "people": people, "users": [ANA]}
    values["tail"] = {"lineage": old.lineage, "n": 0, "hash": None}
    phone_page.page.goto(f"{live_server.url}/healthz")
    phone_page.page.evaluate(JS_VERSION_4, {"meta": values, "records": records})
    phone_page.open("/field/")
    phone_page.wait_for_js("!!navigator.serviceWorker.controller")
    live_server.kill()
    type_pin(phone_page, name, "000000")
    assert "密码不对" in alert(phone_page)
    phone_page.type_digits(pin)
    phone_page.wait_for_js("!!document.querySelector('.tabs')")
    tick(phone_page)
    live_server.start()
    phone_page.sync_now()
    phone_page.lock()
    assert f"verifier:{ANA}" in meta_keys(phone_page)
    phone_page.unlock("ana")
    assert f"verifier:{ANA}" not in meta_keys(phone_page)
    tick(phone_page)
    phone_page.sync_now()
    assert proofs(live_server, "task.complete") == [("claimed", 0), ("person", 1)]


def test_a_chain_made_anew_after_a_fork_is_proven_while_its_author_is_locked_out(
    phone_page, live_server
):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    before = meta(phone_page, "tail")
    tick(phone_page)
    phone_page.sync_now()
    live_server.kill()
    meta(phone_page, "tail", before)  # as a copy of the phone's storage brings it back
    tick(phone_page)
    phone_page.lock()
    live_server.start()
    phone_page.open("/field/unlock")
    wait_for(lambda: len(logged_ops(live_server, "task.complete")) == 2)
    assert proofs(live_server, "task.complete") == [("person", 1), ("person", 1)]
    wait_for(lambda: {row["state"] for row in rows(phone_page, "ops")} == {"answered"})
    assert meta(phone_page, "tail")["lineage"] != before["lineage"]


def test_an_op_edited_by_hand_is_not_proven(phone_page, live_server):
    phone_page.enrol("ana", "bao")
    phone_page.unlock("ana")
    live_server.kill()
    for _ in range(3):
        tick(phone_page)
    phone_page.page.evaluate(JS_EDIT_OPS, BAO)
    live_server.start()
    phone_page.open("/field/me")
    wait_for(lambda: len(logged_ops(live_server, "task.complete")) == 3)
    other, forged, unsigned = logged_ops(live_server, "task.complete")
    assert (other[2], forged[2], unsigned[2]) == ("quarantined", "applied", "applied")
    assert "person" not in [proof for proof, _ in proofs(live_server, "task.complete")]
    assert forged[4] == unsigned[4] == BAO, "a fact that is only claimed stands"


def test_copied_keys_open_on_no_other_phone(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.lock()
    phone_page.page.evaluate(JS_OTHER_DEVICE_KEY)
    live_server.kill()
    name, pin = PINS_BY_USERNAME["ana"]
    type_pin(phone_page, name, pin)
    assert "密码不对" in alert(phone_page)
    live_server.start()
    phone_page.open("/field/unlock")
    phone_page.unlock("ana")
    tick(phone_page)
    phone_page.sync_now()
    assert proofs(live_server, "task.complete") == [("person", 1)]


def device_row(live, query, *values):
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    with base:
        found = base.execute(query, values).fetchone()
    base.close()
    return found


def test_a_phone_takes_its_next_token_and_finds_back_to_a_restored_server(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    old = meta(phone_page, "device")["token"]
    device_row(live_server, "UPDATE device SET token_at = '2026-01-01 00:00:00.000000'")
    phone_page.sync_now()
    new = meta(phone_page, "device")["token"]
    assert new != old
    phone_page.sync_now()
    query = "SELECT token_hash, next_token_hash FROM device"
    assert device_row(live_server, query) == (token_digest(new), None)
    restored = "UPDATE device SET token_hash = ?, token_at = ?"
    device_row(live_server, restored, token_digest(old), "2126-01-01 00:00:00.000000")
    before = meta(phone_page, "told")["log"]
    device_row(live_server, "UPDATE server_state SET value = 'next' WHERE key = 'epoch'")
    tick(phone_page)
    phone_page.sync_now()
    assert proofs(live_server, "task.complete") == [("person", 1)]
    assert meta(phone_page, "device")["token"] == old
    assert meta(phone_page, "device")["former"] == [new]
    told = meta(phone_page, "told")
    assert (told["log"]["epoch"], told["earlier"][0]["epoch"]) == ("next", before["epoch"])


JS_VERSION_4 = """({ meta, records }) => new Promise((done, failed) => {
  const opening = indexedDB.open("lodge", 4);
  opening.onerror = failed;
  opening.onupgradeneeded = () => {
    const base = opening.result;
    const store = (name, options, indexes) => {
      const made = base.createObjectStore(name, options);
      for (const [index, path] of Object.entries(indexes)) made.createIndex(index, path);
    };
    store("records", { keyPath: ["type", "id"] }, {
      until: ["type", "until"], opens: ["type", "opens"],
    });
    store("ops", { keyPath: "id" }, {
      place: ["lineage", "n"], state: "state", subject: "subject", laid: "laid", check: "check",
      turn: ["state", "lineage", "n"], kind: ["state", "op.kind"],
      over: ["laid", "state", "op.at", "id"], token: "token",
    });
    store("photos", { keyPath: "sha256" }, { state: "state", size: ["state", "bytes"] });
    store("meta", undefined, {});
    store("reserve", undefined, {});
    store("drafts", { keyPath: "token" }, { person: "person" });
  };
  opening.onsuccess = () => {
    const base = opening.result;
    const tx = base.transaction(["records", "meta"], "readwrite");
    for (const row of records) tx.objectStore("records").put(row);
    for (const [key, value] of Object.entries(meta)) tx.objectStore("meta").put(value, key);
    tx.oncomplete = () => { base.close(); done(); };
    tx.onabort = failed;
  };
})"""
"""What the version before this one had on a phone."""

JS_EDIT_OPS = """async (other) => {
  const program = document.querySelector("script[type=module]").src;
  const { canonicalJson, sha256 } = await import(new URL("canonical_json.js", program).href);
  const base = await new Promise((done) => {
    const opening = indexedDB.open("lodge");
    opening.onsuccess = () => done(opening.result);
  });
  const asked = (request) =>
    new Promise((done) => (request.onsuccess = () => done(request.result)));
  const rows = await asked(base.transaction("ops").objectStore("ops").getAll());
  rows.sort((a, b) => a.n - b.n);
  const edits = [
    (op) => ({ ...op, payload: { note: "somebody else's words" } }),
    (op) => ({ ...op, by: other }),
    ({ sig, ...op }) => ({ ...op, by: other }),
  ];
  let prev = null;
  for (const [i, edit] of edits.entries()) {
    const { hash, sig, ...content } = { ...edit(rows[i].op), prev };
    prev = await sha256(canonicalJson(content));
    rows[i].op = { ...content, hash: prev, ...(sig ? { sig } : {}) };
  }
  const tx = base.transaction("ops", "readwrite");
  for (const row of rows) tx.objectStore("ops").put(row);
  await new Promise((done) => (tx.oncomplete = done));
  base.close();
}"""
"""Other words; another author; another author without the signature; each with a hash that fits."""

JS_OTHER_DEVICE_KEY = """async () => {
  const algorithm = { name: "HMAC", hash: "SHA-256", length: 256 };
  const key = await crypto.subtle.generateKey(algorithm, false, ["sign"]);
  await new Promise((done) => {
    const opening = indexedDB.open("lodge");
    opening.onsuccess = () => {
      const tx = opening.result.transaction("meta", "readwrite");
      tx.objectStore("meta").put(key, "device_key");
      tx.oncomplete = () => { opening.result.close(); done(); };
    };
  });
}"""
"""As on another phone, to which the storage was copied: the key of this one cannot be exported."""
