"""Background Sync: what waits is sent by the worker alone, after the page was closed."""

from __future__ import annotations

import pytest

from tests.conftest import WHOLE_CHROMIUM, launch_browser
from tests.phone_page import logged_ops
from tests.wait_for import wait_for

OPEN_TASK_BUTTON = ".row[data-state=open]:not(:has(.items)) > form button.tick"
JS_DONE_COUNT = "document.querySelectorAll('.row[data-state=done]').length"
JS_SYNC_TAGS = "navigator.serviceWorker.ready.then((worker) => worker.sync.getTags())"


@pytest.fixture(scope="module")
def browser(driver):
    """The whole one: its engine alone wakes no worker."""
    kind = {} if WHOLE_CHROMIUM else {"channel": "chromium"}
    browser = launch_browser(driver, executable_path=WHOLE_CHROMIUM, **kind)
    yield browser
    browser.close()


@pytest.fixture
def fire_background_sync(phone_page):
    """What the browser does when it finds a network: wakes the worker for what it was asked."""
    session = phone_page.page.context.new_cdp_session(phone_page.page)
    found = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated", lambda told: found.extend(told["registrations"])
    )

    def dispatch():
        (which,) = {one["registrationId"] for one in found if not one["isDeleted"]}
        asked = {"origin": phone_page.server.url, "registrationId": which, "tag": "lodge"}
        session.send("ServiceWorker.dispatchSyncEvent", {**asked, "lastChance": False})

    phone_page.enrol()
    session.send("ServiceWorker.enable")
    wait_for(lambda: phone_page.page.evaluate("true") and found)
    return dispatch


def test_a_page_that_cannot_send_asks_to_be_sent_for_and_the_worker_sends(
    phone_page, live_server, fire_background_sync
):
    phone_page.unlock("ana")
    live_server.kill()
    phone_page.tap(OPEN_TASK_BUTTON)
    phone_page.wait_for_js(f"{JS_DONE_COUNT} == 1")
    wait_for(lambda: phone_page.page.evaluate(JS_SYNC_TAGS) == ["lodge"])
    phone_page.page.goto("about:blank")
    fire_background_sync()
    assert logged_ops(live_server, "task.complete") == []
    live_server.start()
    wait_for(lambda: fire_background_sync() or logged_ops(live_server, "task.complete"))
    ((_, _, status, _, _),) = logged_ops(live_server, "task.complete")
    assert status == "applied"
