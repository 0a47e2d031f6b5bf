"""The operations of the sync API as OpenAPI describes them: bodies, parameters, every answer."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from marshmallow import Schema

from sync.protocol import messages

SIGNED_IN: list[dict[str, list[str]]] = [{"device": []}]
BODY_PROBLEMS = (400, 413, 415, 422)

PROBLEMS = {
    400: "The request cannot be read: not JSON, nested too deep, or no range that makes sense",
    401: "The token is missing or unknown. The phone keeps its outbox and asks to be enrolled",
    403: "The code does not work; or name and PIN do not fit (`code`: wrong-pin)",
    404: "There is no such thing at the site of this phone",
    413: "Too large. A push is sent again in halves, see `limits`",
    415: "The encoding or the format of the body is not supported",
    416: "The piece does not follow the bytes that have been received",
    422: "A field is wrong, see `errors`; the bytes of a photo are not those of its name; or a PIN "
    "cannot be chosen (`code`: pin-same, pin-short, pin-trivial)",
    429: "Too many attempts",
    500: "The server has a fault. Nothing was answered, so the phone sends it again later",
    503: "The database or the disk is busy. Nothing was answered, so the phone sends it again",
    507: "The disk of the server is full. The phone keeps the photo",
}
"""Reasons for an answer that is a problem, by status."""

RETRY_AFTER = {"Retry-After": {"description": "Seconds", "schema": {"type": "string"}}}
PROBLEM_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"schema": {"const": "Bearer"}}},
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}

PROBLEM = {
    "type": "object",
    "description": "What went wrong and what to do about it (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "object", "description": "422: what is wrong, by field"},
        "limits": {
            "type": "object",
            "description": "413: the most ops and bytes of a push",
            "additionalProperties": {"type": "integer"},
        },
    },
}
PATH_PARAMETERS = {
    "site": {"type": "string", "format": "uuid"},
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}
CONTENT_RANGE = {
    "in": "header",
    "name": "Content-Range",
    "description": "Which bytes of the photo the body is. Without it the body is the whole photo.",
    "schema": {"type": "string", "pattern": "^bytes [0-9]{1,9}-[0-9]{1,9}/[0-9]{1,9}$"},
}
UPLOAD_OFFSET = {
    "Upload-Offset": {
        "description": "How many bytes of an unfinished photo have been received",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    }
}
UPLOAD_STATE = {
    "type": "object",
    "required": ["sync", "complete"],
    "properties": {
        "sync": {"type": "string"},
        "complete": {"type": "boolean"},
        "received": {"type": "integer", "description": "Bytes received so far"},
    },
}


def add_paths(spec: APISpec) -> None:
    """Add every operation of the sync API to a description that has the component `Problem`."""
    enrol = _post("Enrol a phone", messages.EnrolRequest, messages.EnrolResponse, 403, 429)
    hello = _post("Report to the server", messages.HelloRequest, messages.HelloResponse, 401)
    unlock_summary = "Prove who unlocks the phone, and register their key"
    unlock = _post(unlock_summary, messages.UnlockRequest, messages.UnlockResponse, 401, 403, 429)
    pin = _post("Change a PIN", messages.PinRequest, messages.PinResponse, 401, 403, 429)
    push = _post("Send ops", messages.PushRequest, messages.PushResponse, 401, 404)
    pull = _post("Fetch what is new", messages.PullRequest, messages.PullResponse, 401, 404)
    _add(spec, "/sync/enrol", post=enrol)
    _add(spec, "/sync/hello", post=_signed_in(hello))
    _add(spec, "/sync/unlock", post=_signed_in(unlock))
    _add(spec, "/sync/pin", post=_signed_in(pin))
    _add(spec, "/sync/{site}/push", post=_signed_in(push))
    _add(spec, "/sync/{site}/pull", post=_signed_in(pull))
    _add(
        spec,
        "/sync/{site}/photos/{sha256}",
        get=_signed_in(_get_photo()),
        head=_signed_in(_head_photo()),
        put=_signed_in(_put_photo()),
    )
    _add(
        spec,
        "/sync/openapi.json",
        get=_operation("This description", _json("The description", {"type": "object"})),
    )


def _add(spec: APISpec, path: str, **operations: dict[str, Any]) -> None:
    parameters = [
        {"in": "path", "name": name, "required": True, "schema": schema}
        for name, schema in PATH_PARAMETERS.items()
        if f"{{{name}}}" in path
    ]
    spec.path(path, operations=operations, parameters=parameters)


def _operation(summary: str, success: dict[str, Any], *problems: int) -> dict[str, Any]:
    """An operation that answers 200, or with one of the problems; 500 and 503 are always added."""
    answers = {str(status): _problem(status) for status in sorted({*problems, 500, 503})}
    return {"summary": summary, "responses": {"200": success, **answers}}


def _signed_in(operation: dict[str, Any]) -> dict[str, Any]:
    return operation | {"security": SIGNED_IN}


def _post(
    summary: str, request: type[Schema], response: type[Schema], *problems: int
) -> dict[str, Any]:
    operation = _operation(summary, _json("The answer", response), *BODY_PROBLEMS, *problems)
    body = {"content": {"application/json": {"schema": request}}, "required": True}
    return operation | {"requestBody": body}


def _json(description: str, schema: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problem(status: int) -> dict[str, Any]:
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    described = {
        "description": PROBLEMS[status],
        "content": {"application/problem+json": reference},
    }
    headers = PROBLEM_HEADERS.get(status)
    return described | {"headers": headers} if headers else described


def _get_photo() -> dict[str, Any]:
    """GET serves ranges as well: 206 has a part of the bytes, 416 names no part of them."""
    bytes_ = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
    operation = _operation("Fetch a photo", {"description": "The photo", "content": bytes_}, 401)
    operation["responses"] |= {
        "206": {"description": "The part that the header Range names", "content": bytes_},
        "404": _absent_photo(),
        "416": _problem(416),
    }
    return operation


def _head_photo() -> dict[str, Any]:
    operation = _operation("Ask how much of a photo has arrived", {"description": "All of it"})
    operation["responses"] = {
        status: {name: each[name] for name in ("description", "headers") if name in each}
        for status, each in {**operation["responses"], "401": _problem(401)}.items()
    }
    operation["responses"]["404"] = _absent_photo()
    return operation


def _absent_photo() -> dict[str, Any]:
    return {"description": "The photo is not here, or not all of it", "headers": UPLOAD_OFFSET}


def _put_photo() -> dict[str, Any]:
    operation = _operation(
        "Send a photo or a piece of it; sending it again does no harm",
        _json("The bytes were stored", UPLOAD_STATE),
        *(400, 401, 404, 413, 415, 416, 422, 507),
    )
    content = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
    return operation | {"parameters": [CONTENT_RANGE], "requestBody": {"content": content}}
