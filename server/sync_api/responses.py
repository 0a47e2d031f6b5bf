"""The shape of every answer to a phone."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify


def sync_response(**body: Any) -> Response:
    """A JSON response; without the field `sync` a phone takes it for that of a captive portal."""
    return jsonify(sync="1", **body)


def disable_caching(response: Response) -> Response:
    """Forbid HTTP caches to store a response."""
    response.headers["Cache-Control"] = "no-store"
    return response
