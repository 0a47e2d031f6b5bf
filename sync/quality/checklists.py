"""Checklists: the criteria of an inspection. Every edition stays as it was when it was used."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from marshmallow import ValidationError, fields, validates, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

from sync.estate.place_labels import AREA_KIND_LABELS
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
from sync.protocol.text import Text, Texts, _l, _lp

SUBJECT_KINDS = ("area", "person", "either")
MAX_ITEMS = 60
ITEM_ID_VALIDATOR = Regexp(r"^[0-9a-z-]{1,40}\Z", error="Small letters, digits and hyphens.")

PICTURE_LABELS: Texts = {
    "bin": _lp("picture", "bin"),
    "box": _lp("picture", "box"),
    "broom": _lp("picture", "broom"),
    "door": _lp("picture", "door"),
    "drop": _lp("picture", "water"),
    "flag": _lp("picture", "flag"),
    "glass": _lp("picture", "glass"),
    "light": _lp("picture", "light"),
    "me": _lp("picture", "person"),
    "note": _lp("picture", "note"),
    "phone": _lp("picture", "telephone"),
    "shirt": _lp("picture", "clothes"),
    "smile": _lp("picture", "smile"),
    "snow": _lp("picture", "snow"),
    "spray": _lp("picture", "spray"),
    "visitor": _lp("picture", "visitor"),
    "walk": _lp("picture", "stairs"),
    "warning": _lp("picture", "danger"),
    "wrench": _lp("picture", "tool"),
}
"""The icons that the desk can choose as the picture of a criterion."""


class ChecklistLike(Protocol):
    """The fields of a checklist that the rules read."""

    items: list[dict[str, Any]]
    versions: dict[str, list[dict[str, Any]]]
    edition: int
    retired_at: datetime | None


class CriterionSchema(Payload):
    """One criterion. `picture` shows how it should look: the hash of a photo or the name of an
    icon."""

    id = fields.String(required=True, validate=ITEM_ID_VALIDATOR)
    label = LocalizedLabel(required=True)
    text = LocalizedLabel(allow_none=True, load_default=None)
    weight = fields.Integer(strict=True, load_default=1, validate=Range(min=1, max=100))
    critical = fields.Boolean(load_default=False)
    clause = fields.String(allow_none=True, load_default=None, validate=Length(max=20))
    picture = fields.String(allow_none=True, load_default=None, validate=Length(max=64))


def CriteriaField(**kwargs: Any) -> fields.List[Any]:  # noqa: N802 - named like a field type
    """A field for the criteria of a checklist, in their order."""
    return fields.List(fields.Nested(CriterionSchema), validate=Length(max=MAX_ITEMS), **kwargs)


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
        """Results refer to a criterion's id, so ids are unique. Raises ValidationError
        otherwise."""
        if len({item["id"] for item in items}) < len(items):
            raise ValidationError("Two criteria have the same id.")


class TemplateAddPayload(TemplateRevisePayload):
    code = fields.String(required=True, validate=Length(min=1, max=20))
    clause = fields.String(allow_none=True, load_default=None, validate=Length(max=40))

    @validates_schema
    def validate_complete(self, payload: dict[str, Any], **_: Any) -> None:
        """A new checklist has a label, a subject and criteria. Raises ValidationError otherwise."""
        if not {"label", "about", "items"} <= payload.keys():
            raise ValidationError("A checklist needs its name, its subject and its criteria.")


def add(_: None, op: Op) -> Accepted:
    """I1: a checklist begins with its first edition and keeps every later one."""
    first = {"edition": 1, "versions": {"1": op.payload["items"]}}
    return Accepted({"area_kinds": [], "roles": [], **op.payload, **first})


def revise(template: ChecklistLike, op: Op) -> Accepted | Refused:
    """I1: other criteria or weights make a new edition; earlier ones are never changed."""
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
    """I2: a retired checklist cannot be used any more; inspections that used it stay."""
    if template.retired_at:
        return Refused("already-retired")
    return Accepted({"retired_at": op.occurred_at})


def state(template: Any) -> str:
    """Whether a checklist is in use, retired, or still without criteria."""
    if template["retired_at"]:
        return "retired"
    return "active" if template["items"] else "empty"


def visible_until(template: Any) -> str:
    """Phones show a checklist until it is retired."""
    return format_time(template["retired_at"]) if template["retired_at"] else FOREVER


def desk_kind(payload: type[Payload], rule: Any, *, creates: bool = False, label: Text) -> Kind:
    """A kind of decision by managers and administrators."""
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
    values={
        "area_kind": AREA_KIND_LABELS,
        "about": {
            "area": _l("area"),
            "person": _l("person"),
            "either": _l("area or person"),
        },
        "picture": PICTURE_LABELS,
    },
    sentences={
        "template.add": (
            _l("%(who)s added the checklist %(label)s"),
            _l("%(who)s added the checklist %(code)s"),
        ),
        "template.revise": (_l("%(who)s changed the checklist"),),
        "template.retire": (_l("%(who)s retired the checklist"),),
    },
)
