"""Two tickets side by side: what speaks for one matter, and what against it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sync.protocol.likeness import names_same_home, shares_words
from sync.service.ticket_lists import SAME_MATTER_WINDOW, possible_duplicates

SOON_AFTER = timedelta(hours=4)
"""Tickets that were opened within this time of each other are close."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two open tickets that may be one matter, the earlier first. `against` and `in_favour` are
    codes of what speaks against it and for it."""

    first: Any
    second: Any
    against: list[str]
    in_favour: list[str]


def pairs_among(
    tickets: Sequence[Any], home_label: Callable[[str | None], str]
) -> Iterator[tuple[Any, Any]]:
    """K17: every two of these tickets that may be one matter, the newest first. They are sorted by
    their opening, and so are the two of a pair."""
    for place, second in reversed(list(enumerate(tickets))):
        since = second.opened_at - SAME_MATTER_WINDOW
        first_near = bisect_left(tickets, since, key=lambda each: each.opened_at)
        for first in possible_duplicates(second, tickets[first_near:place], home_label):
            yield first, second


def in_order(one: Any, other: Any) -> tuple[Any, Any]:
    """Two tickets, the earlier first."""
    is_first = (one.opened_at, one.id) < (other.opened_at, other.id)
    return (one, other) if is_first else (other, one)


def compare(first: Any, second: Any, home_label: Callable[[str | None], str]) -> Pair:
    """K17: two tickets with what speaks against their being one matter, and for it."""
    apart = second.opened_at - first.opened_at
    said = [f"{each.details} {home_label(each.unit)}" for each in (first, second)]
    against = {
        "another-home": _differ(first.unit, second.unit),
        "another-contact": _differ(first.contact, second.contact),
        "another-problem": _differ(first.category, second.category),
        "another-matter": _differ(first.matter, second.matter),
        "work-done-before": bool(first.resolved_at and first.resolved_at <= second.opened_at),
        "days-apart": apart >= timedelta(days=1),
    }
    in_favour = {
        "same-contact": _same(first.contact, second.contact),
        "same-home": _same(first.unit, second.unit) or names_same_home(*said),
        "same-area": _same(first.area, second.area),
        "same-problem": _same(first.category, second.category),
        "same-words": shares_words(first.details, second.details),
        "soon-after": apart <= SOON_AFTER,
    }
    return Pair(first, second, _true(against), _true(in_favour))


def _differ(one: str | None, other: str | None) -> bool:
    return bool(one and other and one != other)


def _same(one: str | None, other: str | None) -> bool:
    return bool(one) and one == other


def _true(found: dict[str, bool]) -> list[str]:
    return [code for code, holds in found.items() if holds]
