"""Places: sites, areas, homes and checkpoints. Their ids never change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from sync.estate.place_labels import FIELDS, STATES, VALUES
from sync.protocol.clock import FOREVER
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import Accepted, EmptyPayload, Id, Kind, LocalizedLabel, Op, Payload, Refused
from sync.protocol.text import Text, _l, _lp

AREA_KINDS = (
    "outdoor",
    "building",
    "unit_entrance",
    "stairwell",
    "floor",
    "glass",
    "washroom",
    "office",
    "refuse_point",
    "gate",
    "room",
)
MASTER_DATA_ROLES = frozenset({"manager", "admin"})


class SiteAddPayload(Payload):
    label = LocalizedLabel(required=True)


class SiteRetainPayload(Payload):
    retention_days = fields.Integer(strict=True, validate=Range(min=7, max=365))
    visit_minutes = fields.Integer(strict=True, validate=Range(min=15, max=24 * 60))
    silent_hours = fields.Integer(strict=True, validate=Range(min=1, max=48))
    statement_hours = fields.Integer(strict=True, validate=Range(min=1, max=720))


class AreaAddPayload(Payload):
    label = LocalizedLabel(required=True)
    kind = fields.String(required=True, validate=OneOf(AREA_KINDS))
    parent_id = Id(allow_none=True, load_default=None)
    code = fields.String(allow_none=True, load_default=None, validate=Length(max=20))
    ordinal = fields.Integer(strict=True, load_default=0)


class UnitAddPayload(Payload):
    label = LocalizedLabel(required=True)
    area_id = Id(required=True)
    occupied = fields.Boolean(load_default=True)


class UnitOccupyPayload(Payload):
    occupied = fields.Boolean(required=True)


class CheckpointAddPayload(Payload):
    label = LocalizedLabel(required=True)
    area_id = Id(required=True)
    route = LocalizedLabel(required=True)
    ordinal = fields.Integer(strict=True, load_default=0)
    code = fields.String(allow_none=True, load_default=None, validate=Length(min=2, max=10))


def add(_: None, op: Op) -> Accepted:
    """E1: a place is created by an op, like every other record."""
    return Accepted(dict(op.payload))


def add_checkpoint(_: None, op: Op) -> Accepted:
    """E6: a checkpoint has a short number, to be typed when its label cannot be read."""
    code = op.payload["code"] or f"{1000 + UUID(op.subject).int % 9000}"
    return Accepted({**op.payload, "code": code, "serial": 1})


def relabel(checkpoint: Any, _: Op) -> Accepted:
    """E7: a new label replaces one that was torn, lost or copied."""
    return Accepted({"serial": checkpoint.serial + 1})


def occupy(_: Any, op: Op) -> Accepted:
    """E2: whether a home is occupied decides whether its front door is cleaned."""
    return Accepted(dict(op.payload))


def retain(_: Any, op: Op) -> Accepted | Refused:
    """V12, D7: the settings of a site: retention of visits, and when a silent phone raises an
    alarm."""
    return Accepted(dict(op.payload)) if op.payload else Refused("nothing-changed")


def state(_: Any) -> str:
    """Places have a single state."""
    return "there"


def visible_until(_: Any) -> str:
    """Places never leave the feed."""
    return FOREVER


def place_kind(payload: type[Payload], type_: str, *, label: Text) -> Kind:
    """A kind of op that adds a place."""
    return Kind(
        label=label,
        payload=payload,
        rule=add,
        type=type_,
        fact=False,
        creates=True,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
    )


KINDS = {
    "site.add": place_kind(SiteAddPayload, "site", label=_l("Site added")),
    "site.retain": Kind(
        payload=SiteRetainPayload,
        rule=retain,
        type="site",
        fact=False,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        label=_l("Site settings changed"),
    ),
    "area.add": place_kind(AreaAddPayload, "area", label=_l("Area added")),
    "unit.add": place_kind(UnitAddPayload, "unit", label=_l("Home added")),
    "unit.occupy": Kind(
        payload=UnitOccupyPayload,
        rule=occupy,
        type="unit",
        fact=False,
        roles=MASTER_DATA_ROLES | {"supervisor"},
        from_desk_only=True,
        label=_l("Occupancy changed"),
    ),
    "checkpoint.add": replace(
        place_kind(CheckpointAddPayload, "checkpoint", label=_l("Checkpoint added")),
        rule=add_checkpoint,
    ),
    "checkpoint.relabel": Kind(
        payload=EmptyPayload,
        rule=relabel,
        type="checkpoint",
        fact=False,
        roles=MASTER_DATA_ROLES | {"supervisor"},
        from_desk_only=True,
        label=_l("New checkpoint label"),
    ),
}


FEATURE = Feature(
    types={
        "site": RecordType(
            label=_l("Site"),
            state=state,
            visible_until=visible_until,
            states=STATES,
        ),
        "area": RecordType(
            label=_l("Area"),
            state=state,
            visible_until=visible_until,
            states=STATES,
        ),
        "unit": RecordType(
            label=_lp("record type", "Home"),
            state=state,
            visible_until=visible_until,
            states=STATES,
        ),
        "checkpoint": RecordType(
            label=_l("Checkpoint"),
            state=state,
            visible_until=visible_until,
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
)
