"""Pages of the feed as they went out, told again before the application wakes.

Phones of a site that stand at one head ask for the same page in the same bytes. What they are told
depends on that question and on how their site stands, so the one look that tells whose token it is
tells as well whether the page that was made for one phone is the answer for the next.
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
"""Bytes: of all pages in memory, and of one; larger ones are parts of a first sync, asked once."""

MAX_PULL_BODY_BYTES = 2000
"""Bytes: whoever asks with more is not asking for a page."""

CACHEABLE_KEY = "lodge.lasting"

Headers = list[tuple[str, str]]
Environ = dict[str, Any]


class CachedResponse(NamedTuple):
    """An answer of ours, whole."""

    headers: Headers
    body: bytes


def mark_cacheable() -> None:
    """Say, while answering, that whoever asks the same at the same head gets the same."""
    request.environ[CACHEABLE_KEY] = True


class PullCache:
    """A layer of WSGI around the application."""

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
        """All that a page depends on; None where it is not the question for a page."""
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] != "POST" or not path.endswith("/pull"):
            return None
        phone, question = self._phone(environ), _peek_body(environ)
        if phone is None or phone.is_revoked or question is None:
            return None
        if path != f"/sync/{phone.site_id}/pull":
            return None
        heads = (environ.get("HTTP_ACCEPT_ENCODING"), environ["wsgi.url_scheme"])
        return phone.site_id, phone.site_position, question, *heads

    def _phone(self, environ: Environ) -> DeviceIdentity | None:
        try:
            with self.app.app_context():
                return identify_device(environ)
        except OperationalError:
            return None  # the application finds the same, and says it

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
        heads: list[tuple[str, Headers]] = []

        def begin(status: str, headers: Headers, *_: Any) -> Callable[[bytes], None]:
            heads.append((status, headers))
            return _reject_write

        told = self.wrapped_app(environ, begin)
        try:
            body = b"".join(told)
        finally:
            if hasattr(told, "close"):
                told.close()
        return *heads[-1], body


def _reject_write(_: bytes) -> None:
    raise NotImplementedError("Flask hands its answer back and writes nothing.")


def _peek_body(environ: Environ) -> bytes | None:
    """The body as it came; it is laid back for whoever reads it after us."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if (
        not length.isdigit()
        or not 0 < int(length) < MAX_PULL_BODY_BYTES
        or "HTTP_CONTENT_ENCODING" in environ
    ):
        return None
    said: bytes = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = BytesIO(said)
    return said
