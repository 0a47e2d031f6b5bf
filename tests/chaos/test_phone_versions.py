"""Pages and workers of two versions at once: nobody loses what is half written."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from tests.browser.test_phone_storage import OPEN
from tests.hand import Hand, log
from tests.live import LODGE
from tests.until import until

ROOT = Path(__file__).parent.parent.parent
VERSION = "document.querySelector('script[type=module]').src.split('/')[5]"
WORDS = "水从三楼下来"


def newer(live, folder):
    """The server goes on with the next version of the phone's program."""
    for name in ("server", "static", "sync", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    with (folder / "static/field/ids.js").open("a") as file:
        file.write("// the next version\n")
    live.kill()
    live.env["PYTHONPATH"] = str(folder)
    words = ("serve", "--host", "127.0.0.1", "--port", str(live.port))
    with live.log.open("ab") as log:  # a process of its own: what is forked has read this version
        live.process = subprocess.Popen(
            [LODGE, *words],
            env=live.env,
            cwd=live.folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until(live.answers)


def test_a_new_worker_takes_over_and_a_half_written_form_stays(hand, live, tmp_path):
    hand.enrols()
    hand.unlocks("ana")
    old = hand.page.evaluate(VERSION)
    writer = Hand(hand.page.context.new_page(), live)
    writer.opens("/field/report")
    writer.tap("details:has([name=contact]) > summary")
    writer.type("textarea[name=details]", WORDS)
    newer(live, tmp_path / "next")

    early = Hand(hand.page.context.new_page(), live)
    passing = early.page.context.new_cdp_session(early.page)
    passing.send("Network.enable")
    passing.send("Network.setBypassServiceWorker", {"bypass": True})
    early.opens("/field/tasks")
    assert early.page.evaluate(VERSION) != old, "a new page with the worker before"
    early.tap(OPEN)
    early.sees("!!document.querySelector('.row[data-state=done]')")

    def moves_on():
        """By itself while nothing is being done there, else with one tap."""
        hand.page.evaluate("navigator.serviceWorker.ready.then((r) => r.update()).then(() => true)")
        if hand.page.locator("button[data-update]").is_visible():
            hand.page.locator("button[data-update]").click()
        return hand.page.evaluate(VERSION) != old

    until(moves_on, within=40, every=0.5)
    assert writer.page.evaluate(VERSION) == old, "an old page with the new worker"
    assert writer.page.input_value("textarea[name=details]") == WORDS
    lazy = f"fetch('/field/build/{old}/field/outbox_export.js').then((r) => r.status)"
    assert writer.page.evaluate(lazy) == 200, "what it asks for later is still here"
    writer.tap("#main .primary")
    until(lambda: writer.page.evaluate(VERSION) != old)
    for tab in (early, writer):
        tab.page.close()
    hand.sends()
    assert len(log(live, "task.complete")) == 1
    assert WORDS in json.loads(log(live, "ticket.open")[0][3])["details"]
    hand.page.reload()
    until(lambda: hand.page.evaluate(CACHES) == 1)
    assert (writer.noise, early.noise) == ([], [])


CACHES = "caches.keys().then((all) => all.filter((name) => name.startsWith('lodge-')).length)"
