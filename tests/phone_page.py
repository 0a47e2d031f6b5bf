"""Somebody's hand on a phone in a real browser, and what the server has of it afterwards."""

from __future__ import annotations

import json
import sqlite3

from server.maintenance.demo import demo_id
from server.maintenance.demo.small import HEDGEHOG, SQUIRREL
from tests.wait_for import wait_for

PINS_BY_USERNAME = {username: (name, pin) for username, name, pin, _, _ in (*SQUIRREL, *HEDGEHOG)}

JS_POLL = """async () => {
  const { setTimeout } = globalThis.__pwClock?.builtins ?? globalThis;
  let heard, failure;
  for (let tries = 0; tries < 25; tries++) {
    try {
      [heard, failure] = [await (%s), undefined];
      if (heard) return heard;
    } catch (error) {
      failure = error;
    }
    await new Promise((done) => setTimeout(done, 20));
  }
  if (failure) throw failure;
  return heard;
}"""
"""Asks for half a second inside the page, which costs less than asking from here each time; the
timers are those of the browser where the test has stopped the page's."""
JS_SYNC_IDLE = """navigator.locks.query().then(
  ({ held }) => !held.some(({ name }) => name === "lodge-exchange"))"""
JS_TAP_STORED = "!document.querySelector('.htmx-request, form[aria-busy]')"
JS_LAST_SYNC_AT = """new Promise((done, failed) => {
  const opening = indexedDB.open("lodge");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const asking = opening.result.transaction("meta").objectStore("meta").get("link");
    asking.onsuccess = () => { opening.result.close(); done(asking.result?.sent_at ?? null); };
  };
})"""
"""When the phone last exchanged records with the server."""


JS_STORE = """(store) => new Promise((done) => {
  const opening = indexedDB.open("lodge");
  opening.onsuccess = () => {
    const asking = opening.result.transaction(store).objectStore(store).getAll();
    asking.onsuccess = () => { opening.result.close(); done(asking.result); };
  };
})"""
JS_META = """([key, value]) => new Promise((done) => {
  const opening = indexedDB.open("lodge");
  opening.onsuccess = () => {
    const tx = opening.result.transaction("meta", "readwrite");
    const asking = tx.objectStore("meta").get(key);
    if (value !== undefined) tx.objectStore("meta").put(value, key);
    tx.oncomplete = () => { opening.result.close(); done(asking.result ?? null); };
  };
})"""
JS_META_KEYS = """new Promise((done) => {
  const opening = indexedDB.open("lodge");
  opening.onsuccess = () => {
    const asking = opening.result.transaction("meta").objectStore("meta").getAllKeys();
    asking.onsuccess = () => { opening.result.close(); done(asking.result); };
  };
})"""


def rows(hand, store):
    """All rows of a store of the phone's database; binary values are lost on the way."""
    return hand.page.evaluate(JS_STORE, store)


def meta(hand, key, value=None):
    """A value of the phone's database; `value` takes its place, as somebody writes it by hand."""
    return hand.page.evaluate(JS_META, [key] if value is None else [key, value])


def meta_keys(hand):
    return set(hand.page.evaluate(JS_META_KEYS))


class PhonePage:
    """Somebody's hand on a phone; counts every tap and every field that is typed."""

    def __init__(self, page, live):
        self.page, self.server, self.taps = page, live, 0
        self.console_errors = []
        self.is_edited = False
        """Records were written into it by hand: what lies on it says nothing."""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.console_errors.append(str(error)))

    def _on_console(self, message):
        expected = "ERR_CONNECTION_REFUSED" in message.text or "Failed to load" in message.text
        if message.type == "error" and not expected:
            self.console_errors.append(message.text)

    def tap(self, selector):
        """Press it, and wait until the phone has stored what that says."""
        self.taps += 1
        self.page.locator(selector).first.click()
        self.wait_for_js(JS_TAP_STORED)

    def fill(self, selector, text):
        self.taps += 1
        self.page.fill(selector, text)

    def wait_for_js(self, expression):
        return wait_for(lambda: self.page.evaluate(JS_POLL % expression))

    def open(self, path="/field/"):
        self.page.goto(self.server.url + path)
        self.wait_for_js(
            "document.documentElement.dataset.ready && !!document.querySelector('#page')"
        )

    def enrol(self, *usernames):
        """For these people; without any for everybody of the site."""
        people = [demo_id("squirrel", username) for username in usernames] or None
        self.open(f"/field/enrol#{self.server.new_enrolment_code(people=people)}")
        self.wait_for_js("document.querySelector('[name=code]').value.length > 7")
        self.tap("#main button[type=submit]")
        self.wait_for_js("!!document.querySelector('.names')")
        self.wait_for_js("!!navigator.serviceWorker.controller")

    def unlock(self, username):
        """The first time with the server, afterwards also without."""
        name, pin = PINS_BY_USERNAME[username]
        self.tap(f".names a:has-text('{name}')")
        self.wait_for_js("!!document.querySelector('.pad')")
        self.type_digits(pin)
        self.wait_for_js("!!document.querySelector('.tabs')")
        self.taps = 0

    def type_digits(self, digits):
        for digit in digits:
            self.tap(f"[data-digit='{digit}']")

    def lock(self):
        self.open("/field/me")
        self.page.evaluate("document.querySelector('details.sure')?.setAttribute('open', '')")
        self.tap("form[action='/field/me/lock'] button")
        self.wait_for_js("!!document.querySelector('.names')")

    def unlock_before(self, *usernames):
        """People who have keys on this phone from now on."""
        for username in usernames:
            self.unlock(username)
            self.lock()

    def sync_status(self):
        return self.page.locator("#pill").get_attribute("data-state")

    def wait_until_sent(self):
        self.wait_for_js("document.querySelector('#pill').dataset.state == 'all_sent'")

    def sync_now(self):
        """A whole exchange that begins now: all that was here is there, and the other way round."""
        self.open("/field/me")
        self.wait_for_js(JS_SYNC_IDLE)
        before = self.page.evaluate(JS_LAST_SYNC_AT)
        self.tap("form[action='/field/me/send'] button")
        self.wait_for_js(f"({JS_LAST_SYNC_AT}).then((at) => at !== {json.dumps(before)})")
        self.wait_until_sent()


def logged_ops(live, kind):
    """What the server has of a kind, in the order of judgement."""
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    rows = base.execute(
        "SELECT id, subject, status, payload, by FROM op WHERE kind = ? AND lineage IS NOT NULL"
        " ORDER BY place",
        (kind,),
    ).fetchall()
    base.close()
    return rows


JS_HORIZONTAL_OVERFLOW = (
    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
)
JS_SMALL_TARGETS = """[...document.querySelectorAll(
  'a, button, select, summary, textarea, input:not([type=hidden]):not(.sr)')]
  .filter((e) => e.checkVisibility() && !e.closest('.chip, .check, .sr'))
  .map((e) => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
  .filter(([, box]) => box.height < 47.5 || box.width < 47.5)"""
JS_UNLABELLED_CONTROLS = """[...document.querySelectorAll(
  'a, button, select, textarea, input:not([type=hidden])')]
  .filter((e) => e.checkVisibility())
  .filter((e) => !(e.innerText || '').trim() && !e.ariaLabel && !e.labels?.length)
  .map((e) => e.outerHTML.slice(0, 80))"""
