"""An outbox of many thousand ops drains in batches, while somebody goes on working."""

from __future__ import annotations

import json
import os
import time

from tests.browser.test_phone_storage import OPEN
from tests.chaos.test_phone_tabs import UNSENT, books
from tests.hand import log
from tests.until import until

BACKLOG = int(os.environ.get("LODGE_OUTBOX", "5000"))


def test_a_long_outbox_drains_and_the_phone_stays_usable(hand, live, record_property):
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    hand.page.evaluate(PILE_UP, BACKLOG)
    assert hand.page.evaluate(UNSENT) == BACKLOG
    live.start()
    hand.opens("/field/tasks")
    hand.page.evaluate(WATCH)
    begun, taps = time.monotonic(), []

    def drained():
        left = hand.page.evaluate(UNSENT)
        if left and len(taps) < 5:
            before = time.monotonic()
            hand.tap(OPEN)
            hand.sees(f"document.querySelectorAll('.row[data-state=done]').length > {len(taps)}")
            taps.append(round(time.monotonic() - before, 3))
        return left == 0

    until(drained, within=max(60, BACKLOG / 50), every=0.1)
    took = time.monotonic() - begun
    longest = hand.page.evaluate("Math.max(0, ...window.long)")
    said = f"{BACKLOG} ops in {took:.1f} s, longest task {longest:.0f} ms, taps {taps} s"
    record_property("backlog", said)
    print(said)
    assert taps, "somebody worked meanwhile"
    ops, chains = books(live)
    done = len(log(live, "task.complete"))
    assert len(taps) <= done, "what was seen to be done is done"
    assert len(ops) == len({id_ for id_, _ in ops}) == BACKLOG + done
    assert [(upto, gaps, lost) for upto, gaps, lost in chains] == [(len(ops), "[]", "[]")]
    assert json.loads(live.run("verify"))["differences"] == 0


PILE_UP = """async (count) => {
  const root = document.querySelector("script[type=module]").src;
  const { appendOps } = await import(new URL("outbox.js", root));
  const { uuid7 } = await import(new URL("ids.js", root));
  const { currentUser } = await import(new URL("people.js", root));
  const { id } = await currentUser();
  const payload = { visitor: "W", purpose: "service" };
  for (let left = count; left > 0; left -= 500) {
    const some = Array.from({ length: Math.min(left, 500) }, () =>
      ({ kind: "visit.arrive", subject: uuid7(), payload, base: null }));
    await appendOps(some, id);
  }
}"""
WATCH = """() => {
  window.long = [];
  new PerformanceObserver((list) => window.long.push(...list.getEntries().map((e) => e.duration)))
    .observe({ type: "longtask" });
}"""
