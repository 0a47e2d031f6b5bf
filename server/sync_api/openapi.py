"""OpenAPI 3.1 description of the sync API, built from the schemas that check its messages."""

from __future__ import annotations

from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from server.sync_api import json_schema
from server.sync_api.openapi_operations import PROBLEM, add_paths
from server.version import VERSION
from sync import KINDS
from sync.protocol.message_fields import MAX_OPS
from sync.protocol.messages import PushRequest
from sync.protocol.op import Kind
from sync.protocol.op_validation import OpSchema

ANY_OP = {
    "type": "object",
    "description": "Anything else. It is quarantined for the desk and does not block other ops.",
}


@cache
def document() -> dict[str, Any]:
    """The whole description.

    Each kind has its `payload.<kind>` under `components`, also those that only the desk or the
    server records. Kinds that phones send have an `op.<kind>` as well.
    """
    plugin = MarshmallowPlugin(schema_name_resolver=json_schema.schema_name)
    spec = APISpec("Lodge sync API", VERSION, "3.1.0", plugins=[plugin])
    converter: Any = plugin.converter
    for function in (json_schema.add_pattern, json_schema.add_key_rules):
        converter.add_attribute_function(function)
    spec.components.security_scheme("device", {"type": "http", "scheme": "bearer"})
    spec.components.schema("Problem", PROBLEM)
    spec.components.schema("Op", schema=OpSchema)
    for name, kind in KINDS.items():
        payload = converter.schema2jsonschema(kind.payload())
        spec.components.schema(f"payload.{name}", payload)
        if kind.from_phones:
            spec.components.schema(f"op.{name}", _op(name, kind))
    add_paths(spec)
    description: dict[str, Any] = spec.to_dict()
    _describe_batch(description["components"]["schemas"])
    return description


def _op(name: str, kind: Kind) -> dict[str, Any]:
    """One kind of op: the fields of every op, with the newest payload of this kind."""
    own = {
        "kind": {"const": name},
        "v": {"const": kind.payload_version},
        "payload": {"$ref": f"#/components/schemas/payload.{name}"},
    }
    return {"allOf": [{"$ref": "#/components/schemas/Op"}, {"properties": own}]}


def _describe_batch(schemas: dict[str, Any]) -> None:
    """Name the ops that a push may carry; its marshmallow schema takes any object."""
    ops = [{"$ref": f"#/components/schemas/{name}"} for name in schemas if name[:3] == "op."]
    batch = schemas[json_schema.schema_name(PushRequest)]["properties"]["ops"]
    batch |= {"items": {"anyOf": [*ops, ANY_OP]}, "maxItems": MAX_OPS}
