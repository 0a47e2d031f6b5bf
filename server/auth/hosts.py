"""Refuses requests for a host name that is not the server's.

Another name that leads here was made by somebody else, whose pages would share its origin.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from flask import Flask

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
HOST_PATTERN = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::\d{1,5})?")
MAX_HOST_LENGTH = 260

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Lodge</title></head><body>
<h1>Unknown address · 地址不对</h1>
<p>This server does not know the name in the address. Check the address.
For the operator: the setting LODGE_HOSTS lists the names of this server.</p>
<p lang="zh-CN">服务器不认识这个网址。请检查网址。管理员：请把网址写入设置 LODGE_HOSTS。</p>
</body></html>""".encode()
HEADERS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Length", str(len(PAGE))),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
]


class KnownHosts:
    """WSGI middleware around the application: 421 for any other host.

    `HOSTS` of the configuration lists names, with commas; `*.example.org` stands for every name
    below example.org. Without it, the name of this machine and bare IP addresses are known: an
    address cannot be made to lead elsewhere. The loopback names always are.
    """

    def __init__(self, app: Flask) -> None:
        self.app, self.wrapped_app = app, app.wsgi_app

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if is_known_host(environ.get("HTTP_HOST"), self.app.config.get("HOSTS")):
            return self.wrapped_app(environ, start_response)
        start_response("421 Misdirected Request", HEADERS)
        return [PAGE]


def is_known_host(header: str | None, setting: str | None) -> bool:
    """Whether the Host header of a request names this server. `setting` is that of LODGE_HOSTS."""
    if header is None:
        return True  # a probe that speaks HTTP/1.0: every browser sends one
    host = host_name(header)
    if host is None:
        return False
    if host in LOOPBACK:
        return True
    names = [name for name in re.split(r"[\s,]+", (setting or "").lower()) if name]
    if not names:
        return _is_address(host) or host in _machine_names()
    return any(
        host.endswith(name[1:]) if name.startswith("*.") else host == host_name(name)
        for name in names
    )


def host_name(header: str | None) -> str | None:
    """The name in a Host header, in lower case and without the port; None if it is not a name."""
    text = (header or "").strip().lower()
    found = HOST_PATTERN.fullmatch(text) if len(text) <= MAX_HOST_LENGTH else None
    if found is None or any(len(part) > 63 for part in found[1].split(".")):
        return None
    try:
        found[1].encode().decode("idna")  # as Werkzeug does when it builds an address
    except UnicodeError:
        return None
    return found[1]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@cache
def _machine_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    return frozenset({name, f"{name}.local"})
