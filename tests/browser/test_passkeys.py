"""Passkeys and Trusted Types in a browser; passkeys with the virtual authenticator of Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from server.maintenance.demo import PASSWORD
from tests.live_server import LiveServer

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.mark.asvs("6.3.3")
def test_somebody_adds_a_passkey_and_signs_in_with_it(
    browser: Browser, live_server: LiveServer
) -> None:
    """Afterwards the password alone opens nothing."""
    url = live_server.url.replace("127.0.0.1", "localhost")  # a passkey belongs to a name
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page, problems = context.new_page(), list[str]()
    page.on("pageerror", lambda error: problems.append(str(error)))
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    sign_in(page, url)
    page.wait_for_url("**/desk/")
    page.goto(f"{url}/desk/account/two-steps")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("button", name="Remove passkey")).to_be_visible()
    sign_out(page, url)
    page.goto(f"{url}/sign-in?next=/desk/account")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/desk/account")
    sign_out(page, url)
    sign_in(page, url)
    expect(page).to_have_url(re.compile("/sign-in/code$"))
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/desk/")
    assert problems == []
    context.close()


def sign_out(page: Page, url: str) -> None:
    """And wait for it: the next navigation would break it off."""
    page.locator(".me summary").click()
    page.locator("form[action='/sign-out'] button").click()
    page.wait_for_url(f"{url}/")


def sign_in(page, url: str) -> None:
    page.goto(f"{url}/sign-in")
    page.fill("[name=username]", "ben")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")


DRAW = """() => {
  const tries = [
    () => (document.createElement("div").innerHTML = "<b>x</b>"),
    () => new DOMParser().parseFromString("<b>x</b>", "text/html"),
    () => (document.createElement("script").text = "1"),
    () => trustedTypes.createPolicy("mine", {}),
    () => trustedTypes.createPolicy("lodge", {}),
  ];
  return tries.map((draw) => { try { draw(); return "drawn"; } catch (e) { return e.name; } });
}"""


@pytest.mark.asvs("3.2.2", "3.4.3")
@pytest.mark.parametrize("path", ["/sign-in", "/field/"])
def test_text_becomes_elements_in_our_own_module_alone(
    page: Page, live_server: LiveServer, path: str
) -> None:
    """Trusted Types, at the desk and on the phone: whatever else tries is refused."""
    page.goto(f"{live_server.url}{path}")
    expect(page.locator("main input:visible").first).to_be_visible()
    assert page.evaluate(DRAW) == ["TypeError"] * 5
