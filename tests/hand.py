"""Somebody's hand on a phone in a real browser, and what the server has of it afterwards."""

from __future__ import annotations

import sqlite3

from server.maintenance.demo import HEDGEHOG, SQUIRREL
from tests.until import until

PINS = {username: (name, pin) for username, name, pin, _, _ in (*SQUIRREL, *HEDGEHOG)}

IDLE = """navigator.locks.query().then(
  ({ held }) => !held.some(({ name }) => name === "lodge-exchange"))"""
SENT_AT = """new Promise((done, failed) => {
  const opening = indexedDB.open("lodge");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const asking = opening.result.transaction("meta").objectStore("meta").get("link");
    asking.onsuccess = () => { opening.result.close(); done(asking.result?.sent_at ?? null); };
  };
})"""
"""When the last exchange ended well."""


class Hand:
    """Somebody's hand on a phone; counts every tap and every field that is typed."""

    def __init__(self, page, live):
        self.page, self.live, self.taps = page, live, 0
        self.noise = []
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.noise.append(str(error)))

    def hear(self, message):
        expected = "ERR_CONNECTION_REFUSED" in message.text or "Failed to load" in message.text
        if message.type == "error" and not expected:
            self.noise.append(message.text)

    def tap(self, selector):
        self.taps += 1
        self.page.locator(selector).first.click()

    def type(self, selector, text):
        self.taps += 1
        self.page.fill(selector, text)

    def sees(self, expression):
        return until(lambda: self.page.evaluate(expression))

    def opens(self, path="/field/"):
        self.page.goto(self.live.url + path)
        self.sees("document.documentElement.dataset.ready && !!document.querySelector('#page')")

    def enrols(self):
        self.opens(f"/field/enrol#{self.live.enrol_code()}")
        self.sees("document.querySelector('[name=code]').value.length > 7")
        self.tap("#main button[type=submit]")
        self.sees("!!document.querySelector('.names')")
        self.sees("!!navigator.serviceWorker.controller")

    def unlocks(self, username):
        name, pin = PINS[username]
        self.tap(f".names a:has-text('{name}')")
        self.sees("!!document.querySelector('.pad')")
        for digit in pin:
            self.tap(f"[data-digit='{digit}']")
        self.sees("!!document.querySelector('.tabs')")
        self.taps = 0

    def pill(self):
        return self.page.locator("#pill").get_attribute("data-state")

    def all_sent(self):
        until(lambda: self.pill() == "all_sent")

    def sends(self):
        """A whole exchange that begins now: all that was here is there, and the other way round."""
        self.opens("/field/me")
        self.sees(IDLE)
        before = self.page.evaluate(SENT_AT)
        self.tap("form[action='/field/me/send'] button")
        until(lambda: self.page.evaluate(SENT_AT) != before)
        self.all_sent()


def log(live, kind):
    """What the server has of a kind, in the order of judgement."""
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    rows = base.execute(
        "SELECT id, subject, status, payload, by FROM op WHERE kind = ? AND lineage IS NOT NULL"
        " ORDER BY place",
        (kind,),
    ).fetchall()
    base.close()
    return rows


OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALL = """[...document.querySelectorAll(
  'a, button, select, summary, textarea, input:not([type=hidden]):not(.sr)')]
  .filter((e) => e.checkVisibility() && !e.closest('.chip, .check, .sr'))
  .map((e) => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
  .filter(([, box]) => box.height < 47.5 || box.width < 47.5)"""
NAMELESS = """[...document.querySelectorAll(
  'a, button, select, textarea, input:not([type=hidden])')]
  .filter((e) => e.checkVisibility())
  .filter((e) => !(e.innerText || '').trim() && !e.ariaLabel && !e.labels?.length)
  .map((e) => e.outerHTML.slice(0, 80))"""
