"""Cards: what everybody should know, to be read on every phone without a network."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

from marshmallow import fields
from marshmallow.validate import And, Length, OneOf, Range, Regexp

from sync.estate.places import MASTERS
from sync.protocol.clock import iso
from sync.protocol.digest import DESK, FOREVER
from sync.protocol.op import (
    LABEL_LENGTH,
    TEXT_LENGTH,
    Accepted,
    Kind,
    Nothing,
    Op,
    Payload,
    Refused,
    derived,
)

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
PHRASE_LENGTH, CODE_LENGTH, PACK_LENGTH = 40, 24, 80
MOST_PROMPTS, MOST_APPROACHES = 6, 3

CODE = Regexp(rf"^[A-Z0-9][A-Z0-9_-]{{0,{CODE_LENGTH - 1}}}\Z", error="A code is like ET-01.")
PLAIN = Regexp(
    "^[^\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]*\\Z", error="Plain text, lines and blank lines only."
)


class Card(Protocol):
    """What the rules need to know of a card."""

    edition: int
    body: dict[str, str]
    withdrawn_at: datetime | None


def Plain(most: int, least: int = 0, **more: Any) -> fields.String:  # noqa: N802
    """Text with line breaks and no other control characters."""
    return fields.String(validate=And(Length(min=least, max=most), PLAIN), **more)


class Title(Payload):
    zh = Plain(LABEL_LENGTH, 1, required=True)
    en = Plain(LABEL_LENGTH, 1, required=True)


class Body(Payload):
    """Paragraphs stand apart by a blank line."""

    zh = Plain(TEXT_LENGTH, required=True)
    en = Plain(TEXT_LENGTH, required=True)


class Approach(Payload):
    """One way to go about a case: whether we stand by it, and why or why not."""

    key = fields.String(required=True, validate=Regexp(r"^[A-C]\Z", error="A letter, A to C."))
    label = fields.Nested(Title, required=True)
    endorsed = fields.Boolean(required=True)
    why = fields.Nested(Body, required=True)


def Prompts() -> fields.List[Any]:  # noqa: N802 - reads as the field type that it is
    """What a case asks the room."""
    return fields.List(fields.Nested(Title), validate=Length(max=MOST_PROMPTS))


def Approaches() -> fields.List[Any]:  # noqa: N802
    """The ways that a case lets people choose from."""
    return fields.List(fields.Nested(Approach), validate=Length(max=MOST_APPROACHES))


class Content(Payload):
    """What a card says, as a pack carries it and as it is added."""

    code = fields.String(required=True, validate=CODE)
    group = fields.String(required=True, validate=OneOf(GROUPS))
    title = fields.Nested(Title, required=True)
    body = fields.Nested(Body, load_default=lambda: {"zh": "", "en": ""})
    phrase = Plain(PHRASE_LENGTH, allow_none=True, load_default=None)
    order = fields.Integer(strict=True, load_default=0, validate=Range(min=0, max=9999))
    clause = Plain(CODE_LENGTH, allow_none=True, load_default=None)
    prompts = Prompts()
    approaches = Approaches()


class NewCard(Content):
    pack = Plain(PACK_LENGTH, allow_none=True, load_default=None)


class Revision(Payload):
    group = fields.String(validate=OneOf(GROUPS))
    title = fields.Nested(Title)
    body = fields.Nested(Body)
    phrase = Plain(PHRASE_LENGTH, allow_none=True)
    order = fields.Integer(strict=True, validate=Range(min=0, max=9999))
    clause = Plain(CODE_LENGTH, allow_none=True)
    prompts = Prompts()
    approaches = Approaches()
    pack = Plain(PACK_LENGTH, allow_none=True)


class Amendment(Revision):
    """What a settlement writes; that a text is there or not comes with the text."""

    status = fields.String()


class Edition(Payload):
    pack = Plain(PACK_LENGTH, allow_none=True, load_default=None)


def card_id(site_id: str, code: str) -> str:
    """One card a code and site: added twice, by hand or from a pack, it is the same card."""
    return str(uuid5(UUID(site_id), f"card|{code}"))


def add(_: None, op: Op) -> Accepted:
    """C1: a card has a group, a code of its own, and says where it came from."""
    return Accepted({**op.payload, "status": status(op.payload["body"]), "edition": 1})


def revise(card: Card, op: Op) -> Accepted | Refused:
    """C2: a revision carries only what it changes; every one that stands is a new edition."""
    if card.withdrawn_at:
        return Refused("withdrawn")
    changes = {name: value for name, value in op.payload.items() if name not in ("pack", "status")}
    if not changes:
        return Refused("nothing-changed")
    if "body" in changes:
        changes["status"] = status(changes["body"])
    pack = {"pack": op.payload.get("pack")}
    return Accepted(changes, then=(derived(op, "card.reissue", op.subject, pack),))


def reissue(card: Card, op: Op) -> Accepted:
    """C3: editions count up by one, also where two revisions stand together."""
    return Accepted({"edition": card.edition + 1, "pack": op.payload["pack"]})


def withdraw(card: Card, op: Op) -> Accepted | Refused:
    """C4: a card that was withdrawn leaves every phone; its history stays at the desk."""
    if card.withdrawn_at:
        return Refused("withdrawn")
    return Accepted({"withdrawn_at": op.occurred_at})


def status(body: dict[str, str]) -> str:
    """C5: a card without a text says that it waits for content; nothing is made up for it."""
    return "ready" if any(text.strip() for text in body.values()) else "awaiting"


def state(card: Any) -> str:
    """Ready, waiting for content, or withdrawn."""
    return "withdrawn" if card["withdrawn_at"] else str(card["status"])


def until(card: Any) -> str:
    """Cards stay until they are withdrawn."""
    return iso(card["withdrawn_at"]) if card["withdrawn_at"] else FOREVER


KINDS = {
    "card.add": Kind(
        payload=NewCard,
        rule=add,
        type="card",
        fact=False,
        creates=True,
        roles=MASTERS,
        at_desk=True,
    ),
    "card.revise": Kind(
        payload=Revision, rule=revise, type="card", fact=False, roles=MASTERS, at_desk=True
    ),
    "card.withdraw": Kind(
        payload=Nothing,
        rule=withdraw,
        type="card",
        fact=False,
        roles=MASTERS,
        at_desk=True,
        minds=frozenset({"title", "body", "phrase"}),
    ),
    "card.amend": Kind(
        payload=Amendment, rule=revise, type="card", fact=False, roles=DESK, at_desk=True
    ),
    "card.reissue": Kind(payload=Edition, rule=reissue, type="card", fact=False, internal=True),
}
