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

from tests.chaos.test_phone_tabs import HELD, SEED, UNSENT, balance
from tests.conftest import ARGS, CHROMIUM
from tests.hand import Hand, log
from tests.until import until

KILLS = int(os.environ.get("LODGE_BROWSER_KILLS", "8"))


class Chromium:
    """A browser in a process group of its own: a kill leaves nothing of it but its profile."""

    def __init__(self, kind: BrowserType, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.program = CHROMIUM or kind.executable_path

    @contextmanager
    def page(self) -> Iterator[Page]:
        words = [self.program, "--headless=new", "--remote-debugging-port=0", *ARGS]
        with (self.folder.parent / "chromium.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*words, f"--user-data-dir={self.folder}", "about:blank"],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            browser = self.kind.connect_over_cdp(until(self.address))
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
    browser, live, tmp_path
):
    print(f"to repeat: LODGE_SEED={SEED}")
    chance = random.Random(SEED)
    chromium = Chromium(browser.browser_type, tmp_path / "profile")
    with chromium.page() as page:
        hand = Hand(page, live)
        hand.enrols()
        hand.unlocks("ana")
        hand.page.wait_for_timeout(300)
    shown: set[str] = set()

    def heard(message):
        if message.text.startswith("shown "):
            shown.add(message.text.removeprefix("shown "))

    for _ in range(KILLS):
        with chromium.page() as page:
            page.on("console", heard)
            hand = Hand(page, live)
            hand.opens("/field/tasks")
            until(lambda: page.evaluate(READY), within=60)
            page.evaluate(TAP_ON)
            hand.page.wait_for_timeout(chance.uniform(20, 400))
    with chromium.page() as page:
        hand = Hand(page, live)
        hand.opens("/field/me")
        held = {row["id"] for row in hand.page.evaluate(HELD)}
        assert shown <= held, f"taps were lost, with LODGE_SEED={SEED}"
        assert len(shown) >= KILLS, "killed while it was written"
        hand.tap("form[action='/field/me/send'] button")
        until(lambda: hand.page.evaluate(UNSENT) == 0, within=60)
        balance(hand, live, len(held))


def spoil(profile: Path, chance: random.Random) -> int:
    """Rubbish in the middle of every file of the database; says how many there are."""
    files = [f for f in profile.glob("Default/IndexedDB/*.leveldb/*") if f.stat().st_size > 16]
    for file in files:
        raw = bytearray(file.read_bytes())
        for _ in range(max(64, len(raw) // 4)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        file.write_bytes(raw)
    return len(files)


def test_a_phone_whose_store_is_spoilt_says_what_was_on_it_and_works_again(browser, live, tmp_path):
    print(f"to repeat: LODGE_SEED={SEED}")
    chromium = Chromium(browser.browser_type, tmp_path / "profile")
    with chromium.page() as page:
        hand = Hand(page, live)
        hand.enrols()
        hand.unlocks("ana")
        until(lambda: page.evaluate(READY), within=60)
        hand.tap(TICK)
        hand.sees(DONE)
        hand.all_sent()
        live.kill()
        hand.tap(TICK)
        until(lambda: page.evaluate(UNSENT) == 1)
        until(lambda: json.loads(page.evaluate(TRACE))["unsent"] == 1)
        hand.page.wait_for_timeout(300)
    assert spoil(chromium.folder, random.Random(SEED)) > 2
    live.start()
    with chromium.page() as page:
        hand = Hand(page, live)
        hand.opens("/field/tasks")
        said = page.inner_text("#main [role=alert]")
        assert "1 had been sent" in said and "1 to send" in said
        hand.enrols()
        hand.unlocks("ana")
        until(lambda: page.evaluate(READY), within=60)
        hand.tap(TICK)
        until(lambda: len(log(live, "task.complete")) == 2)


TRACE = "localStorage.getItem('lodge-trace')"
TICK = ".row[data-state=open]:not(:has(.items)):has([action*='task.complete']) > form button.tick"
DONE = "!!document.querySelector('.row[data-state=done]')"
READY = "document.querySelectorAll('.row button.tick').length > 3"

TAP_ON = """() => {
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
