"""One phone, several hands at once: three tabs, and a worker that dies whenever it pleases."""

from __future__ import annotations

import json
import os
import random
import sqlite3

from tests.phone_page import PhonePage
from tests.soak import repeats
from tests.wait_for import wait_for

TABS, TAPS = 3, 30
KILLS = repeats("service_worker_kills")
SEED = int(os.environ.get("LODGE_SEED", "5"))


def server_chains(live):
    """Every op that came from a phone, with its place, and what the server thinks of the chains."""
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    ops = base.execute("SELECT id, n FROM op WHERE lineage IS NOT NULL ORDER BY n").fetchall()
    chains = base.execute("SELECT upto, gaps, lost FROM lineage").fetchall()
    base.close()
    return ops, chains


def assert_consistent(hand, live, count):
    """As many ops as taps, in one chain without a hole, each once, here and there."""
    ops, chains = server_chains(live)
    assert [n for _, n in ops] == list(range(1, count + 1))
    assert chains == [(count, "[]", "[]")]
    held = hand.page.evaluate(JS_OUTBOX_ROWS)
    assert sorted((row["n"], row["id"]) for row in held) == [(n, id_) for id_, n in ops]
    assert {row["state"] for row in held} == {"answered"}
    assert json.loads(live.run("verify"))["differences"] == 0


def test_three_tabs_at_once_make_one_chain_and_show_the_same(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    tabs = [
        phone_page,
        *(PhonePage(phone_page.page.context.new_page(), live_server) for _ in range(TABS - 1)),
    ]
    for place, tab in enumerate(tabs):
        tab.open("/field/tasks")
        tab.wait_for_js("document.querySelectorAll('.row button.tick').length > 3")
        tab.page.evaluate(
            f"(args) => void ({JS_TAP})(args).then(() => (window.tapped = true))",
            [TAPS, place, True],
        )
    for tab in tabs:
        wait_for(lambda tab=tab: tab.page.evaluate("window.tapped"), timeout=60)
    wait_for(lambda: len(server_chains(live_server)[0]) == TABS * TAPS)
    for tab in tabs:
        wait_for(lambda tab=tab: tab.sync_status() == "all_sent")
    wait_for(lambda: len({tab.page.evaluate(JS_ROW_STATES) for tab in tabs}) == 1)
    assert_consistent(phone_page, live_server, TABS * TAPS)
    assert [tab.console_errors for tab in tabs] == [[]] * TABS


def test_a_worker_that_is_killed_in_the_middle_of_sending_loses_and_doubles_nothing(
    phone_page, live_server
):
    print(f"to repeat: LODGE_SEED={SEED}")
    chance = random.Random(SEED)
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.page.route(
        "**/sync/**", lambda route: route.abort()
    )  # the page is silent: the worker sends
    registered = []
    workers = phone_page.page.context.new_cdp_session(phone_page.page)
    workers.on(
        "ServiceWorker.workerRegistrationUpdated", lambda e: registered.extend(e["registrations"])
    )
    workers.send("ServiceWorker.enable")
    wait_for(lambda: phone_page.page.evaluate("1") and registered)
    nudge = {
        "origin": live_server.url,
        "registrationId": registered[-1]["registrationId"],
        "tag": "lodge",
    }

    def send(last=False):
        workers.send("ServiceWorker.dispatchSyncEvent", {**nudge, "lastChance": last})

    for _ in range(KILLS):
        phone_page.page.evaluate(JS_TAP, [2, 0, False])
        send()
        phone_page.page.wait_for_timeout(chance.uniform(0, 120))
        workers.send("ServiceWorker.stopAllWorkers")

    def sent():
        send(last=True)
        return wait_for(lambda: phone_page.page.evaluate(JS_UNSENT_COUNT) == 0, timeout=3)

    wait_for(sent, timeout=60)
    assert_consistent(phone_page, live_server, KILLS * 2)


JS_ROW_STATES = """[...document.querySelectorAll('.row[id]')]
  .map((e) => e.id + e.dataset.state).sort().join()"""

JS_TAP = """async ([times, place, send]) => {
  const root = document.querySelector("script[type=module]").src;
  const { handleRequest } = await import(new URL("local_server.js", root));
  const { scheduleSync } = await import(new URL("sync.js", root));
  const row = document.querySelectorAll(".row:not(:has(.items)):has(> form button.tick)")[place];
  const address = `/field/ops/task.complete/${row.id.slice("task-".length)}`;
  const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
  for (; times; times--) {
    const tap = new Request(address, { method: "POST", headers, body: new FormData() });
    const { status } = await handleRequest(tap);
    if (status !== 200) throw new Error(`a tap got ${status}`);
    if (send) scheduleSync(20);
  }
}"""
"""As many taps on a row as one hand can do, each when the one before is shown."""

_JS_QUERY_OPS = """new Promise((done, failed) => {
  const opening = indexedDB.open("lodge");
  opening.onerror = failed;
  opening.onsuccess = () => {
    const asking = opening.result.transaction("ops").objectStore("ops").%s;
    asking.onsuccess = () => { opening.result.close(); done(%s); };
  };
})"""
JS_OUTBOX_ROWS = _JS_QUERY_OPS % (
    "getAll()",
    "asking.result.map(({ id, n, state }) => ({ id, n, state }))",
)
JS_UNSENT_COUNT = _JS_QUERY_OPS % ("index('state').count('unsent')", "asking.result")
