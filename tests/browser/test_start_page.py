"""Where somebody's work begins, after the PIN and at the address of the app."""

from __future__ import annotations

from tests.phone_page import JS_HORIZONTAL_OVERFLOW, JS_SMALL_TARGETS

LIT = ".tab[aria-current]"


def test_a_guard_a_supervisor_and_a_repair_worker_begin_where_their_work_is(phone_page):
    phone_page.page.set_viewport_size({"width": 320, "height": 740})
    phone_page.enrol()
    for username, start in (("chu", "patrol"), ("ben", "board"), ("lei", "jobs")):
        phone_page.unlock(username)
        phone_page.open("/field/")
        lit = phone_page.page.locator(LIT)
        assert [lit.nth(n).get_attribute("href") for n in range(lit.count())] == [f"/field/{start}"]
        assert phone_page.page.locator(".tab").count() == 5
        for check in (JS_HORIZONTAL_OVERFLOW, JS_SMALL_TARGETS):
            assert phone_page.page.evaluate(check) in (0, []), username
        phone_page.lock()
