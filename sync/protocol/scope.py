"""Which phones hold a record: those whose people need it, as long as they need it.

A phone has people. It holds the records that their roles see, and those that concern one of them in
person, each from some days before it is due until some days after it has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sync.protocol.clock import FOREVER, format_time, parse_time
from sync.protocol.feature import RecordType, RolesLookup
from sync.protocol.roles import DESK_ONLY_AUDIENCE

LONGEST_HOLD = timedelta(days=30)
"""A record that only an open lost-property case keeps on phones leaves them after this time."""

RECHECK = timedelta(minutes=10)
"""After how long the scope of a record that a case keeps on phones is computed again."""


def trade_key(trade: str) -> str:
    """The key of everybody with a trade."""
    return f"trade:{trade}"


def firm_key(person_id: str) -> str:
    """The key of everybody who works for the same firm as a person. Nobody, if they work for
    none."""
    return f"firm-of:{person_id}"


def group_keys(
    people: Iterable[str], trades: Mapping[str, Iterable[str]], firms: Mapping[str, str]
) -> frozenset[str]:
    """W8: the groups that people belong to. `trades` are those of each repair worker, `firms` those
    of each contractor's worker, by person id."""
    here = set(people)
    own_firms = {firm for id_, firm in firms.items() if id_ in here}
    colleagues = (id_ for id_, firm in firms.items() if firm in own_firms)
    keys = {trade_key(trade) for id_ in here for trade in trades.get(id_, ())}
    return frozenset(keys.union(map(firm_key, colleagues)))


@dataclass(frozen=True, slots=True)
class SiteScope:
    """What the scope of a record depends on besides the record itself."""

    roles_of: RolesLookup
    workers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Who works in an area, by area id."""
    held_homes: frozenset[str] = frozenset()
    """Homes with an open lost-property case."""


class RecordScope(NamedTuple):
    """The phones that hold a record now: the roles as a bit mask, further people by id and groups
    by key, and when this changes by itself (None: never)."""

    roles: int
    people: frozenset[str]
    changes_at: datetime | None


HIDDEN = DESK_ONLY_AUDIENCE, frozenset[str]()


def scope_of(
    type_: RecordType, record: Mapping[str, Any], site: SiteScope, now: datetime
) -> RecordScope:
    """W4, W6: who holds a record at a moment."""
    moment = format_time(now)
    begins = _shifted(type_.visible_from(record), -type_.held_before)
    if begins > moment:
        return RecordScope(*HIDDEN, _as_datetime(begins))
    ended = type_.visible_until(record)
    ends = _shifted(ended, type_.held_after)
    if ends > moment:
        return RecordScope(*_readers(type_, record, site), _as_datetime(ends))
    kept = type_.home_field is not None and record[type_.home_field] in site.held_homes
    if kept and _shifted(ended, LONGEST_HOLD) > moment:
        return RecordScope(*_readers(type_, record, site), now + RECHECK)
    return RecordScope(*HIDDEN, None)


def _readers(
    type_: RecordType, record: Mapping[str, Any], site: SiteScope
) -> tuple[int, frozenset[str]]:
    roles = type_.audience(record, site.roles_of)
    people = frozenset(id_ for id_ in type_.people(record) if id_)
    people |= frozenset(type_.groups(record))
    if type_.area_field:
        people |= site.workers.get(record[type_.area_field], frozenset())
    return roles, people


def _shifted(text: str, by: timedelta) -> str:
    """A time moved by some days, as text; the ends of time stay where they are."""
    if not text or text >= FOREVER:
        return text
    try:
        return format_time(parse_time(text) + by)
    except OverflowError:
        return "" if by < timedelta(0) else FOREVER


def _as_datetime(text: str) -> datetime | None:
    return None if text >= FOREVER else parse_time(text).astimezone(UTC)


def workers_by_area(
    work: Iterable[tuple[str, str]], parents: Mapping[str, str | None]
) -> dict[str, frozenset[str]]:
    """W5: who works in each area, from pairs of (area, person) and the parent of each area.

    Who works in a building works in its stairwells too.
    """
    direct: dict[str, set[str]] = {}
    for area, person in work:
        direct.setdefault(area, set()).add(person)
    found: dict[str, frozenset[str]] = {}
    for area in parents:
        people: set[str] = set()
        at: str | None = area
        seen: set[str] = set()
        while at and at not in seen:
            seen.add(at)
            people |= direct.get(at, set())
            at = parents.get(at)
        if people:
            found[area] = frozenset(people)
    return found
