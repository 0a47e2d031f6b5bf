"""Checklists: what an inspection looks at. Every edition stays as it was when it was used."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from marshmallow import ValidationError, fields, validates, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

from sync.estate.places import AREA_KINDS, MASTER_DATA_ROLES
from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    Accepted,
    EmptyPayload,
    Kind,
    LocalizedLabel,
    Op,
    Payload,
    Refused,
)
from sync.protocol.roles import DESK_ROLES, ROLES, role_mask
from sync.protocol.text import Text, _l, _lp

SUBJECT_KINDS = ("area", "person", "either")
MAX_ITEMS = 60
ITEM_ID_VALIDATOR = Regexp(r"^[0-9a-z-]{1,40}\Z", error="Small letters, digits and hyphens.")


class ChecklistLike(Protocol):
    """What the rules need to know of a checklist."""

    items: list[dict[str, Any]]
    versions: dict[str, list[dict[str, Any]]]
    edition: int
    retired_at: datetime | None


class CriterionSchema(Payload):
    """One criterion. `picture`: how it should look, as a photo's hash or the name of an icon."""

    id = fields.String(required=True, validate=ITEM_ID_VALIDATOR)
    label = LocalizedLabel(required=True)
    text = LocalizedLabel(allow_none=True, load_default=None)
    weight = fields.Integer(strict=True, load_default=1, validate=Range(min=1, max=100))
    critical = fields.Boolean(load_default=False)
    clause = fields.String(allow_none=True, load_default=None, validate=Length(max=20))
    picture = fields.String(allow_none=True, load_default=None, validate=Length(max=64))


def CriteriaField(**more: Any) -> fields.List[Any]:  # noqa: N802 - reads as the field type that it is
    """The criteria of a checklist, in their order."""
    return fields.List(fields.Nested(CriterionSchema), validate=Length(max=MAX_ITEMS), **more)


class TemplateRevisePayload(Payload):
    label = LocalizedLabel()
    about = fields.String(validate=OneOf(SUBJECT_KINDS))
    area_kinds = fields.List(
        fields.String(validate=OneOf(AREA_KINDS)), validate=Length(max=len(AREA_KINDS))
    )
    roles = fields.List(fields.String(validate=OneOf(ROLES)), validate=Length(max=len(ROLES)))
    items = CriteriaField()

    @validates("items")
    def validate_distinct_items(self, items: list[dict[str, Any]], **_: Any) -> None:
        """Results are told by the criterion's id, so each is there once."""
        if len({item["id"] for item in items}) < len(items):
            raise ValidationError("Two criteria have the same id.")


class TemplateAddPayload(TemplateRevisePayload):
    code = fields.String(required=True, validate=Length(min=1, max=20))
    clause = fields.String(allow_none=True, load_default=None, validate=Length(max=40))

    @validates_schema
    def validate_complete(self, template: dict[str, Any], **_: Any) -> None:
        """A new checklist says what it is called and what it is about."""
        if not {"label", "about", "items"} <= template.keys():
            raise ValidationError("A checklist needs its name, its subject and its criteria.")


def add(_: None, op: Op) -> Accepted:
    """I1: a checklist begins with its first edition, and keeps each that it ever had."""
    first = {"edition": 1, "versions": {"1": op.payload["items"]}}
    return Accepted({"area_kinds": [], "roles": [], **op.payload, **first})


def revise(template: ChecklistLike, op: Op) -> Accepted | Refused:
    """I1: other criteria or weights make a new edition; earlier ones are never touched."""
    if template.retired_at:
        return Refused("already-retired")
    changes = {n: v for n, v in op.payload.items() if v != getattr(template, n)}
    if not changes:
        return Refused("nothing-changed")
    if "items" in changes:
        edition = template.edition + 1
        versions = {**template.versions, str(edition): changes["items"]}
        changes |= {"edition": edition, "versions": versions}
    return Accepted(changes)


def retire(template: ChecklistLike, op: Op) -> Accepted | Refused:
    """I2: a retired checklist is offered no more; what was assessed with it stays."""
    if template.retired_at:
        return Refused("already-retired")
    return Accepted({"retired_at": op.occurred_at})


def state(template: Any) -> str:
    """In use until it is retired; without a criterion it waits for somebody to write some."""
    if template["retired_at"]:
        return "retired"
    return "active" if template["items"] else "empty"


def visible_until(template: Any) -> str:
    """A phone keeps it as long as it is in use."""
    return format_time(template["retired_at"]) if template["retired_at"] else FOREVER


def desk_kind(payload: type[Payload], rule: Any, *, creates: bool = False, label: Text) -> Kind:
    """A decision of managers and admins."""
    return Kind(
        label=label,
        payload=payload,
        rule=rule,
        type="template",
        fact=False,
        creates=creates,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
    )


KINDS = {
    "template.add": desk_kind(TemplateAddPayload, add, creates=True, label=_l("Checklist added")),
    "template.revise": desk_kind(TemplateRevisePayload, revise, label=_l("Checklist changed")),
    "template.retire": desk_kind(EmptyPayload, retire, label=_l("Checklist retired")),
}


FEATURE = Feature(
    types={
        "template": RecordType(
            label=_l("Checklist"),
            state=state,
            visible_until=visible_until,
            audience=lambda _, __: role_mask(DESK_ROLES),
            states={
                "active": _lp("record in use", "in use"),
                "retired": _l("retired"),
                "empty": _l("no criteria yet"),
            },
        ),
    },
    kinds=KINDS,
    fields={
        "items": _lp("template", "Criteria"),
        "about": _lp("template", "Checklist for"),
        "retired_at": _l("Retired at"),
        "area_kinds": _l("Types of area"),
    },
)
