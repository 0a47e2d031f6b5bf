"""From tap to swapped DOM on a phone that holds 10,000 occurrences, against an empty handler.

Real server, real browser, its processor slowed down four times. The floor is the same tap on the
same page, with the same htmx, answered by a constant.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.bench.server import Line
from tests.bench.stand import Stand
from tests.conftest import launched
from tests.hand import Hand
from tests.live import Live
from tests.until import until

OCCURRENCES, WAITING, TAPS, SLOWER, WARM = 10_000, 500, 40, 4, 3
AHEAD = timedelta(days=14)


def measured(folder: Path) -> Iterator[Line]:
    """Milliseconds from the tap to the swapped row, and how often the floor fits in."""
    stand = Stand(folder)
    stand.duties(OCCURRENCES, AHEAD)
    live = stand.live.start()
    try:
        with sync_playwright() as playwright:
            browser = launched(playwright)
            taps, floor = _taps(live, browser.new_page(viewport={"width": 360, "height": 740}))
            browser.close()
    finally:
        live.kill()
    middle, base = statistics.median(taps), statistics.median(floor)
    worst = statistics.quantiles(taps, n=20)[-1]
    yield Line("tap p50", "ms", middle, base, "≤ 1.5")
    yield Line("tap p95", "ms", worst, middle, "≤ 3")


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
