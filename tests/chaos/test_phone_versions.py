"""Pages and workers of two versions at once: nobody loses what is half written."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from tests.browser.test_phone_storage import OPEN_TASK_BUTTON
from tests.live_server import LODGE_COMMAND
from tests.phone_page import PhonePage, logged_ops
from tests.wait_for import wait_for

ROOT = Path(__file__).parent.parent.parent
JS_APP_VERSION = "document.querySelector('script[type=module]').src.split('/')[5]"
TYPED_TEXT = "水从三楼下来"


def upgrade_server(live, folder):
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
            [LODGE_COMMAND, *words],
            env=live.env,
            cwd=live.folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    wait_for(live.is_healthy)


def test_a_new_worker_takes_over_and_a_half_written_form_stays(phone_page, live_server, tmp_path):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    old = phone_page.page.evaluate(JS_APP_VERSION)
    writer = PhonePage(phone_page.page.context.new_page(), live_server)
    writer.open("/field/tickets")
    writer.tap("details:has([name=contact]) > summary")
    writer.fill("textarea[name=details]", TYPED_TEXT)
    upgrade_server(live_server, tmp_path / "next")

    early = PhonePage(phone_page.page.context.new_page(), live_server)
    passing = early.page.context.new_cdp_session(early.page)
    passing.send("Network.enable")
    passing.send("Network.setBypassServiceWorker", {"bypass": True})
    early.open("/field/tasks")
    assert early.page.evaluate(JS_APP_VERSION) != old, "a new page with the worker before"
    early.tap(OPEN_TASK_BUTTON)
    early.wait_for_js("!!document.querySelector('.row[data-state=done]')")

    def moves_on():
        """By itself while nothing is being done there, else with one tap."""
        phone_page.page.evaluate(
            "navigator.serviceWorker.ready.then((r) => r.update()).then(() => true)"
        )
        if phone_page.page.locator("button[data-update]").is_visible():
            phone_page.page.locator("button[data-update]").click()
        return phone_page.page.evaluate(JS_APP_VERSION) != old

    wait_for(moves_on, timeout=40, interval=0.5)
    assert writer.page.evaluate(JS_APP_VERSION) == old, "an old page with the new worker"
    assert writer.page.input_value("textarea[name=details]") == TYPED_TEXT
    lazy = f"fetch('/field/build/{old}/field/outbox_export.js').then((r) => r.status)"
    assert writer.page.evaluate(lazy) == 200, "what it asks for later is still here"
    writer.tap("#main .primary")
    wait_for(lambda: writer.page.evaluate(JS_APP_VERSION) != old)
    for tab in (early, writer):
        tab.page.close()
    phone_page.sync_now()
    assert len(logged_ops(live_server, "task.complete")) == 1
    assert TYPED_TEXT in json.loads(logged_ops(live_server, "ticket.open")[0][3])["details"]
    phone_page.page.reload()
    wait_for(lambda: phone_page.page.evaluate(JS_CACHE_COUNT) == 1)
    assert (writer.console_errors, early.console_errors) == ([], [])


JS_CACHE_COUNT = (
    "caches.keys().then((all) => all.filter((name) => name.startsWith('lodge-')).length)"
)
