"""Content packs: cards in one file, to be carried from one Lodge to another."""

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
"""Since 2 a case may carry prompts and approaches; older packs are read as they are."""

FORMAT_2_DEFAULTS: dict[str, Any] = {"prompts": [], "approaches": []}
"""What a card of an older pack does not say."""

MAX_PACK_BYTES, MAX_CARDS = 250_000, 500
COMPARED_FIELDS = ("group", "title", "body", "phrase", "order", "clause", "prompts", "approaches")
"""What two cards of one code may differ in."""


ONE_WORD_PATTERN = re.compile(rf"[\w.-]{{1,{MAX_CODE_LENGTH}}}\Z")


class SectionsSchema(Schema):
    """What a pack brings, by sort. Sorts of a newer Lodge are passed over and named."""

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
    """A pack that can be taken in."""

    name: str
    version: str
    licence: str
    cards: tuple[dict[str, Any], ...]
    unknown_sections: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What a card remembers of where it came from."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class InvalidPack:
    """A file that is no pack of ours: why, and where in it."""

    code: str
    where: str = ""


class InstalledCard(Protocol):
    """What a comparison needs to know of a card that a site has."""

    code: str
    pack: str | None
    withdrawn_at: Any


@dataclass(frozen=True, slots=True)
class CardComparison:
    """One card of a pack beside the card of the same code here."""

    card: dict[str, Any]
    installed: Any | None
    state: str
    """new, unchanged, changed, conflict (somebody here wrote it), or withdrawn here."""

    @property
    def fields(self) -> list[str]:
        """The fields in which the two differ."""
        return [] if self.installed is None else differing_fields(self.card, self.installed)


def serialize_pack(pack: Pack) -> str:
    """C6: the same cards make the same file, byte for byte, with a hash over all of it."""
    cards = sorted((card_content(card) for card in pack.cards), key=lambda card: str(card["code"]))
    about = {"name": pack.name, "version": pack.version, "licence": pack.licence}
    file = {"lodge_pack": FORMAT_VERSION, **about, "sections": {"cards": cards}}
    sealed = {**file, "hash": content_hash(file)}
    return json.dumps(sealed, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def card_content(card: Mapping[str, Any]) -> dict[str, Any]:
    """What a card says, without what only one site knows of it."""
    return {name: card[name] for name in ("code", *COMPARED_FIELDS)}


def read_pack(raw: bytes) -> Pack | InvalidPack:
    """C7: a file that is too big, altered, newer or no pack at all is refused before anything."""
    if len(raw) > MAX_PACK_BYTES:
        return InvalidPack("too-big")
    try:
        file = json.loads(
            raw.decode("utf-8"), parse_float=_reject_number, parse_constant=_reject_number
        )
        fault = _format_error(file)
    except (ValueError, RecursionError):
        return InvalidPack("not-json")
    return InvalidPack(fault) if fault else _validated_pack(file)


def _format_error(file: Any) -> str | None:
    if not isinstance(file, dict) or not isinstance(file.get("lodge_pack"), int):
        return "not-a-pack"
    if file["lodge_pack"] > FORMAT_VERSION:
        return "newer-pack"
    return None if file.get("hash") == content_hash(file) else "altered"


def _reject_number(text: str) -> Any:
    raise ValueError(f"{text}: only whole numbers stand in a pack")


def _validated_pack(file: dict[str, Any]) -> Pack | InvalidPack:
    try:
        loaded = PackFileSchema().load(file)
    except ValidationError as error:
        return InvalidPack("malformed-pack", _error_location(error.messages, file))
    cards = loaded["sections"]["cards"]
    codes = [card["code"] for card in cards]
    twice = next((code for code in codes if codes.count(code) > 1), None)
    if twice:
        return InvalidPack("code-twice", twice)
    unknown = sorted(str(name)[:40] for name in file["sections"].keys() - {"cards"})
    about = (loaded["name"], loaded["version"], loaded["licence"])
    whole = tuple({**FORMAT_2_DEFAULTS, **mask_id_numbers(card)} for card in cards)
    return Pack(*about, cards=whole, unknown_sections=tuple(unknown))


def _error_location(messages: Any, file: dict[str, Any]) -> str:
    """Where the first fault is: the code of its card and the field's name."""
    steps: list[str] = []
    while isinstance(messages, dict) and messages:
        step, messages = next(iter(messages.items()))
        steps.append(_card_code(file, step) if steps == ["sections", "cards"] else str(step))
    return " · ".join(steps[2:] or steps)[:200]


def _card_code(file: dict[str, Any], place: Any) -> str:
    card = file["sections"]["cards"][place] if isinstance(place, int) else {}
    return str(card.get("code", place)) if isinstance(card, dict) else str(place)


def compare_with_site(pack: Pack, here: Iterable[InstalledCard]) -> Sequence[CardComparison]:
    """C8: what a pack would change here; what was edited or withdrawn here is asked about."""
    known = {card.code: card for card in here}
    found = [
        CardComparison(
            card, known.get(card["code"]), _comparison_state(pack, card, known.get(card["code"]))
        )
        for card in pack.cards
    ]
    return sorted(found, key=lambda one: str(one.card["code"]))


def _comparison_state(pack: Pack, card: dict[str, Any], here: InstalledCard | None) -> str:
    if here is None:
        return "new"
    if here.withdrawn_at:
        return "withdrawn"
    if not differing_fields(card, here):
        return "unchanged"
    mine = (here.pack or "").rpartition(" ")[0] == pack.name
    return "changed" if mine else "conflict"


def differing_fields(card: Mapping[str, Any], here: Any) -> list[str]:
    """The fields in which a card of a pack differs from the one here."""
    return [name for name in COMPARED_FIELDS if card[name] != getattr(here, name)]
