"""Where the app cannot run, a person reads why, and not an empty page."""

from __future__ import annotations

import pytest

from tests.conftest import ARGS, launched, profile
from tests.hand import NAMELESS, OVERFLOW, SMALL


def said(page, url):
    page.goto(f"{url}/field/enrol")
    words = page.locator("#main section:visible")
    words.wait_for()
    for check in (OVERFLOW, SMALL, NAMELESS):
        assert not page.evaluate(check)
    return words.inner_text()


def test_an_address_without_https_says_that_it_is_the_wrong_one(live, driver):
    browser = launched(driver, args=[*ARGS, "--host-resolver-rules=MAP lodge.example 127.0.0.1"])
    words = said(profile(browser).new_page(), live.url.replace("127.0.0.1", "lodge.example"))
    assert "网址要以 https:// 开头" in words and "It has to begin with https://" in words
    browser.close()


@pytest.mark.parametrize("lacks", ["delete AbortSignal.timeout", "delete Object.hasOwn"])
def test_a_browser_of_long_ago_is_told_to_be_updated(context, live, lacks):
    context.add_init_script(lacks)
    words = said(context.new_page(), live.url)
    assert "请更新浏览器" in words and "This browser is too old" in words


def test_a_browser_of_today_reads_neither(hand):
    hand.enrols()
    assert hand.page.locator("#insecure, #old").count() == 0
