"""Content packs: cards in one file, to be carried from one Lodge to another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from marshmallow import EXCLUDE, Schema, ValidationError, fields
from marshmallow.validate import And, Length, Range, Regexp

from sync.protocol.hash_chain import hash_of
from sync.protocol.op import LABEL_LENGTH
from sync.protocol.redaction import masked
from sync.training.cards import CODE_LENGTH, PLAIN, Content

FORMAT = 2
"""Since 2 a case may carry prompts and approaches; older packs are read as they are."""

NEWER_FIELDS: dict[str, Any] = {"prompts": [], "approaches": []}
"""What a card of an older pack does not say."""

BYTES, MOST_CARDS = 250_000, 500
FIELDS = ("group", "title", "body", "phrase", "order", "clause", "prompts", "approaches")
"""What two cards of one code may differ in."""


ONE_WORD = re.compile(rf"[\w.-]{{1,{CODE_LENGTH}}}\Z")


class Sections(Schema):
    """What a pack brings, by sort. Sorts of a newer Lodge are passed over and named."""

    class Meta:
        unknown = EXCLUDE

    cards = fields.List(fields.Nested(Content), load_default=list, validate=Length(max=MOST_CARDS))


class PackFile(Schema):
    class Meta:
        unknown = EXCLUDE

    lodge_pack = fields.Integer(required=True, strict=True, validate=Range(min=1, max=FORMAT))
    name = fields.String(required=True, validate=Regexp(ONE_WORD))
    version = fields.String(required=True, validate=Regexp(ONE_WORD))
    licence = fields.String(required=True, validate=And(Length(min=1, max=LABEL_LENGTH), PLAIN))
    sections = fields.Nested(Sections, required=True)


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that can be taken in."""

    name: str
    version: str
    licence: str
    cards: tuple[dict[str, Any], ...]
    passed_over: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What a card remembers of where it came from."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A file that is no pack of ours: why, and where in it."""

    code: str
    where: str = ""


class Kept(Protocol):
    """What a comparison needs to know of a card that a site has."""

    code: str
    pack: str | None
    withdrawn_at: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One card of a pack beside the card of the same code here."""

    card: dict[str, Any]
    here: Any | None
    state: str
    """new, unchanged, changed, conflict (somebody here wrote it), or withdrawn here."""

    @property
    def fields(self) -> list[str]:
        """The fields in which the two differ."""
        return [] if self.here is None else differing(self.card, self.here)


def text_of(pack: Pack) -> str:
    """C6: the same cards make the same file, byte for byte, with a hash over all of it."""
    cards = sorted((content(card) for card in pack.cards), key=lambda card: str(card["code"]))
    about = {"name": pack.name, "version": pack.version, "licence": pack.licence}
    file = {"lodge_pack": FORMAT, **about, "sections": {"cards": cards}}
    sealed = {**file, "hash": hash_of(file)}
    return json.dumps(sealed, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def content(card: Mapping[str, Any]) -> dict[str, Any]:
    """What a card says, without what only one site knows of it."""
    return {name: card[name] for name in ("code", *FIELDS)}


def read(raw: bytes) -> Pack | Wrong:
    """C7: a file that is too big, altered, newer or no pack at all is refused before anything."""
    if len(raw) > BYTES:
        return Wrong("too-big")
    try:
        file = json.loads(raw.decode("utf-8"), parse_float=_no_number, parse_constant=_no_number)
        fault = _fault(file)
    except (ValueError, RecursionError):
        return Wrong("not-json")
    return Wrong(fault) if fault else _checked(file)


def _fault(file: Any) -> str | None:
    if not isinstance(file, dict) or not isinstance(file.get("lodge_pack"), int):
        return "not-a-pack"
    if file["lodge_pack"] > FORMAT:
        return "newer-pack"
    return None if file.get("hash") == hash_of(file) else "altered"


def _no_number(text: str) -> Any:
    raise ValueError(f"{text}: only whole numbers stand in a pack")


def _checked(file: dict[str, Any]) -> Pack | Wrong:
    try:
        loaded = PackFile().load(file)
    except ValidationError as error:
        return Wrong("malformed-pack", _place(error.messages, file))
    cards = loaded["sections"]["cards"]
    codes = [card["code"] for card in cards]
    twice = next((code for code in codes if codes.count(code) > 1), None)
    if twice:
        return Wrong("code-twice", twice)
    unknown = sorted(str(name)[:40] for name in file["sections"].keys() - {"cards"})
    about = (loaded["name"], loaded["version"], loaded["licence"])
    whole = tuple({**NEWER_FIELDS, **masked(card)} for card in cards)
    return Pack(*about, cards=whole, passed_over=tuple(unknown))


def _place(messages: Any, file: dict[str, Any]) -> str:
    """Where the first fault is: the code of its card and the field's name."""
    steps: list[str] = []
    while isinstance(messages, dict) and messages:
        step, messages = next(iter(messages.items()))
        steps.append(_code(file, step) if steps == ["sections", "cards"] else str(step))
    return " · ".join(steps[2:] or steps)[:200]


def _code(file: dict[str, Any], place: Any) -> str:
    card = file["sections"]["cards"][place] if isinstance(place, int) else {}
    return str(card.get("code", place)) if isinstance(card, dict) else str(place)


def compare(pack: Pack, here: Iterable[Kept]) -> Sequence[Difference]:
    """C8: what a pack would change here; what was edited or withdrawn here is asked about."""
    known = {card.code: card for card in here}
    found = [
        Difference(card, known.get(card["code"]), _state(pack, card, known.get(card["code"])))
        for card in pack.cards
    ]
    return sorted(found, key=lambda one: str(one.card["code"]))


def _state(pack: Pack, card: dict[str, Any], here: Kept | None) -> str:
    if here is None:
        return "new"
    if here.withdrawn_at:
        return "withdrawn"
    if not differing(card, here):
        return "unchanged"
    mine = (here.pack or "").rpartition(" ")[0] == pack.name
    return "changed" if mine else "conflict"


def differing(card: Mapping[str, Any], here: Any) -> list[str]:
    """The fields in which a card of a pack differs from the one here."""
    return [name for name in FIELDS if card[name] != getattr(here, name)]
