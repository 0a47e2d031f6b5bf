"""From tap to swapped DOM on a phone that holds 10,000 occurrences, against an empty handler.

Real server, real browser, its processor slowed down four times. The floor is the same tap on the
same page, with the same htmx, answered by a constant.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from server import create_app
from server.demo import ident
from server.oplog import own, post_many
from sync.clock import iso
from tests.conftest import ARGS, CHROMIUM
from tests.hand import Hand
from tests.live import Live
from tests.until import until

OCCURRENCES, WAITING, TAPS, SLOWER, WARM = 10_000, 500, 40, 4, 3
AHEAD = timedelta(days=14)
GOALS = {"tap p50": 1.5, "tap p95": 3.0}


def measured(folder: Path) -> dict[str, tuple[float, float, float]]:
    """By name: milliseconds of the product, of the floor, and how often the floor fits in."""
    live = Live(folder)
    live.run("init", "--demo")
    with _at(folder):
        _plan()
    live.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
            taps, floor = _taps(live, browser.new_page(viewport={"width": 360, "height": 740}))
            browser.close()
    finally:
        live.kill()
    middle, base = statistics.median(taps), statistics.median(floor)
    worst = statistics.quantiles(taps, n=20)[-1]
    return {"tap p50": (middle, base, middle / base), "tap p95": (worst, base, worst / base)}


class _at:  # noqa: N801 - reads as the words that it stands for
    """This process for a moment in the data folder of the server that is measured."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder / "var")

    def __enter__(self) -> None:
        self.before = os.environ.get("LODGE_DATA_DIR")
        os.environ["LODGE_DATA_DIR"] = self.folder
        self.context = create_app().app_context()
        self.context.push()

    def __exit__(self, *_: object) -> None:
        self.context.pop()
        os.environ.pop("LODGE_DATA_DIR")
        if self.before is not None:
            os.environ["LODGE_DATA_DIR"] = self.before


def _plan() -> None:
    """As many occurrences as a large site has in two weeks; some dozens are due by now."""
    ops = list(_occurrences())
    for start in range(0, len(ops), 500):
        post_many(ident("squirrel"), ops[start : start + 500])


def _occurrences() -> Iterator[dict[str, Any]]:
    first = datetime.now(UTC) - timedelta(hours=2)
    for number in range(OCCURRENCES):
        start = first + AHEAD * number / OCCURRENCES
        window = {"window_start": iso(start), "window_end": iso(start + timedelta(hours=4))}
        yield own("task.plan", None, {**_duty(number), **window})


def _duty(number: int) -> dict[str, Any]:
    return {
        "schedule_id": ident("bench"),
        "code": "CL-05",
        "label": {"zh": f"任务{number}", "en": f"Task {number}"},
        "area_id": ident("squirrel", "garden"),
        "responsible_id": ident("squirrel", "ana"),
    }


def _taps(live: Live, page: Page) -> tuple[list[float], list[float]]:
    hand = Hand(page, live)
    hand.enrols()
    hand.unlocks("ana")
    until(lambda: page.evaluate(HELD) >= OCCURRENCES, within=120)
    live.kill()
    assert page.evaluate(WAIT, WAITING) == WAITING
    hand.opens()
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.evaluate(WATCH)
    product, floor = [], []
    for number in range(TAPS + WARM):
        for spent, empty in ((product, False), (floor, True)):
            took = page.evaluate(TAP, empty)
            if number >= WARM:
                spent.append(took)
    return product, floor


HELD = """() => new Promise((done, failed) => {
  const opening = indexedDB.open("lodge");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const asking = opening.result.transaction("records").objectStore("records")
      .count(IDBKeyRange.bound(["task", ""], ["task", "\\uffff"]));
    asking.onsuccess = () => { opening.result.close(); done(asking.result); };
  };
})"""
"""How many tasks lie on the phone."""

WAIT = """async (number) => {
  const rows = await new Promise((done, failed) => {
    const opening = indexedDB.open("lodge");
    opening.onerror = failed;
    opening.onsuccess = () => {
      const asking = opening.result.transaction("records").objectStore("records").index("opens")
        .getAll(IDBKeyRange.bound(["task", "0"], ["task", "\\uffff"]));
      asking.onsuccess = () => { opening.result.close(); done(asking.result); };
    };
  });
  const later = rows.filter((row) => row.opens > new Date().toISOString()).slice(-number);
  const form = new FormData();
  for (const row of later) form.append("subject", row.id);
  form.append("page", "tasks");
  await fetch("/field/ops/task.complete", { method: "POST", body: form });
  return later.length;
}"""
"""Ticks that wait to be sent, taken by the worker as from any form."""

WATCH = """() => {
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    if (!window.emptyHandler) return;
    const row = ctx.sourceElement.closest(".row").cloneNode(true);
    row.dataset.state = row.dataset.state === "done" ? "open" : "done";
    const html = row.outerHTML;
    const headers = { "Content-Type": "text/html", "HX-Push-Url": "false" };
    ctx.fetch = async () => new Response(html, { headers });
  });
}"""
"""The empty handler: answers a tap with the same row in the other state, and knows nothing."""

TAP = """async (empty) => {
  window.emptyHandler = empty;
  await new Promise((done) => setTimeout(done, 1200)); // redrawing after the tap before is over
  const row = document.querySelector(".row[data-state=open]");
  const id = row.id;
  const spent = await new Promise((done) => {
    const begun = performance.now();
    const watch = new MutationObserver(() => {
      if (document.getElementById(id)?.dataset.state !== "done") return;
      watch.disconnect();
      done(performance.now() - begun);
    });
    watch.observe(document.querySelector("#page"), {
      subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"],
    });
    row.querySelector("button.tick").click();
  });
  if (empty) document.getElementById(id).dataset.state = "open";
  return spent;
}"""
