"""Cards: short reference texts that every phone stores and shows offline."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

from marshmallow import fields
from marshmallow.validate import And, Length, OneOf, Range, Regexp

from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_TEXT_LENGTH,
    Accepted,
    EmptyPayload,
    Kind,
    LocalizedLabel,
    Op,
    Payload,
    Refused,
    derive_op,
)
from sync.protocol.roles import ALL_ROLES, DESK_ONLY_AUDIENCE, DESK_ROLES, role_mask
from sync.protocol.text import _l
from sync.training.card_labels import FIELDS, SENTENCES, STATES, VALUES

GROUPS = (
    "etiquette",
    "phrases",
    "flow",
    "standards",
    "posts",
    "services",
    "fees",
    "company",
    "estates",
    "cases",
)
MAX_PHRASE_LENGTH, MAX_CODE_LENGTH, MAX_PACK_LENGTH = 40, 24, 80
MAX_PROMPTS, MAX_APPROACHES = 6, 3

CODE_VALIDATOR = Regexp(
    rf"^[A-Z0-9][A-Z0-9_-]{{0,{MAX_CODE_LENGTH - 1}}}\Z", error="A code is like ET-01."
)
PLAIN_TEXT_VALIDATOR = Regexp(
    "^[^\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]*\\Z", error="Plain text, lines and blank lines only."
)


class CardLike(Protocol):
    """The fields of a card that the rules read."""

    edition: int
    body: dict[str, str]
    withdrawn_at: datetime | None


def PlainText(max_length: int, min_length: int = 0, **kwargs: Any) -> fields.String:  # noqa: N802
    """A field for text with line breaks and no other control characters."""
    return fields.String(
        validate=And(Length(min=min_length, max=max_length), PLAIN_TEXT_VALIDATOR), **kwargs
    )


def TitleField(**kwargs: Any) -> LocalizedLabel:  # noqa: N802 - named like a field type
    """A field for a short text in some languages."""
    return LocalizedLabel(validators=[PLAIN_TEXT_VALIDATOR], **kwargs)


def BodyField(**kwargs: Any) -> LocalizedLabel:  # noqa: N802
    """A field for a text in some languages or none; blank lines separate its paragraphs."""
    return LocalizedLabel(MAX_TEXT_LENGTH, [PLAIN_TEXT_VALIDATOR], may_be_empty=True, **kwargs)


class ApproachSchema(Payload):
    """One approach to a case study: whether we endorse it, and why or why not."""

    key = fields.String(required=True, validate=Regexp(r"^[A-C]\Z", error="A letter, A to C."))
    label = TitleField(required=True)
    endorsed = fields.Boolean(required=True)
    why = BodyField(required=True)


def PromptsField() -> fields.List[Any]:  # noqa: N802
    """A field for the discussion questions of a case study."""
    return fields.List(TitleField(), validate=Length(max=MAX_PROMPTS))


def ApproachesField() -> fields.List[Any]:  # noqa: N802
    """A field for the approaches of a case study."""
    return fields.List(fields.Nested(ApproachSchema), validate=Length(max=MAX_APPROACHES))


class CardContentSchema(Payload):
    """The content of a card, as in a pack and as in `card.add`."""

    code = fields.String(required=True, validate=CODE_VALIDATOR)
    group = fields.String(required=True, validate=OneOf(GROUPS))
    title = TitleField(required=True)
    body = BodyField(load_default=dict)
    phrase = PlainText(MAX_PHRASE_LENGTH, allow_none=True, load_default=None)
    order = fields.Integer(strict=True, load_default=0, validate=Range(min=0, max=9999))
    clause = PlainText(MAX_CODE_LENGTH, allow_none=True, load_default=None)
    prompts = PromptsField()
    approaches = ApproachesField()


class CardAddPayload(CardContentSchema):
    pack = PlainText(MAX_PACK_LENGTH, allow_none=True, load_default=None)


class CardRevisePayload(Payload):
    group = fields.String(validate=OneOf(GROUPS))
    title = TitleField()
    body = BodyField()
    phrase = PlainText(MAX_PHRASE_LENGTH, allow_none=True)
    order = fields.Integer(strict=True, validate=Range(min=0, max=9999))
    clause = PlainText(MAX_CODE_LENGTH, allow_none=True)
    prompts = PromptsField()
    approaches = ApproachesField()
    pack = PlainText(MAX_PACK_LENGTH, allow_none=True)


class CardAmendPayload(CardRevisePayload):
    """The payload that resolves a conflict. `status` is ignored, because it follows from the
    text."""

    status = fields.String(validate=Length(max=20))


class CardReissuePayload(Payload):
    pack = PlainText(MAX_PACK_LENGTH, allow_none=True, load_default=None)


def card_id(site_id: str, code: str) -> str:
    """The id of the card with this code at this site, whether it is added by hand or from a
    pack."""
    return str(uuid5(UUID(site_id), f"card|{code}"))


def add(_: None, op: Op) -> Accepted:
    """C1: a card has a group and a unique code, and records which pack it came from."""
    return Accepted({**op.payload, "status": content_status(op.payload["body"]), "edition": 1})


def revise(card: CardLike, op: Op) -> Accepted | Refused:
    """C2: a revision contains only the fields that it changes; each accepted one makes a new
    edition."""
    if card.withdrawn_at:
        return Refused("withdrawn")
    changes = {name: value for name, value in op.payload.items() if name not in ("pack", "status")}
    if not changes:
        return Refused("nothing-changed")
    if "body" in changes:
        changes["status"] = content_status(changes["body"])
    pack = {"pack": op.payload.get("pack")}
    return Accepted(changes, followups=(derive_op(op, "card.reissue", op.subject, pack),))


def reissue(card: CardLike, op: Op) -> Accepted:
    """C3: the edition is increased by one, also when two revisions are merged."""
    return Accepted({"edition": card.edition + 1, "pack": op.payload["pack"]})


def withdraw(card: CardLike, op: Op) -> Accepted | Refused:
    """C4: a withdrawn card leaves every phone; its history stays at the desk."""
    if card.withdrawn_at:
        return Refused("withdrawn")
    return Accepted({"withdrawn_at": op.occurred_at})


def content_status(body: dict[str, str]) -> str:
    """C5: "awaiting" for a card without a text, otherwise "ready"."""
    return "ready" if any(text.strip() for text in body.values()) else "awaiting"


def state(card: Any) -> str:
    """Whether a card is ready, waiting for content, or withdrawn."""
    return "withdrawn" if card["withdrawn_at"] else str(card["status"])


def visible_until(card: Any) -> str:
    """Phones show a card until it is withdrawn."""
    return format_time(card["withdrawn_at"]) if card["withdrawn_at"] else FOREVER


KINDS = {
    "card.add": Kind(
        payload=CardAddPayload,
        rule=add,
        type="card",
        fact=False,
        creates=True,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        label=_l("Card added"),
    ),
    "card.revise": Kind(
        payload=CardRevisePayload,
        rule=revise,
        type="card",
        fact=False,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        label=_l("Card changed"),
    ),
    "card.withdraw": Kind(
        payload=EmptyPayload,
        rule=withdraw,
        type="card",
        fact=False,
        roles=MASTER_DATA_ROLES,
        from_desk_only=True,
        conflicts_with=frozenset({"title", "body", "phrase"}),
        label=_l("Card withdrawn"),
    ),
    "card.amend": Kind(
        payload=CardAmendPayload,
        rule=revise,
        type="card",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        label=_l("Card corrected"),
    ),
    "card.reissue": Kind(
        payload=CardReissuePayload,
        rule=reissue,
        type="card",
        fact=False,
        from_server_only=True,
        label=_l("New card edition"),
    ),
}


FEATURE = Feature(
    types={
        "card": RecordType(
            label=_l("Card"),
            state=state,
            visible_until=visible_until,
            audience=lambda card, _: (
                DESK_ONLY_AUDIENCE if card["withdrawn_at"] else role_mask(ALL_ROLES)
            ),
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
    sentences=SENTENCES,
)
