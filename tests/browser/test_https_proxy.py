"""Behind a real proxy with TLS, set up as docs/install.md says: the desk, a phone, throttling."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl

import pytest

from server.maintenance.demo import demo_id
from server.maintenance.demo.ids import PASSWORD
from tests.conftest import CHROMIUM_ARGS, launch_browser, new_browser_context
from tests.https_proxy import HOST, HttpsProxy
from tests.live_server import LiveServer
from tests.phone_client import HttpTransport
from tests.phone_page import PhonePage, logged_ops
from tests.wait_for import wait_for

PLAIN_TASK_ROW = ".row[data-state=open]:not(:has(.items)):has([action*='task.complete'])"
WRONG_CODE = {"label": "x", "lineage": "11111111-1111-4111-8111-111111111111"}
FORWARDED = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def server(demo_template, tmp_path_factory):
    """The demo estate behind one proxy."""
    folder = tmp_path_factory.mktemp("proxied")
    shutil.copytree(demo_template, folder / "var")
    server = LiveServer(folder)
    server.env["LODGE_HOSTS"] = HOST
    server.start("--proxies", "1")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def proxy(server):
    """Caddy in front of the server, whose address is that of the proxy from then on."""
    proxy = HttpsProxy(server.folder / "caddy", server.port).start()
    server.url = proxy.url
    yield proxy
    proxy.stop()


@pytest.fixture
def secure_browser(driver):
    """A browser that finds the proxy by its name and accepts its certificate."""
    more = (f"--host-resolver-rules=MAP {HOST} 127.0.0.1", "--ignore-certificate-errors")
    browser = launch_browser(driver, (*CHROMIUM_ARGS, *more))
    yield browser
    browser.close()


def try_code(proxy, code, source, headers=None):
    body = json.dumps({**WRONG_CODE, "code": code}).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    return proxy.request("POST", "/sync/enrol", body, sent, source).status


@pytest.mark.asvs("3.3.1", "3.3.2", "3.3.3", "3.3.4", "3.4.1")
def test_somebody_signs_in_at_the_desk_through_the_proxy(proxy, secure_browser):
    context = secure_browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{proxy.url}/sign-in")
    page.fill("[name=username]", "ben")
    page.fill("[name=password]", PASSWORD)
    page.click("#main button[type=submit]")
    page.wait_for_url("**/desk/**")
    session = {cookie["name"]: cookie for cookie in context.cookies()}["__Host-lodge"]
    assert session["secure"] and session["httpOnly"] and session["sameSite"] in ("Lax", "Strict")
    assert all(cookie["name"].startswith("__Host-") for cookie in context.cookies())
    assert "max-age=63072000" in proxy.request("GET", "/").headers["Strict-Transport-Security"]
    context.close()


def test_a_phone_is_enrolled_ticks_offline_and_sends_a_photo_through_the_proxy(
    proxy, secure_browser, server, photo_file
):
    context = new_browser_context(secure_browser)
    hand = PhonePage(context.new_page(), server)
    hand.enrol("ana")
    hand.unlock("ana")
    proxy.stop()
    row = hand.page.locator(PLAIN_TASK_ROW).first.get_attribute("id")
    hand.tap(f"#{row} button.tick")
    hand.wait_for_js(f"document.getElementById('{row}').dataset.state == 'done'")
    proxy.start()
    hand.sync_now()
    assert [op[2] for op in logged_ops(server, "task.complete")] == ["applied"]
    hand.tap("a.tab[href='/field/tickets']")
    hand.wait_for_js("!!document.querySelector('.camera')")
    hand.page.set_input_files("[name=photos]", photo_file)
    hand.tap(".chip:has-text('漏水')")
    hand.tap("#main .primary")
    wait_for(lambda: logged_ops(server, "ticket.open"))
    (sha256,) = json.loads(logged_ops(server, "ticket.open")[0][3])["photos"]
    photos = server.folder / "var" / "photos" / demo_id("squirrel")
    wait_for(lambda: (photos / sha256).exists())
    assert hand.console_errors == []
    context.close()


@pytest.mark.asvs("4.1.3", "6.1.1", "15.3.4")
def test_each_client_is_throttled_by_its_own_address(proxy, server):
    guesses = [try_code(proxy, "AAAA-AAAA", "127.0.0.2") for _ in range(8)]
    assert guesses[0] != 429 and guesses[-1] == 429
    invented = [try_code(proxy, "AAAA-AAAA", "127.0.0.2", FORWARDED) for _ in range(2)]
    assert invented == [429, 429], "a client does not choose its address"
    assert try_code(proxy, server.new_enrolment_code(), "127.0.0.3") == 200
    looks = [proxy.request("GET", "/r/123", source="127.0.0.2").status for _ in range(32)]
    assert looks[-1] == 429
    assert proxy.request("GET", "/r/123", source="127.0.0.3").status == 404


@pytest.mark.asvs("4.1.3", "15.3.4")
def test_nobody_but_the_proxy_says_who_the_client_is(live_server):
    live_server.kill()
    live_server.start("--proxies", "1", "--proxy-address", "192.0.2.1")
    phone, answers = HttpTransport(live_server.url), []
    for number in range(8):
        sent = {"X-Forwarded-For": f"192.0.2.{number}", "X-Forwarded-Proto": "https"}
        body = json.dumps({**WRONG_CODE, "code": "AAAA-AAAA"}).encode()
        sent["Content-Type"] = "application/json"
        answers.append(phone.request("POST", "/sync/enrol", body, sent))
    assert answers[-1].status == 429
    assert not any("Strict-Transport-Security" in answer.headers for answer in answers)


@pytest.mark.asvs("12.1.1", "12.1.2")
def test_the_documented_proxy_speaks_new_versions_of_tls_only(proxy):
    with proxy.connect() as connection:
        assert connection.version() == "TLSv1.3"
    with proxy.connect(version=ssl.TLSVersion.TLSv1_2) as connection:
        name, _, bits = connection.cipher()
        assert connection.version() == "TLSv1.2" and bits >= 128
        assert name.startswith("ECDHE") and ("GCM" in name or "CHACHA20" in name)
    old_versions = pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated")
    with old_versions, pytest.raises(OSError, match=r"SSL|EOF|reset"):
        proxy.connect(version=ssl.TLSVersion.TLSv1_1)


@pytest.mark.asvs("4.1.2", "12.2.1")
def test_without_tls_the_proxy_leads_people_to_https_and_refuses_phones(proxy):
    answers = {}
    for path in ("/sign-in", "/sync/hello"):
        connection = http.client.HTTPConnection("127.0.0.1", proxy.http_port)
        connection.request("GET", path, headers={"Host": HOST})
        answers[path] = connection.getresponse()
        connection.close()
    assert answers["/sign-in"].status == 308
    assert answers["/sign-in"].headers["Location"].startswith(f"https://{HOST}")
    assert answers["/sync/hello"].status == 403
