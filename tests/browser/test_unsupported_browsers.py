"""Where the app cannot run, a person reads why, and not an empty page."""

from __future__ import annotations

import pytest

from tests.conftest import CHROMIUM_ARGS, launch_browser, new_browser_context
from tests.phone_page import JS_HORIZONTAL_OVERFLOW, JS_SMALL_TARGETS, JS_UNLABELLED_CONTROLS


def page_text(page, url):
    page.goto(f"{url}/field/enrol")
    words = page.locator("#main section:visible")
    words.wait_for()
    for check in (JS_HORIZONTAL_OVERFLOW, JS_SMALL_TARGETS, JS_UNLABELLED_CONTROLS):
        assert not page.evaluate(check)
    return words.inner_text()


def test_an_address_without_https_says_that_it_is_the_wrong_one(live_server, driver):
    live_server.stop()
    live_server.env["LODGE_HOSTS"] = "lodge.example"
    live_server.start()
    browser = launch_browser(
        driver, args=[*CHROMIUM_ARGS, "--host-resolver-rules=MAP lodge.example 127.0.0.1"]
    )
    words = page_text(
        new_browser_context(browser).new_page(),
        live_server.url.replace("127.0.0.1", "lodge.example"),
    )
    assert "网址要以 https:// 开头" in words and "It has to begin with https://" in words
    browser.close()


@pytest.mark.parametrize("lacks", ["delete AbortSignal.timeout", "delete Object.hasOwn"])
def test_a_browser_of_long_ago_is_told_to_be_updated(context, live_server, lacks):
    context.add_init_script(lacks)
    words = page_text(context.new_page(), live_server.url)
    assert "请更新浏览器" in words and "This browser is too old" in words


def test_a_browser_of_today_reads_neither(phone_page):
    phone_page.enrol()
    assert phone_page.page.locator("#insecure, #old").count() == 0
