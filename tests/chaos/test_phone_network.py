"""A phone behind a portal, before a tired server, and with an op that nobody can take."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager

import pytest

from tests.browser.test_phone_storage import OPEN, ROWS, ticks
from tests.chaos.test_phone_tabs import HELD, UNSENT
from tests.hand import log
from tests.until import until

PAGE = b"<!doctype html><title>Wi-Fi</title><p>Please sign in to the Wi-Fi</p>"


class Portal(http.server.BaseHTTPRequestHandler):
    """Answers whatever is asked with its own page, or sends there."""

    status = 200

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        here = self.status == 200 or self.path == "/portal"
        self.send_response(200 if here else 302)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        if not here:
            self.send_header("Location", "/portal")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(PAGE)

    do_GET = do_POST = do_PUT = do_HEAD = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """It has nothing to say."""


@contextmanager
def portal(port, status):
    kind = type("Portal", (Portal,), {"status": status})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status", [200, 302])
def test_a_portal_replaces_nothing_and_answers_nothing(hand, live, picture, status):
    hand.enrols()
    hand.unlocks("ana")
    version = hand.page.evaluate(VERSION)
    before = hand.page.evaluate(CACHED)
    live.kill()
    with portal(live.port, status):
        ticks(hand, 1)
        hand.opens("/field/report")
        hand.page.set_input_files("[name=photos]", picture)
        hand.tap("#main .primary")
        hand.sees("!!document.querySelector('.said')")
        hand.page.evaluate("navigator.serviceWorker.ready.then((r) => r.update()).catch(() => {})")
        hand.opens("/field/me")
        hand.tap("form[action='/field/me/send'] button")
        until(lambda: hand.pill() == "no_network")
        assert hand.page.evaluate(VERSION) == version
        assert hand.page.evaluate(CACHED) == before
        assert hand.page.evaluate(UNSENT) == 2
        assert "1 张照片" in hand.page.inner_text(".meta")
    live.start()
    hand.sends()
    assert len(log(live, "task.complete")) == 1
    (sha256,) = json.loads(log(live, "ticket.open")[0][3])["photos"]
    until(lambda: list((live.folder / "var" / "photos").rglob(sha256)))
    hand.noise = [said for said in hand.noise if "service worker" not in said.lower()]


def test_a_phone_waits_twice_as_long_after_each_failure_and_not_at_all_after_a_success(hand):
    hand.page.add_init_script(HURRY)
    hand.enrols()
    hand.unlocks("ana")
    hand.page.route("**/sync/**", lambda route: route.abort())
    hand.page.evaluate("waits.length = 0")
    hand.tap(OPEN)
    waits = until(lambda: (w := hand.page.evaluate("waits")) and len(w) >= 12 and w)
    hand.page.unroute("**/sync/**")
    for place, wait in enumerate(waits[:12]):
        middle = min(300, 2**place)
        assert 0.5 <= wait / 1000 / middle <= 1.5, (place, waits)
    assert len({wait / 2**place for place, wait in enumerate(waits[:8])}) > 4, "each by chance"
    hand.all_sent()


def test_an_op_that_breaks_the_server_three_times_is_set_aside_and_holds_up_no_other(hand, live):
    hand.page.add_init_script(HURRY)
    hand.enrols()
    hand.unlocks("ana")
    sizes = []

    def fate(route):
        ops = json.loads(route.request.post_data)["ops"]
        if not any(op["n"] == 3 for op in ops):
            return route.continue_()
        sizes.append(len(ops))
        return route.fulfill(status=502, body="<html>bad gateway</html>")

    hand.page.route("**/sync/**", lambda route: route.abort())
    ticks(hand, 5)
    hand.page.unroute("**/sync/**")
    hand.page.route("**/push", fate)
    until(lambda: hand.pill() and len(log(live, "task.complete")) == 4)
    assert sizes[:3] == [5, 5, 5] and sizes[3] == 1

    def unsent():
        return [row["n"] for row in hand.page.evaluate(HELD) if row["state"] == "unsent"]

    until(lambda: unsent() == [3])
    until(lambda: hand.pill() == "busy")
    hand.page.unroute("**/push")
    hand.all_sent()
    assert len(log(live, "task.complete")) == 5
    assert hand.page.evaluate(ROWS, "ops") == 5


VERSION = "document.querySelector('script[type=module]').src"
CACHED = """(async () => {
  const all = [];
  for (const name of await caches.keys())
    for (const request of await (await caches.open(name)).keys())
      if (!request.url.endsWith("/field/trace")) all.push(`${name} ${request.url}`);
  return all.sort();
})()"""
HURRY = """
  const { setTimeout: later } = window;
  window.waits = [];
  window.setTimeout = (then, after = 0, ...more) => {
    if (after < 400 || [700, 5000, 8000, 60000].includes(after)) return later(then, after, ...more);
    window.waits.push(after);
    return later(then, 30, ...more);
  };
"""
"""Long waits are written down, and are over at once."""
