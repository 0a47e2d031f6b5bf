"""Requests for unknown host names are refused, before anything else is done with them."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from server.auth.hosts import is_known_host


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


@pytest.mark.parametrize(
    ("host", "setting", "known"),
    [
        ("localhost:8000", None, True),
        ("LOCALHOST", "lodge.example.org", True),
        ("127.0.0.1:8000", "lodge.example.org", True),
        ("[::1]:8000", "lodge.example.org", True),
        ("192.168.1.20:8000", None, True),
        ("[fe80::1]", None, True),
        ("192.168.1.20:8000", "lodge.example.org", False),
        ("lodge.example.org", None, False),
        ("lodge.example.org", "lodge.example.org", True),
        ("Lodge.Example.org.:443", "other.example, lodge.example.org", True),
        ("evil.example", "lodge.example.org", False),
        ("lodge.example.org.evil.example", "lodge.example.org", False),
        ("a.example.org", "*.example.org", True),
        ("example.org", "*.example.org", False),
        ("evilexample.org", "*.example.org", False),
        ("a..b", None, False),
        ("", None, False),
        ("a b", None, False),
        ("lodge.example.org@evil.example", "lodge.example.org", False),
        ("x" * 64 + ".example.org", "*.example.org", False),
        ("x." * 200 + "example.org", "*.example.org", False),
        ("localhost:99999999", None, False),
        ("\u5c0f\u533a.example.org", "*.example.org", False),
        ("1.2.3.4.5", None, False),
        ("xn--.example.org", "*.example.org", False),
    ],
)
def test_known_hosts(host, setting, known):
    assert is_known_host(host, setting) == known


@pytest.mark.parametrize(
    "host", ["evil.example", "a..b", "a b", "xn--", "[::1", "localhost:", "%00"]
)
@pytest.mark.parametrize("path", ["/", "/sign-in", "/sync/enrol", "/desk/", "/nowhere"])
def test_an_unknown_host_gets_a_page_that_needs_no_address(app, host, path):
    environ = {**EnvironBuilder(path).get_environ(), "HTTP_HOST": host}
    body, status, headers = run_wsgi_app(app.wsgi_app, environ)
    page = b"".join(body).decode()
    assert status.startswith("421")
    assert "LODGE_HOSTS" in page and "网址" in page
    assert "location" not in headers


def test_the_setting_names_the_hosts(app, client):
    app.config["HOSTS"] = "lodge.example.org"
    assert client.get("/sign-in", headers={"Host": "lodge.example.org"}).status_code == 200
    assert client.get("/sign-in", headers={"Host": "192.168.1.20"}).status_code == 421
