"""The OpenAPI description of the sync API, made from the schemas that validate its messages."""

from __future__ import annotations

from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from server.version import VERSION
from sync import KINDS
from sync.protocol import messages as wire

ERRORS = {
    "400": "Not JSON, or nested too deeply",
    "401": "Unknown token: enrol the phone again; its outbox is kept",
    "404": "Not found at this site",
    "413": "Too large: send half of the batch",
    "422": "A field is invalid",
    "429": "Too many attempts: wait",
}


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document; op payloads are `components/schemas/payload.<kind>`."""
    marshmallow = MarshmallowPlugin(schema_name_resolver=_name)
    spec = APISpec(
        title="Lodge sync",
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[marshmallow],
    )
    spec.components.security_scheme("device", {"type": "http", "scheme": "bearer"})
    spec.components.schema("Op", schema=wire.OpSchema)
    for name, kind in KINDS.items():
        if kind.from_phones:
            shape = marshmallow.converter.schema2jsonschema(kind.payload())  # type: ignore
            spec.components.schema(f"payload.{name}", shape)
    _post(spec, "/sync/enrol", wire.EnrolRequest, wire.EnrolResponse, signed=False)
    _post(spec, "/sync/hello", wire.HelloRequest, wire.HelloResponse)
    _post(spec, "/sync/{site}/push", wire.PushRequest, wire.PushResponse)
    _post(spec, "/sync/{site}/pull", wire.PullRequest, wire.PullResponse)
    spec.path(path="/sync/{site}/photos/{sha256}", operations=_photos())
    described: dict[str, Any] = spec.to_dict()
    return described


def _name(schema: Any) -> str:
    class_ = schema if isinstance(schema, type) else type(schema)
    return f"{class_.__module__.split('.')[-1]}.{class_.__name__}"


def _post(
    spec: APISpec, path: str, request: type[Schema], response: type[Schema], *, signed: bool = True
) -> None:
    operation: dict[str, Any] = {
        "requestBody": {"content": {"application/json": {"schema": request}}, "required": True},
        "responses": {
            "200": {
                "description": "Success",
                "content": {"application/json": {"schema": response}},
            },
            **_errors(),
        },
        **({"security": [{"device": []}]} if signed else {}),
    }
    spec.path(path=path, operations={"post": operation}, parameters=_parameters(path))


def _parameters(path: str) -> list[dict[str, Any]]:
    names = [name for name in ("site", "sha256") if f"{{{name}}}" in path]
    return [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in names
    ]


def _photos() -> dict[str, Any]:
    content = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
    common = {
        "parameters": _parameters("/{site}/{sha256}"),
        "security": [{"device": []}],
    }
    return {
        "get": {**common, "responses": {"200": {"description": "Bytes", "content": content}}},
        "head": {**common, "responses": {"200": {"description": "Complete"}, **_errors()}},
        "put": {
            **common,
            "requestBody": {"content": content},
            "responses": {"200": {"description": "Received"}, **_errors()},
        },
    }


def _errors() -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"type": "object"}}}
    return {code: {"description": text, "content": problem} for code, text in ERRORS.items()}
