"""Content packs: cards in one file, to be copied from one Lodge installation to another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from marshmallow import EXCLUDE, Schema, ValidationError, fields
from marshmallow.validate import And, Length, Range, Regexp

from sync.protocol.hash_chain import content_hash
from sync.protocol.op import MAX_LABEL_LENGTH
from sync.protocol.redaction import mask_id_numbers
from sync.training.cards import MAX_CODE_LENGTH, PLAIN_TEXT_VALIDATOR, CardContentSchema

FORMAT_VERSION = 2
"""Since version 2 a case study may have prompts and approaches. Version 1 is still read."""

FORMAT_2_DEFAULTS: dict[str, Any] = {"prompts": [], "approaches": []}
"""The fields that a card of a version 1 pack does not have."""

MAX_PACK_BYTES, MAX_CARDS = 250_000, 500
COMPARED_FIELDS = ("group", "title", "body", "phrase", "order", "clause", "prompts", "approaches")
"""The fields in which two cards with the same code may differ."""


ONE_WORD_PATTERN = re.compile(rf"[\w.-]{{1,{MAX_CODE_LENGTH}}}\Z")


class SectionsSchema(Schema):
    """The sections of a pack. Sections that only a newer version knows are ignored and listed."""

    class Meta:
        unknown = EXCLUDE

    cards = fields.List(
        fields.Nested(CardContentSchema), load_default=list, validate=Length(max=MAX_CARDS)
    )


class PackFileSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    lodge_pack = fields.Integer(
        required=True, strict=True, validate=Range(min=1, max=FORMAT_VERSION)
    )
    name = fields.String(required=True, validate=Regexp(ONE_WORD_PATTERN))
    version = fields.String(required=True, validate=Regexp(ONE_WORD_PATTERN))
    licence = fields.String(
        required=True, validate=And(Length(min=1, max=MAX_LABEL_LENGTH), PLAIN_TEXT_VALIDATOR)
    )
    sections = fields.Nested(SectionsSchema, required=True)


@dataclass(frozen=True, slots=True)
class Pack:
    """A valid pack."""

    name: str
    version: str
    licence: str
    cards: tuple[dict[str, Any], ...]
    unknown_sections: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The text by which a card records the pack that it came from."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class InvalidPack:
    """A file that is not a valid pack: the code of the reason, and where in the file."""

    code: str
    where: str = ""


class InstalledCard(Protocol):
    """The fields of a card of the site that the comparison reads."""

    code: str
    pack: str | None
    withdrawn_at: Any


@dataclass(frozen=True, slots=True)
class CardComparison:
    """One card of a pack beside the card of the site with the same code."""

    card: dict[str, Any]
    installed: Any | None
    state: str
    """"new", "unchanged", "changed", "conflict" (written at this site), or "withdrawn" (at this
    site)."""

    @property
    def fields(self) -> list[str]:
        """The fields in which the two cards differ."""
        return [] if self.installed is None else differing_fields(self.card, self.installed)


def serialize_pack(pack: Pack) -> str:
    """C6: the text of a pack file with a hash over its content. The same cards give the same
    bytes."""
    cards = sorted((card_content(card) for card in pack.cards), key=lambda card: str(card["code"]))
    metadata = {"name": pack.name, "version": pack.version, "licence": pack.licence}
    file = {"lodge_pack": FORMAT_VERSION, **metadata, "sections": {"cards": cards}}
    with_hash = {**file, "hash": content_hash(file)}
    return json.dumps(with_hash, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def card_content(card: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a card without the fields that belong to one site."""
    return {name: card[name] for name in ("code", *COMPARED_FIELDS)}


def read_pack(raw: bytes) -> Pack | InvalidPack:
    """C7: a file that is too big, altered, newer or not a pack is refused as a whole."""
    if len(raw) > MAX_PACK_BYTES:
        return InvalidPack("too-big")
    try:
        file = json.loads(
            raw.decode("utf-8"), parse_float=_reject_number, parse_constant=_reject_number
        )
        error = _format_error(file)
    except (ValueError, RecursionError):
        return InvalidPack("not-json")
    return InvalidPack(error) if error else _validated_pack(file)


def _format_error(file: Any) -> str | None:
    if not isinstance(file, dict) or not isinstance(file.get("lodge_pack"), int):
        return "not-a-pack"
    if file["lodge_pack"] > FORMAT_VERSION:
        return "newer-pack"
    return None if file.get("hash") == content_hash(file) else "altered"


def _reject_number(text: str) -> Any:
    raise ValueError(f"{text}: a pack contains only whole numbers")


def _validated_pack(file: dict[str, Any]) -> Pack | InvalidPack:
    try:
        loaded = PackFileSchema().load(file)
    except ValidationError as error:
        return InvalidPack("malformed-pack", _error_location(error.messages, file))
    cards = loaded["sections"]["cards"]
    codes = [card["code"] for card in cards]
    duplicate = next((code for code in codes if codes.count(code) > 1), None)
    if duplicate:
        return InvalidPack("code-twice", duplicate)
    unknown = sorted(str(name)[:40] for name in file["sections"].keys() - {"cards"})
    metadata = (loaded["name"], loaded["version"], loaded["licence"])
    complete_cards = tuple({**FORMAT_2_DEFAULTS, **mask_id_numbers(card)} for card in cards)
    return Pack(*metadata, cards=complete_cards, unknown_sections=tuple(unknown))


def _error_location(messages: Any, file: dict[str, Any]) -> str:
    """Where the first error is: the code of its card and the name of the field."""
    steps: list[str] = []
    while isinstance(messages, dict) and messages:
        step, messages = next(iter(messages.items()))
        steps.append(_card_code(file, step) if steps == ["sections", "cards"] else str(step))
    return " · ".join(steps[2:] or steps)[:200]


def _card_code(file: dict[str, Any], index: Any) -> str:
    card = file["sections"]["cards"][index] if isinstance(index, int) else {}
    return str(card.get("code", index)) if isinstance(card, dict) else str(index)


def compare_with_site(pack: Pack, site_cards: Iterable[InstalledCard]) -> Sequence[CardComparison]:
    """C8: what a pack would change at a site. Cards edited or withdrawn there are conflicts.

    Returns one comparison for each card of the pack, sorted by code.
    """
    installed = {card.code: card for card in site_cards}
    comparisons = [
        CardComparison(
            card,
            installed.get(card["code"]),
            _comparison_state(pack, card, installed.get(card["code"])),
        )
        for card in pack.cards
    ]
    return sorted(comparisons, key=lambda comparison: str(comparison.card["code"]))


def _comparison_state(pack: Pack, card: dict[str, Any], installed: InstalledCard | None) -> str:
    if installed is None:
        return "new"
    if installed.withdrawn_at:
        return "withdrawn"
    if not differing_fields(card, installed):
        return "unchanged"
    is_same_pack = (installed.pack or "").rpartition(" ")[0] == pack.name
    return "changed" if is_same_pack else "conflict"


def differing_fields(card: Mapping[str, Any], installed: Any) -> list[str]:
    """The fields in which a card of a pack differs from the card of the site."""
    return [name for name in COMPARED_FIELDS if card[name] != getattr(installed, name)]
