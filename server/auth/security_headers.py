"""What every answer says to the browser, and what a browser must say before it may write."""

from __future__ import annotations

from flask import Flask, Response, abort, request

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

BODY_LIMIT = 4 * 1024 * 1024 + 64 * 1024
FORM_LIMIT, FORM_PARTS = 64 * 1024, 300
"""A photo and a little; a form holds text only."""

CSP = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",  # the reader of labels is compiled; text is not run
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
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
"""What a route says itself stands; a page that says nothing is personal and not stored."""

HSTS = "max-age=63072000; includeSubDomains"


def init_app(app: Flask) -> None:
    """Bound what comes in, mark what goes out."""
    app.config["MAX_CONTENT_LENGTH"] = app.config.get("MAX_CONTENT_LENGTH") or BODY_LIMIT
    app.config["MAX_FORM_MEMORY_SIZE"] = FORM_LIMIT
    app.config["MAX_FORM_PARTS"] = FORM_PARTS
    app.after_request(_add_default_headers)


def refuse_cross_site() -> None:
    """A write by cookie comes from a page of ours: browsers say where a request was made.

    `/sync` speaks by token, which no browser sends by itself, so it is not asked.
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
    said = {name.lower() for name, _ in response.headers}
    response.headers.extend(
        [pair for pair in DEFAULT_HEADERS.items() if pair[0].lower() not in said]
    )
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    return response
