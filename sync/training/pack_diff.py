"""Two content packs side by side: what came, what changed and how, what is no longer there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sync.training.content_packs import COMPARED_FIELDS

Card = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CardChange:
    """One card that both have: each field that differs, before and after."""

    card: Card
    fields: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class PackDiff:
    """What makes one pack into the other; each part in the order of the codes."""

    added: tuple[Card, ...]
    changed: tuple[CardChange, ...]
    withdrawn: tuple[Card, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.withdrawn)


def diff_packs(before: Iterable[Card], after: Iterable[Card]) -> PackDiff:
    """Z11: added, changed field by field, withdrawn; of equal packs there is none."""
    old, new = by_code(before), by_code(after)
    both = [(old[code], new[code]) for code in sorted(old.keys() & new.keys())]
    changes = (CardChange(now, _changed_fields(was, now)) for was, now in both)
    return PackDiff(
        added=tuple(new[code] for code in sorted(new.keys() - old.keys())),
        changed=tuple(change for change in changes if change.fields),
        withdrawn=tuple(old[code] for code in sorted(old.keys() - new.keys())),
    )


def apply_diff(found: PackDiff, before: Iterable[Card]) -> list[Card]:
    """Z11: what was before, with the differences put in, is what is after."""
    cards = by_code(before)
    for card in found.withdrawn:
        del cards[card["code"]]
    for change in found.changed:
        code = change.card["code"]
        cards[code] = {**cards[code], **{name: now for name, (_, now) in change.fields.items()}}
    cards.update(by_code(found.added))
    return [cards[code] for code in sorted(cards)]


def by_code(cards: Iterable[Card]) -> dict[str, Card]:
    """A pack has one card a code."""
    return {str(card["code"]): card for card in cards}


def _changed_fields(was: Card, now: Card) -> dict[str, tuple[Any, Any]]:
    return {name: (was[name], now[name]) for name in COMPARED_FIELDS if was[name] != now[name]}
