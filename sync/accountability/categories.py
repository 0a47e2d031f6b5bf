"""Categories of accountability. Each is published and acknowledged before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

from marshmallow import ValidationError, fields, validates
from marshmallow.validate import Length, Regexp

from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_TEXT_LENGTH,
    PERSON,
    SERVER_AUTHOR_ID,
    Accepted,
    EmptyPayload,
    HistoryEntry,
    Kind,
    LocalizedLabel,
    Op,
    Payload,
    Refused,
)
from sync.protocol.roles import ALL_ROLES, DESK_ONLY_AUDIENCE, role_mask
from sync.protocol.text import Text, _l, _lp

CODE_VALIDATOR = Regexp(r"^[A-Z0-9][A-Z0-9-]{0,11}\Z", error="A code is like AC-7.")
SUB_CODE_VALIDATOR = Regexp(r"^[0-9a-z]{1,8}\Z", error="A sub-code is like 7a.")
MAX_SUBS = 20


class CategoryLike(Protocol):
    """The fields of a category that the rules read."""

    published_at: datetime | None
    deactivated_at: datetime | None


class SubCategorySchema(Payload):
    code = fields.String(required=True, validate=SUB_CODE_VALIDATOR)
    label = LocalizedLabel(required=True)


class CategoryAddPayload(Payload):
    """`with_amount`: a case in this category states the amount of the loss."""

    code = fields.String(required=True, validate=CODE_VALIDATOR)
    label = LocalizedLabel(required=True)
    text = LocalizedLabel(MAX_TEXT_LENGTH, required=True)
    subs = fields.List(
        fields.Nested(SubCategorySchema), load_default=list, validate=Length(max=MAX_SUBS)
    )
    with_amount = fields.Boolean(load_default=False)
    clause = fields.String(allow_none=True, load_default=None, validate=Length(max=20))

    @validates("subs")
    def validate_distinct_subs(self, subs: list[dict[str, Any]], **_: Any) -> None:
        """A case names an item by its code, so codes are unique. Raises ValidationError
        otherwise."""
        if len({sub.get("code") for sub in subs}) < len(subs):
            raise ValidationError("Two sub-codes are the same.")


def category_id(site_id: str, code: str) -> str:
    """The id of the category with this code at this site."""
    return str(uuid5(UUID(site_id), f"category|{code}"))


def add(_: None, op: Op) -> Accepted:
    """A1: categories can be added. None is ever deleted or reworded."""
    return Accepted({**op.payload, "seeded": op.by == SERVER_AUTHOR_ID})


def publish(category: CategoryLike, op: Op) -> Accepted | Refused:
    """A2: a category is published to everybody before it can be used."""
    if category.published_at and not category.deactivated_at:
        return Refused("already-published")
    return Accepted(
        {"published_at": category.published_at or op.occurred_at, "deactivated_at": None}
    )


def deactivate(category: CategoryLike, op: Op) -> Accepted | Refused:
    """A1: a deactivated category cannot be used for new cases; its cases stay."""
    if category.deactivated_at:
        return Refused("already-deactivated")
    return Accepted({"deactivated_at": op.occurred_at})


def accept_fact(_: CategoryLike, __: Op) -> Accepted:
    """A2: an acknowledgement is a fact, whatever happened to the category meanwhile."""
    return Accepted({})


def fold(_: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """A2: each person's first acknowledgement counts, whatever order they arrived in."""
    acknowledged: dict[str, str] = {}
    for entry in history:
        if entry.kind == "category.acknowledge":
            acknowledged.setdefault(entry.by, format_time(entry.occurred_at))
    return {"acknowledged": acknowledged}


def state(category: Any) -> str:
    """Whether a category is not published yet, in use, or deactivated."""
    if category["deactivated_at"]:
        return "inactive"
    return "active" if category["published_at"] else "unpublished"


def audience(category: Any) -> int:
    """Everybody reads categories in use; the others are for the desk only."""
    return role_mask(ALL_ROLES) if state(category) == "active" else DESK_ONLY_AUDIENCE


def visible_until(category: Any) -> str:
    """Phones show a category until it is deactivated."""
    return format_time(category["deactivated_at"]) if category["deactivated_at"] else FOREVER


def _desk_kind(payload: type[Payload], rule: Any, *, creates: bool = False, label: Text) -> Kind:
    return Kind(
        label=label,
        payload=payload,
        rule=rule,
        type="category",
        fact=False,
        creates=creates,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
    )


KINDS = {
    "category.add": _desk_kind(CategoryAddPayload, add, creates=True, label=_l("Category added")),
    "category.publish": _desk_kind(EmptyPayload, publish, label=_l("Category published")),
    "category.deactivate": _desk_kind(EmptyPayload, deactivate, label=_l("Category deactivated")),
    "category.acknowledge": Kind(
        payload=EmptyPayload,
        rule=accept_fact,
        type="category",
        fact=True,
        proof=PERSON,
        personal=True,
        not_before="published_at",
        optimistic_patch={"acknowledged.$by": "$at"},
        label=_l("Category read"),
    ),
}


FEATURE = Feature(
    types={
        "category": RecordType(
            label=_l("Accountability category"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda category, _: audience(category),
            states={
                "active": _lp("record in use", "in use"),
                "inactive": _l("not in use"),
                "unpublished": _l("not published"),
            },
        ),
    },
    kinds=KINDS,
    fields={
        "text": _lp("category", "Description"),
        "published_at": _l("Published at"),
        "deactivated_at": _l("Deactivated at"),
        "acknowledged": _lp("category", "Read by"),
        "subs": _l("Category items"),
        "with_amount": _l("Amount required"),
    },
    sentences={
        "category.add": (_l("%(who)s drafted the category %(code)s"),),
        "category.publish": (_l("%(who)s put it into force"),),
        "category.deactivate": (_l("%(who)s took it out of force"),),
        "category.acknowledge": (_l("%(who)s read it"),),
    },
)
