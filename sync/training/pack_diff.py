"""The differences between two content packs: added, changed and withdrawn cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sync.training.content_packs import COMPARED_FIELDS

Card = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CardChange:
    """A card that both packs have: each field that differs, before and after."""

    card: Card
    fields: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class PackDiff:
    """The differences that turn one pack into the other, sorted by code."""

    added: tuple[Card, ...]
    changed: tuple[CardChange, ...]
    withdrawn: tuple[Card, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.withdrawn)


def diff_packs(before: Iterable[Card], after: Iterable[Card]) -> PackDiff:
    """Z11: the differences between two packs: cards added, changed field by field, withdrawn."""
    old, new = by_code(before), by_code(after)
    pairs = [(old[code], new[code]) for code in sorted(old.keys() & new.keys())]
    changes = (
        CardChange(new_card, _changed_fields(old_card, new_card)) for old_card, new_card in pairs
    )
    return PackDiff(
        added=tuple(new[code] for code in sorted(new.keys() - old.keys())),
        changed=tuple(change for change in changes if change.fields),
        withdrawn=tuple(old[code] for code in sorted(old.keys() - new.keys())),
    )


def apply_diff(diff: PackDiff, before: Iterable[Card]) -> list[Card]:
    """Z11: the cards of the earlier pack with the differences applied: the cards of the later
    one."""
    cards = by_code(before)
    for card in diff.withdrawn:
        del cards[card["code"]]
    for change in diff.changed:
        code = change.card["code"]
        cards[code] = {**cards[code], **{name: after for name, (_, after) in change.fields.items()}}
    cards.update(by_code(diff.added))
    return [cards[code] for code in sorted(cards)]


def by_code(cards: Iterable[Card]) -> dict[str, Card]:
    """The cards of a pack by their code."""
    return {str(card["code"]): card for card in cards}


def _changed_fields(old: Card, new: Card) -> dict[str, tuple[Any, Any]]:
    return {name: (old[name], new[name]) for name in COMPARED_FIELDS if old[name] != new[name]}
