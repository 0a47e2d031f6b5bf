"""An outbox of many thousand ops drains in batches, while somebody goes on working."""

from __future__ import annotations

import json
import time

from tests.browser.test_phone_storage import OPEN_TASK_BUTTON
from tests.chaos.test_phone_tabs import JS_UNSENT_COUNT, server_chains
from tests.phone_page import logged_ops
from tests.soak import repeats
from tests.wait_for import wait_for

BACKLOG = repeats("phone_backlog_ops")


def test_a_long_outbox_drains_and_the_phone_stays_usable(phone_page, live_server, record_property):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    phone_page.page.evaluate(JS_FILL_OUTBOX, BACKLOG)
    assert phone_page.page.evaluate(JS_UNSENT_COUNT) == BACKLOG
    live_server.start()
    phone_page.open("/field/tasks")
    phone_page.page.evaluate(JS_OBSERVE_LONG_TASKS)
    begun, taps = time.monotonic(), []

    def drained():
        left = phone_page.page.evaluate(JS_UNSENT_COUNT)
        if left and len(taps) < 5:
            before = time.monotonic()
            phone_page.tap(OPEN_TASK_BUTTON)
            phone_page.wait_for_js(
                f"document.querySelectorAll('.row[data-state=done]').length > {len(taps)}"
            )
            taps.append(round(time.monotonic() - before, 3))
        return left == 0

    wait_for(drained, timeout=max(300, BACKLOG / 50), interval=0.1)
    took = time.monotonic() - begun
    longest = phone_page.page.evaluate("Math.max(0, ...window.long)")
    said = f"{BACKLOG} ops in {took:.1f} s, longest task {longest:.0f} ms, taps {taps} s"
    record_property("backlog", said)
    print(said)
    assert taps, "somebody worked meanwhile"
    ops, chains = server_chains(live_server)
    done = len(logged_ops(live_server, "task.complete"))
    assert len(taps) <= done, "what was seen to be done is done"
    assert len(ops) == len({id_ for id_, _ in ops}) == BACKLOG + done
    assert [(upto, gaps, lost) for upto, gaps, lost in chains] == [(len(ops), "[]", "[]")]
    assert json.loads(live_server.run("verify"))["differences"] == 0


JS_FILL_OUTBOX = """async (count) => {
  const root = document.querySelector("script[type=module]").src;
  const { appendOps } = await import(new URL("outbox.js", root));
  const { uuid7 } = await import(new URL("ids.js", root));
  const { currentUser } = await import(new URL("people.js", root));
  const { keysOf } = await import(new URL("signing.js", root));
  const { id } = await currentUser();
  const author = { id, keys: await keysOf(id) };
  const payload = { visitor: "W", purpose: "service" };
  for (let left = count; left > 0; left -= 500) {
    const some = Array.from({ length: Math.min(left, 500) }, () =>
      ({ kind: "visit.arrive", subject: uuid7(), payload, base: null }));
    const content = { form: "", kind: "visit.arrive", page: "", about: "", fields: {}, photos: [] };
    await appendOps(some, author, { token: uuid7(), content });
  }
}"""
JS_OBSERVE_LONG_TASKS = """() => {
  window.long = [];
  new PerformanceObserver((list) => window.long.push(...list.getEntries().map((e) => e.duration)))
    .observe({ type: "longtask" });
}"""
