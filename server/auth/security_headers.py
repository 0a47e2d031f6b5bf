"""Security headers of responses, limits of requests, and the check against cross-site writes."""

from __future__ import annotations

from flask import Flask, Response, abort, request

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

BODY_LIMIT = 4 * 1024 * 1024 + 64 * 1024
FORM_LIMIT, FORM_PARTS = 64 * 1024, 300
"""Bytes: a request may hold one photo; a form holds text only, in at most `FORM_PARTS` fields."""

CSP = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",  # the QR reader is WebAssembly
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types lodge",
    )
)

DEFAULT_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers that a route has not set itself. By default a page is personal, so no cache stores it."""

HSTS = "max-age=63072000; includeSubDomains"


def init_app(app: Flask) -> None:
    """Set the limits of requests, and add the headers to every response."""
    app.config["MAX_CONTENT_LENGTH"] = app.config.get("MAX_CONTENT_LENGTH") or BODY_LIMIT
    app.config["MAX_FORM_MEMORY_SIZE"] = FORM_LIMIT
    app.config["MAX_FORM_PARTS"] = FORM_PARTS
    app.after_request(_add_default_headers)


def refuse_cross_site() -> None:
    """Abort a write with 403 unless the browser states that a page of this origin made it.

    `/sync` is exempt: it needs a token, which no browser sends by itself.
    """
    if request.method in SAFE_METHODS or request.path.startswith("/sync/"):
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is None and origin is None:
        abort(403, "cross-site")
    if site not in (None, "same-origin"):
        abort(403, "cross-site")
    if origin not in (None, f"{request.scheme}://{request.host}"):
        abort(403, "cross-site")


def _add_default_headers(response: Response) -> Response:
    present = {name.lower() for name, _ in response.headers}
    response.headers.extend(
        [pair for pair in DEFAULT_HEADERS.items() if pair[0].lower() not in present]
    )
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    return response
