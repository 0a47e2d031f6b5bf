"""A phone behind a portal, before a tired server, and with an op that nobody can take."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager

import pytest

from tests.browser.test_phone_storage import JS_STORE_ROWS, OPEN_TASK_BUTTON, tick_tasks
from tests.chaos.test_phone_tabs import JS_OUTBOX_ROWS, JS_UNSENT_COUNT
from tests.phone_page import logged_ops
from tests.wait_for import wait_for

PORTAL_PAGE = b"<!doctype html><title>Wi-Fi</title><p>Please sign in to the Wi-Fi</p>"


class CaptivePortalHandler(http.server.BaseHTTPRequestHandler):
    """Answers whatever is asked with its own page, or sends there."""

    status = 200

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        here = self.status == 200 or self.path == "/portal"
        self.send_response(200 if here else 302)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PORTAL_PAGE)))
        if not here:
            self.send_header("Location", "/portal")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(PORTAL_PAGE)

    do_GET = do_POST = do_PUT = do_HEAD = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """It has nothing to say."""


@contextmanager
def captive_portal(port, status):
    kind = type("Portal", (CaptivePortalHandler,), {"status": status})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status", [200, 302])
def test_a_portal_replaces_nothing_and_answers_nothing(phone_page, live_server, photo_file, status):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    version = phone_page.page.evaluate(JS_APP_URL)
    before = phone_page.page.evaluate(JS_CACHED_URLS)
    live_server.kill()
    with captive_portal(live_server.port, status):
        tick_tasks(phone_page, 1)
        phone_page.open("/field/tickets")
        phone_page.page.set_input_files("[name=photos]", photo_file)
        phone_page.tap("#main .primary")
        phone_page.page.wait_for_selector(".said[role=status]")
        phone_page.page.evaluate(
            "navigator.serviceWorker.ready.then((r) => r.update()).catch(() => {})"
        )
        phone_page.open("/field/me")
        phone_page.tap("form[action='/field/me/send'] button")
        wait_for(lambda: phone_page.sync_status() == "no_network")
        assert phone_page.page.evaluate(JS_APP_URL) == version
        assert phone_page.page.evaluate(JS_CACHED_URLS) == before
        assert phone_page.page.evaluate(JS_UNSENT_COUNT) == 2
        assert "1 张照片" in phone_page.page.inner_text(".meta")
    live_server.start()
    phone_page.sync_now()
    assert len(logged_ops(live_server, "task.complete")) == 1
    (sha256,) = json.loads(logged_ops(live_server, "ticket.open")[0][3])["photos"]
    wait_for(lambda: list((live_server.folder / "var" / "photos").rglob(sha256)))
    phone_page.console_errors = [
        said for said in phone_page.console_errors if "service worker" not in said.lower()
    ]


def test_a_phone_waits_twice_as_long_after_each_failure_and_not_at_all_after_a_success(phone_page):
    phone_page.page.add_init_script(JS_SHORTEN_TIMEOUTS)
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    phone_page.page.route("**/sync/**", lambda route: route.abort())
    phone_page.page.evaluate("waits.length = 0")
    phone_page.tap(OPEN_TASK_BUTTON)
    waits = wait_for(lambda: (w := phone_page.page.evaluate("waits")) and len(w) >= 12 and w)
    phone_page.page.unroute("**/sync/**")
    for place, wait in enumerate(waits[:12]):
        middle = min(300, 2**place)
        assert 0.5 <= wait / 1000 / middle <= 1.5, (place, waits)
    assert len({wait / 2**place for place, wait in enumerate(waits[:8])}) > 4, "each by chance"
    phone_page.wait_until_sent()


def test_an_op_that_breaks_the_server_three_times_is_set_aside_and_holds_up_no_other(
    phone_page, live_server
):
    phone_page.page.add_init_script(JS_SHORTEN_TIMEOUTS)
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    sizes = []

    def fate(route):
        ops = json.loads(route.request.post_data)["ops"]
        if not any(op["n"] == 3 for op in ops):
            return route.continue_()
        sizes.append(len(ops))
        return route.fulfill(status=502, body="<html>bad gateway</html>")

    phone_page.page.route("**/sync/**", lambda route: route.abort())
    tick_tasks(phone_page, 5)
    phone_page.page.route("**/push", fate)  # before the network is back: none gets through
    phone_page.page.unroute("**/sync/**")
    wait_for(
        lambda: phone_page.sync_status() and len(logged_ops(live_server, "task.complete")) == 4
    )
    assert sizes[:3] == [5, 5, 5] and sizes[3] == 1

    def unsent():
        return [
            row["n"] for row in phone_page.page.evaluate(JS_OUTBOX_ROWS) if row["state"] == "unsent"
        ]

    wait_for(lambda: unsent() == [3])
    wait_for(lambda: phone_page.sync_status() == "busy")
    phone_page.page.unroute("**/push")
    phone_page.wait_until_sent()
    assert len(logged_ops(live_server, "task.complete")) == 5
    assert phone_page.page.evaluate(JS_STORE_ROWS, "ops") == 5


JS_APP_URL = "document.querySelector('script[type=module]').src"
JS_CACHED_URLS = """(async () => {
  const all = [];
  for (const name of await caches.keys())
    for (const request of await (await caches.open(name)).keys())
      if (!request.url.endsWith("/field/trace")) all.push(`${name} ${request.url}`);
  return all.sort();
})()"""
JS_SHORTEN_TIMEOUTS = """
  const { setTimeout: later } = window;
  window.waits = [];
  window.setTimeout = (then, after = 0, ...more) => {
    if (after < 400 || [700, 5000, 8000, 60000].includes(after)) return later(then, after, ...more);
    window.waits.push(after);
    return later(then, 30, ...more);
  };
"""
"""Long waits are written down, and are over at once."""
