"""Background Sync: what waits is sent by the worker alone, after the page was closed."""

from __future__ import annotations

import pytest

from tests.hand import log
from tests.until import until

OPEN = ".row[data-state=open]:not(:has(.items)) > form button.tick"
DONE = "document.querySelectorAll('.row[data-state=done]').length"
TAGS = "navigator.serviceWorker.ready.then((worker) => worker.sync.getTags())"


@pytest.fixture
def wake(hand):
    """What the browser does when it finds a network: wakes the worker for what it was asked."""
    session = hand.page.context.new_cdp_session(hand.page)
    found = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated", lambda told: found.extend(told["registrations"])
    )

    def dispatch():
        (which,) = {one["registrationId"] for one in found if not one["isDeleted"]}
        asked = {"origin": hand.live.url, "registrationId": which, "tag": "lodge"}
        session.send("ServiceWorker.dispatchSyncEvent", {**asked, "lastChance": False})

    hand.enrols()
    session.send("ServiceWorker.enable")
    until(lambda: hand.page.evaluate("true") and found)
    return dispatch


def test_a_page_that_cannot_send_asks_to_be_sent_for_and_the_worker_sends(hand, live, wake):
    hand.unlocks("ana")
    live.kill()
    hand.tap(OPEN)
    hand.sees(f"{DONE} == 1")
    until(lambda: hand.page.evaluate(TAGS) == ["lodge"])
    hand.page.goto("about:blank")
    wake()
    assert log(live, "task.complete") == []
    live.start()
    until(lambda: wake() or log(live, "task.complete"))
    ((_, _, status, _, _),) = log(live, "task.complete")
    assert status == "applied"
