"""Reads and validates request bodies, bounded in size (also after inflating) and depth."""

from __future__ import annotations

import json
import zlib
from typing import Any

from flask import Request, Response, abort
from marshmallow import Schema, ValidationError

from server.errors import problem_json
from sync.protocol.message_fields import LIMITS, MAX_BYTES, MAX_DEPTH
from sync.protocol.op_validation import json_depth

ENVELOPE_BYTES = 64 * 1024
"""Bytes that a message may have besides its ops."""


def read_message(request: Request, schema: Schema) -> Any:
    """The validated message of a request. Aborts with a problem of status 400, 413, 415 or 422."""
    try:
        message = json.loads(_read_body(request), parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        abort(problem_json(400, "Not JSON", "Send one JSON object in UTF-8."))
    if not isinstance(message, dict) or json_depth(message) > MAX_DEPTH:
        abort(
            problem_json(
                400, "Invalid JSON object", f"Send an object of at most {MAX_DEPTH} levels."
            )
        )
    try:
        return schema.load(message)
    except ValidationError as error:
        errors = error.normalized_messages()  # type: ignore[no-untyped-call]
        abort(
            problem_json(
                422, "Invalid message", "Correct the fields named in errors.", errors=errors
            )
        )


def too_large_response() -> Response:
    """413 with the limits, upon which a phone sends half of its batch."""
    return problem_json(413, "Too large", "Send less at a time, see limits.", limits=LIMITS)


def _read_body(request: Request) -> bytes:
    max_bytes = MAX_BYTES + ENVELOPE_BYTES
    if (request.content_length or 0) > max_bytes:
        abort(too_large_response())
    body = request.stream.read(max_bytes + 1)
    encoding = request.environ.get("HTTP_CONTENT_ENCODING", "identity").lower()
    if encoding == "gzip":
        body = _gunzip(body, max_bytes)
    elif encoding != "identity":
        abort(problem_json(415, "Unsupported encoding", "Send the body plain or gzipped."))
    if len(body) > max_bytes:
        abort(too_large_response())
    return body


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    """Inflate at most one byte more than allowed, whatever a small body would expand to."""
    try:
        return zlib.decompressobj(wbits=31).decompress(body, max_bytes + 1)
    except zlib.error:
        abort(problem_json(400, "Not gzip", "Send the body plain or gzipped."))


def _reject_constant(name: str) -> None:
    """NaN and Infinity, which Python reads, are not JSON."""
    raise ValueError(name)
