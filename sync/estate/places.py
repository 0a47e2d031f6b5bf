"""Places: sites, areas, homes and checkpoints. Their ids never change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from sync.estate.disclosure_details import SiteDisclosePayload, disclose
from sync.estate.place_labels import FIELDS, SENTENCES, STATES, VALUES
from sync.protocol.clock import FOREVER
from sync.protocol.feature import Feature, RecordType
from sync.protocol.normalise import code_key, code_text, home_key
from sync.protocol.op import (
    Accepted,
    EmptyPayload,
    Id,
    Kind,
    LocalizedLabel,
    Op,
    Payload,
    Refused,
    Rule,
)
from sync.protocol.roles import FRONT_DESK_ROLES, role_mask
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
CHECKPOINT_NUMBERS = 9000
"""How many short numbers of four digits there are, from 1000 on."""

UNCHECKED_VERSION = 1
"""The payload version whose places were added whatever they were called."""

MAX_ORDINAL = 1_000_000
MASTER_DATA_ROLES = frozenset({"manager", "admin"})


def OrdinalField(**more: Any) -> fields.Integer:  # noqa: N802 - named like a field type
    """A field for the position of a place among others."""
    return fields.Integer(strict=True, validate=Range(min=-MAX_ORDINAL, max=MAX_ORDINAL), **more)


def DaysField(least: int = 30) -> fields.Integer:  # noqa: N802 - named like a field type
    """A field for the days that personal data are kept: at least a month, ten years at most."""
    return fields.Integer(strict=True, validate=Range(min=least, max=3653))


class SiteAddPayload(Payload):
    label = LocalizedLabel(required=True)


class SiteRetainPayload(Payload):
    retention_days = fields.Integer(strict=True, validate=Range(min=7, max=365))
    visit_minutes = fields.Integer(strict=True, validate=Range(min=15, max=24 * 60))
    silent_hours = fields.Integer(strict=True, validate=Range(min=1, max=48))
    statement_hours = fields.Integer(strict=True, validate=Range(min=1, max=720))
    two_step = fields.Boolean()
    notice_contact = LocalizedLabel(may_be_empty=True, allow_none=True)
    notice_text = LocalizedLabel(max_length=500, may_be_empty=True, allow_none=True)
    entry_days = DaysField()
    ticket_days = DaysField()
    find_days = DaysField()
    lost_days = DaysField()
    arrears_days = DaysField(least=365)


class AreaAddPayload(Payload):
    label = LocalizedLabel(required=True)
    kind = fields.String(required=True, validate=OneOf(AREA_KINDS))
    parent_id = Id(allow_none=True, load_default=None)
    code = fields.String(allow_none=True, load_default=None, validate=Length(max=20))
    ordinal = OrdinalField(load_default=0)


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
    ordinal = OrdinalField(load_default=0)
    code = fields.String(allow_none=True, load_default=None, validate=Length(min=2, max=10))


def add(_: None, op: Op) -> Accepted:
    """E1: a place is created by an op, like every other record."""
    return Accepted(dict(op.payload))


def add_place(_: None, op: Op) -> Accepted | Refused:
    """E1, E20: an area or a home is added unless its site has one of the same name or number."""
    payload = dict(op.payload)
    if op.sent_v == UNCHECKED_VERSION:
        return Accepted(payload)
    if payload.get("code"):
        payload["code"] = code_text(payload["code"])
    keys = home_keys(payload) if op.kind == "unit.add" else area_keys(payload)
    return Refused("number-taken") if any(map(op.taken.__contains__, keys)) else Accepted(payload)


def add_checkpoint(_: None, op: Op) -> Accepted | Refused:
    """E6, E20: a checkpoint has a short number of its own, to be typed when its label cannot be
    read. One that is not given is the next free one from a number that follows from the id."""
    given, first = op.payload["code"], UUID(op.subject).int % CHECKPOINT_NUMBERS
    if op.sent_v == UNCHECKED_VERSION:
        return Accepted({**op.payload, "code": given or _number(first), "serial": 1})
    if given:
        code = code_text(given)
        if len(code) < 2 or code_key(code) in op.taken:
            return Refused("number-taken" if len(code) > 1 else "number-too-short")
    else:
        numbers = (_number(first + step) for step in range(CHECKPOINT_NUMBERS))
        code = next(number for number in numbers if number not in op.taken)
    return Accepted({**op.payload, "code": code, "serial": 1})


def _number(place: int) -> str:
    return f"{1000 + place % CHECKPOINT_NUMBERS}"


def area_keys(area: Mapping[str, Any]) -> list[str]:
    """What no other area of the site may have: its name in the same place, and its code."""
    names = [f"{area['parent_id']}|{code_key(text)}" for text in area["label"].values()]
    return [*names, *([f"code|{code_key(area['code'])}"] if area["code"] else [])]


def home_keys(home: Mapping[str, Any]) -> list[str]:
    """What no other home of the site may have: its number in any spelling."""
    return [home_key(text) for text in home["label"].values()]


def checkpoint_keys(checkpoint: Mapping[str, Any]) -> list[str]:
    """What no other checkpoint of the site may have: its number."""
    return [code_key(checkpoint["code"])]


def relabel(checkpoint: Any, _: Op) -> Accepted:
    """E7: a new label replaces one that was torn, lost or copied."""
    return Accepted({"serial": checkpoint.serial + 1})


def occupy(_: Any, op: Op) -> Accepted:
    """E2: whether a home is occupied decides whether its front door is cleaned."""
    return Accepted(dict(op.payload))


def retain(_: Any, op: Op) -> Accepted | Refused:
    """V12, D7: the settings of a site: retention of visits, when a silent phone raises an alarm,
    and whether managers and administrators sign in with two steps."""
    return Accepted(dict(op.payload)) if op.payload else Refused("nothing-changed")


def state(_: Any) -> str:
    """Places have a single state."""
    return "there"


def visible_until(_: Any) -> str:
    """Places never leave the feed."""
    return FOREVER


def place_kind(payload: type[Payload], type_: str, rule: Rule, *, label: Text) -> Kind:
    """A kind of op that adds a place with a name or number of its own."""
    return Kind(
        label=label,
        payload=payload,
        rule=rule,
        type=type_,
        fact=False,
        creates=True,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        payload_version=2,
        upcasters={UNCHECKED_VERSION: dict},
    )


KINDS = {
    "site.add": Kind(
        payload=SiteAddPayload,
        rule=add,
        type="site",
        fact=False,
        creates=True,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        label=_l("Site added"),
    ),
    "site.retain": Kind(
        payload=SiteRetainPayload,
        rule=retain,
        type="site",
        fact=False,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        label=_l("Site settings changed"),
    ),
    "site.disclose": Kind(
        payload=SiteDisclosePayload,
        rule=disclose,
        type="site",
        fact=False,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        label=_l("Disclosure details changed"),
    ),
    "area.add": place_kind(AreaAddPayload, "area", add_place, label=_l("Area added")),
    "unit.add": place_kind(UnitAddPayload, "unit", add_place, label=_l("Home added")),
    "unit.occupy": Kind(
        payload=UnitOccupyPayload,
        rule=occupy,
        type="unit",
        fact=False,
        roles=MASTER_DATA_ROLES | {"supervisor"},
        from_desk_only=True,
        label=_l("Occupancy changed"),
    ),
    "checkpoint.add": place_kind(
        CheckpointAddPayload, "checkpoint", add_checkpoint, label=_l("Checkpoint added")
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
            unique_keys=area_keys,
        ),
        "unit": RecordType(
            label=_lp("record type", "Home"),
            state=state,
            visible_until=visible_until,
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
            area_field="area_id",
            states=STATES,
            unique_keys=home_keys,
        ),
        "checkpoint": RecordType(
            label=_l("Checkpoint"),
            state=state,
            visible_until=visible_until,
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
            states=STATES,
            unique_keys=checkpoint_keys,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
    sentences=SENTENCES,
)
