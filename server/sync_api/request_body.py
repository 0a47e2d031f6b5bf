"""Bodies as they come over the wire: bounded in size, inflation and depth before anybody reads."""

from __future__ import annotations

import json
import zlib
from typing import Any

from flask import Request, Response, abort
from marshmallow import Schema, ValidationError

from server.errors import problem_json
from sync.protocol.messages import LIMITS, MAX_BYTES, MAX_DEPTH, json_depth

ENVELOPE_BYTES = 64 * 1024
"""What the envelope itself may take, beside the ops."""


def read_message(request: Request, schema: Schema) -> Any:
    """The message in a request's body, checked; aborts with what helps."""
    try:
        message = json.loads(_read_body(request), parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        abort(problem_json(400, "This is no JSON", "Send one JSON object in UTF-8."))
    if not isinstance(message, dict) or json_depth(message) > MAX_DEPTH:
        abort(
            problem_json(
                400, "This JSON is too deep", f"Send an object of at most {MAX_DEPTH} levels."
            )
        )
    try:
        return schema.load(message)
    except ValidationError as error:
        wrong = error.normalized_messages()  # type: ignore[no-untyped-call]
        abort(
            problem_json(
                422, "This message has faults", "Mend the fields named in errors.", errors=wrong
            )
        )


def too_large_response() -> Response:
    """413 with the limits, so that the phone halves its batch."""
    return problem_json(413, "Too much at once", "Send less at once: see limits.", limits=LIMITS)


def _read_body(request: Request) -> bytes:
    most = MAX_BYTES + ENVELOPE_BYTES
    if (request.content_length or 0) > most:
        abort(too_large_response())
    body = request.stream.read(most + 1)
    encoding = request.environ.get("HTTP_CONTENT_ENCODING", "identity").lower()
    if encoding == "gzip":
        body = _gunzip(body, most)
    elif encoding != "identity":
        abort(problem_json(415, "Unknown encoding", "Send the body plain or gzipped."))
    if len(body) > most:
        abort(too_large_response())
    return body


def _gunzip(body: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(body, most + 1)
    except zlib.error:
        abort(problem_json(400, "This is no gzip", "Send the body plain or gzipped."))


def _reject_constant(name: str) -> None:
    raise ValueError(name)
