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

from tests.bench.bench_site import BenchSite
from tests.bench.server_benchmarks import Figure
from tests.conftest import launch_browser
from tests.live_server import LiveServer
from tests.phone_page import PhonePage
from tests.wait_for import wait_for

OCCURRENCES, OUTBOX_SIZE, TAPS, CPU_SLOWDOWN, WARM_UP_TAPS = 10_000, 500, 40, 4, 3
PLAN_SPAN = timedelta(days=14)


def measure(folder: Path) -> Iterator[Figure]:
    """Milliseconds from the tap to the swapped row, and how often the floor fits in."""
    stand = BenchSite(folder)
    stand.plan_tasks(OCCURRENCES, PLAN_SPAN)
    live = stand.server.start()
    try:
        with sync_playwright() as playwright:
            browser = launch_browser(playwright)
            taps, floor = _measure_taps(
                live, browser.new_page(viewport={"width": 360, "height": 740})
            )
            browser.close()
    finally:
        live.kill()
    middle, base = statistics.median(taps), statistics.median(floor)
    worst = statistics.quantiles(taps, n=20)[-1]
    yield Figure("tap p50", "ms", middle, base, "≤ 1.5")
    yield Figure("tap p95", "ms", worst, middle, "≤ 3")


def _measure_taps(live: LiveServer, page: Page) -> tuple[list[float], list[float]]:
    hand = PhonePage(page, live)
    hand.enrol()
    hand.unlock("ana")
    wait_for(lambda: page.evaluate(JS_OUTBOX_COUNT) >= OCCURRENCES, timeout=120)
    live.kill()
    assert page.evaluate(JS_FILL_OUTBOX, OUTBOX_SIZE) == OUTBOX_SIZE
    hand.open()
    page.context.new_cdp_session(page).send(
        "Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN}
    )
    page.evaluate(JS_OBSERVE_SWAPS)
    product, floor = [], []
    for number in range(TAPS + WARM_UP_TAPS):
        for spent, empty in ((product, False), (floor, True)):
            took = page.evaluate(JS_TAP, empty)
            if number >= WARM_UP_TAPS:
                spent.append(took)
    return product, floor


JS_OUTBOX_COUNT = """() => new Promise((done, failed) => {
  const opening = indexedDB.open("lodge");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const asking = opening.result.transaction("records").objectStore("records")
      .count(IDBKeyRange.bound(["task", ""], ["task", "\\uffff"]));
    asking.onsuccess = () => { opening.result.close(); done(asking.result); };
  };
})"""
"""How many tasks lie on the phone."""

JS_FILL_OUTBOX = """async (number) => {
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

JS_OBSERVE_SWAPS = """() => {
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

JS_TAP = """async (empty) => {
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
