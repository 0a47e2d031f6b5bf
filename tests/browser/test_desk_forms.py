"""Forms of the desk in a browser: focus, folds, drafts, a double click, the end of the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from server.maintenance.demo import PASSWORD
from tests.live_server import LiveServer

TYPED = "楼道灯 is dark, and more words"


@pytest.fixture
def desk(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """The form for a new ticket at the desk."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.set_default_timeout(15_000)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{live_server.url}/sign-in")
    sign_in(page)
    page.goto(f"{live_server.url}/desk/tickets/new")
    yield page
    assert problems == []
    context.close()


def sign_in(page: Page, username: str = "ben") -> None:
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/desk/**")


def details(page: Page):
    return page.locator("[name=details]").first


def fill_ticket(page: Page, text: str = TYPED) -> None:
    details(page).fill(text)
    form = page.locator("form:has([name=details])").first
    form.locator("[name=channel]").select_option("phone")
    form.locator("[name=contact]").fill("1203")


def test_what_is_typed_survives_reload_back_and_discards_with_one_tap(desk: Page) -> None:
    fill_ticket(desk)
    desk.reload()
    expect(details(desk)).to_have_value(TYPED)
    expect(details(desk)).to_be_visible()
    desk.goto(desk.url.replace("/tickets/new", "/people/"))
    desk.go_back()
    expect(details(desk)).to_have_value(TYPED)
    desk.locator("[data-discard]").first.click()
    expect(details(desk)).to_have_value("")
    desk.reload()
    expect(details(desk)).to_have_value("")


def test_a_choice_comes_back_to_the_same_choice_of_a_page_drawn_otherwise(desk: Page) -> None:
    """The draft of a list of check boxes names what was ticked, not the place in the list."""
    address = desk.url.replace("/tickets/new", "/work/weather")
    desk.goto(address)
    free = "[name=areas]:not(:checked)"
    first, second = (desk.locator(free).nth(place).get_attribute("value") for place in range(2))
    for each in (first, second):
        desk.locator(f"[name=areas][value='{each}']").check()
    desk.route(
        address,
        lambda route: route.fulfill(
            body=(answer := route.fetch()).text().replace(f'value="{first}"', 'value="other"'),
            headers=answer.headers,
        ),
    )
    desk.reload()
    expect(desk.locator(f"[name=areas][value='{second}']")).to_be_checked()
    assert not desk.locator("[name=areas][value=other]").is_checked()


def test_a_refusal_focuses_the_field_and_saving_twice_saves_once(desk: Page) -> None:
    fill_ticket(desk)
    form = desk.locator("form:has([name=details])").first
    desk.evaluate("document.querySelector('[name=contact]').removeAttribute('maxlength')")
    form.locator("[name=contact]").fill("x" * 900)
    form.locator("button[type=submit]").click()
    contact = desk.locator("[name=contact][aria-invalid=true]")
    expect(contact).to_be_focused()
    desk.wait_for_load_state()  # the field has the focus before the page's scripts have run
    expect(contact).to_have_value("x" * 900)
    expect(details(desk)).to_have_value(TYPED)
    contact.fill("1203")
    said = desk.evaluate(
        """() => {
          const form = document.querySelector("form:has([name=details])");
          const button = form.querySelector("button[type=submit]");
          button.click();
          button.click();
          return button.textContent;
        }"""
    )
    assert said == "Saving…"
    expect(desk.locator(".good[role=status]")).to_have_text("✓ Saved.")
    desk.goto(f"{desk.url.partition('/desk/')[0]}/desk/tickets/")
    assert desk.get_by_text(TYPED).count() == 1
    desk.goto(f"{desk.url}new")
    expect(details(desk)).to_have_value("")


def test_the_page_is_where_it_was_after_saving(desk: Page, live_server: LiveServer) -> None:
    desk.context.clear_cookies()
    desk.goto(f"{live_server.url}/sign-in")
    sign_in(desk, "mei")
    desk.set_viewport_size({"width": 1280, "height": 300})
    desk.goto(f"{live_server.url}/desk/rules/")
    desk.get_by_text("Time for statements").click()
    hours = desk.locator("[name=statement_hours]")
    hours.fill("72")
    desk.locator("form:has([name=statement_hours]) button").click()
    expect(desk.locator(".good[role=status]")).to_be_attached()
    expect(hours).to_have_value("72")
    expect(hours).to_be_visible()  # the fold is open as it was
    desk.wait_for_function("scrollY > 0")


def test_a_session_that_ends_gives_the_text_back(desk: Page, live_server: LiveServer) -> None:
    fill_ticket(desk)
    desk.context.clear_cookies(name="lodge")
    desk.locator("form:has([name=details]) button[type=submit]").first.click()
    expect(desk.locator("[name=username]")).to_be_visible()
    assert TYPED not in desk.content()
    sign_in(desk)
    expect(details(desk)).to_have_value(TYPED)
    expect(details(desk)).to_be_visible()


def test_the_page_warns_before_the_session_ends(desk: Page) -> None:
    bar = desk.locator("#session-bar")
    expect(bar).to_be_hidden()
    ends = '{"idle": 240, "total": 9999}'
    desk.route("**/desk/session", lambda route: route.fulfill(body=ends))
    desk.route(
        "**/desk/tickets/new",
        lambda route: route.fulfill(
            body=(answer := route.fetch()).text().replace("data-idle", 'data-idle="240" data-was'),
            headers=answer.headers,
        ),
    )
    desk.reload()
    expect(bar).to_be_visible()
    expect(bar).to_contain_text("4 min")
    desk.unroute("**/desk/session")
    bar.get_by_role("button", name="Stay signed in").click()
    expect(bar).to_be_hidden()
