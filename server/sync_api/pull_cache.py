"""WSGI response cache for `POST /sync/<site>/pull`. A hit skips Flask.

The key is the site, its position with the phone's people (`DeviceIdentity.feed_position`) and the
request body. Phones of the same people at the same cursor send the same body, so the page made for
one phone answers the next. The query that identifies the phone by its token also returns position
and people, so a hit costs one query.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any, NamedTuple

from cachetools import LRUCache
from flask import Flask, request
from sqlalchemy.exc import OperationalError

from server.auth.devices import DeviceIdentity, identify_device

MAX_CACHE_BYTES, MAX_PAGE_BYTES = 8 * 1024 * 1024, 64 * 1024
"""Of all pages together, and of one page: larger ones belong to a first sync, and are not asked
for again."""

MAX_PULL_BODY_BYTES = 2000
"""Pull requests are shorter than this; a longer body is not read here."""

CACHEABLE_KEY = "lodge.cacheable"

Headers = list[tuple[str, str]]
Environ = dict[str, Any]


class CachedResponse(NamedTuple):
    """A complete response of status 200."""

    headers: Headers
    body: bytes


def mark_cacheable() -> None:
    """Mark the response to the current request as the same for every request with its key."""
    request.environ[CACHEABLE_KEY] = True


class PullCache:
    """WSGI middleware around the application."""

    def __init__(self, app: Flask) -> None:
        self.app, self.wrapped_app = app, app.wsgi_app
        self.responses: LRUCache[Any, CachedResponse] = LRUCache(
            MAX_CACHE_BYTES, getsizeof=lambda page: len(page.body)
        )
        self.lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        key = self._key(environ)
        if key is None:
            return self.wrapped_app(environ, start_response)
        with self.lock:
            page = self.responses.get(key)
        if page is None:
            return self._respond_and_store(key, environ, start_response)
        start_response("200 OK", page.headers)
        return [page.body]

    def _key(self, environ: Environ) -> tuple[Any, ...] | None:
        """Everything that a page depends on; None for any other request."""
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] != "POST" or not path.endswith("/pull"):
            return None
        phone, body = self._phone(environ), _peek_body(environ)
        if phone is None or phone.is_revoked or body is None:
            return None
        if path != f"/sync/{phone.site_id}/pull":
            return None
        headers = (environ.get("HTTP_ACCEPT_ENCODING"), environ["wsgi.url_scheme"])
        return phone.site_id, phone.feed_position, body, *headers

    def _phone(self, environ: Environ) -> DeviceIdentity | None:
        try:
            with self.app.app_context():
                return identify_device(environ)
        except OperationalError:
            return None  # the application meets the same error, and answers it

    def _respond_and_store(
        self, key: Any, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        status, headers, body = self._call_app(environ)
        if status.startswith("200") and environ.get(CACHEABLE_KEY) and len(body) <= MAX_PAGE_BYTES:
            with self.lock:
                self.responses[key] = CachedResponse(headers, body)
        start_response(status, headers)
        return [body]

    def _call_app(self, environ: Environ) -> tuple[str, Headers, bytes]:
        started: list[tuple[str, Headers]] = []

        def start_response(status: str, headers: Headers, *_: Any) -> Callable[[bytes], None]:
            started.append((status, headers))
            return _reject_write

        parts = self.wrapped_app(environ, start_response)
        try:
            body = b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
        return *started[-1], body


def _reject_write(_: bytes) -> None:
    raise NotImplementedError("Flask returns its response and does not use write().")


def _peek_body(environ: Environ) -> bytes | None:
    """The body of a short plain request, which stays readable for the application; or None."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if (
        not length.isdigit()
        or not 0 < int(length) < MAX_PULL_BODY_BYTES
        or "HTTP_CONTENT_ENCODING" in environ
    ):
        return None
    body: bytes = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = BytesIO(body)
    return body
