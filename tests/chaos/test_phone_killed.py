"""A browser that is killed while it writes: what was tapped is on the phone or at the server."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import BrowserType, Error, Page

from tests.chaos.test_phone_tabs import JS_OUTBOX_ROWS, JS_UNSENT_COUNT, SEED, assert_consistent
from tests.conftest import CHROMIUM, CHROMIUM_ARGS
from tests.phone_page import PhonePage, logged_ops
from tests.soak import repeats
from tests.wait_for import wait_for

KILLS = repeats("browser_kills")


class ChromiumProcess:
    """A browser in a process group of its own: a kill leaves nothing of it but its profile."""

    def __init__(self, kind: BrowserType, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.program = CHROMIUM or kind.executable_path

    @contextmanager
    def page(self) -> Iterator[Page]:
        words = [self.program, "--headless=new", "--remote-debugging-port=0", *CHROMIUM_ARGS]
        with (self.folder.parent / "chromium.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*words, f"--user-data-dir={self.folder}", "about:blank"],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            browser = self.kind.connect_over_cdp(wait_for(self.address))
            yield browser.contexts[0].pages[0]
        finally:
            self.kill()
            with suppress(Error):
                browser.close()

    def address(self) -> str:
        said = (self.folder.parent / "chromium.log").read_text()
        return "http://" + re.search(r"ws://(\S+?)/devtools", said)[1]

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(15)
        shutil.rmtree(self.folder / "Singleton", ignore_errors=True)


def test_a_browser_that_is_killed_while_it_writes_keeps_every_tap_that_it_showed(
    browser, live_server, tmp_path
):
    print(f"to repeat: LODGE_SEED={SEED}")
    chance = random.Random(SEED)
    chromium = ChromiumProcess(browser.browser_type, tmp_path / "profile")
    with chromium.page() as page:
        hand = PhonePage(page, live_server)
        hand.enrol("ana")
        hand.unlock("ana")
        hand.page.wait_for_timeout(300)
    shown: set[str] = set()

    def heard(message):
        if message.text.startswith("shown "):
            shown.add(message.text.removeprefix("shown "))

    for _ in range(KILLS):
        with chromium.page() as page:
            page.on("console", heard)
            hand = PhonePage(page, live_server)
            hand.open("/field/tasks")
            wait_for(lambda: page.evaluate(JS_LIST_READY), timeout=60)
            page.evaluate(JS_TAP_REPEATEDLY)
            hand.page.wait_for_timeout(chance.uniform(20, 400))
    with chromium.page() as page:
        hand = PhonePage(page, live_server)
        hand.open("/field/me")
        held = {row["id"] for row in hand.page.evaluate(JS_OUTBOX_ROWS)}
        assert shown <= held, f"taps were lost, with LODGE_SEED={SEED}"
        assert len(shown) >= KILLS, "killed while it was written"
        hand.tap("form[action='/field/me/send'] button")
        wait_for(lambda: hand.page.evaluate(JS_UNSENT_COUNT) == 0, timeout=60)
        assert_consistent(hand, live_server, len(held))


def corrupt_profile(profile: Path, chance: random.Random) -> int:
    """Rubbish in the middle of every file of the database; says how many there are."""
    files = [f for f in profile.glob("Default/IndexedDB/*.leveldb/*") if f.stat().st_size > 16]
    for file in files:
        raw = bytearray(file.read_bytes())
        for _ in range(max(64, len(raw) // 4)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        file.write_bytes(raw)
    return len(files)


def test_a_phone_whose_store_is_spoilt_says_what_was_on_it_and_works_again(
    browser, live_server, tmp_path
):
    print(f"to repeat: LODGE_SEED={SEED}")
    chromium = ChromiumProcess(browser.browser_type, tmp_path / "profile")
    with chromium.page() as page:
        hand = PhonePage(page, live_server)
        hand.enrol("ana")
        hand.unlock("ana")
        wait_for(lambda: page.evaluate(JS_LIST_READY), timeout=60)
        hand.tap(TICK_BUTTON)
        hand.wait_for_js(JS_HAS_DONE_ROW)
        wait_for(lambda: page.evaluate(JS_UNSENT_COUNT) == 0)
        live_server.kill()
        hand.tap(TICK_BUTTON)
        wait_for(lambda: page.evaluate(JS_UNSENT_COUNT) == 1)
        wait_for(lambda: json.loads(page.evaluate(JS_LOSS_MARKER))["unsent"] == 1)
    assert corrupt_profile(chromium.folder, random.Random(SEED)) > 2
    live_server.start()
    with chromium.page() as page:
        hand = PhonePage(page, live_server)
        hand.open("/field/tasks")
        said = page.inner_text("#main [role=alert]")
        assert "1 record was already sent" in said and "1 to send" in said
        hand.enrol("ana")
        hand.unlock("ana")
        wait_for(lambda: page.evaluate(JS_LIST_READY), timeout=60)
        hand.tap(TICK_BUTTON)
        hand.wait_for_js(JS_HAS_TWO_DONE_ROWS)
        wait_for(lambda: len(logged_ops(live_server, "task.complete")) == 2)


JS_LOSS_MARKER = """caches.open("trace").then((cache) => cache.match("/field/trace"))
  .then((response) => response?.text())"""
TICK_BUTTON = (
    ".row[data-state=open]:not(:has(.items)):has([action*='task.complete']) > form button.tick"
)
JS_HAS_DONE_ROW = "!!document.querySelector('.row[data-state=done]')"
JS_HAS_TWO_DONE_ROWS = "document.querySelectorAll('.row[data-state=done]').length > 1"
JS_LIST_READY = "document.querySelectorAll('.row button.tick').length > 3"

JS_TAP_REPEATEDLY = """() => {
  const on = async () => {
    const root = document.querySelector("script[type=module]").src;
    const { handleRequest } = await import(new URL("local_server.js", root).href);
    const { recentOps } = await import(new URL("outbox.js", root).href);
    const { scheduleSync } = await import(new URL("sync.js", root).href);
    const [row] = document.querySelectorAll(".row:not(:has(.items)):has(> form button.tick)");
    const address = `/field/ops/task.complete/${row.id.slice("task-".length)}`;
    const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
    for (;;) {
      const tap = new Request(address, { method: "POST", headers, body: new FormData() });
      const { status } = await handleRequest(tap);
      if (status !== 200) return console.log(`a tap got ${status}`);
      const [last] = await recentOps(1);
      console.log(`shown ${last.id}`);
      if (Math.random() < 0.1) scheduleSync(0);
    }
  };
  on();
}"""
"""Taps without end, and says which are shown as done."""
