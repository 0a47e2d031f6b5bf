"""Names of people, areas, homes and contractors by id, for feed bodies and pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sync.estate.people import known_trades
from sync.protocol.roles import role_mask
from sync.protocol.scope import group_keys

Label = dict[str, str]


@dataclass(slots=True)
class Directory:
    """The names of one site, and which work each of its people does."""

    people: dict[str, str] = field(default_factory=dict)
    roles: dict[str, frozenset[str]] = field(default_factory=dict)
    areas: dict[str, Label] = field(default_factory=dict)
    units: dict[str, Label] = field(default_factory=dict)
    left_at: dict[str, datetime] = field(default_factory=dict)
    contractors: dict[str, str] = field(default_factory=dict)
    trades: dict[str, frozenset[str]] = field(default_factory=dict)
    firms: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Directory:
        """A copy that can be extended without changing this one."""
        return Directory(
            dict(self.people),
            dict(self.roles),
            dict(self.areas),
            dict(self.units),
            dict(self.left_at),
            dict(self.contractors),
            dict(self.trades),
            dict(self.firms),
        )

    def set_work(
        self, id_: str, roles: Iterable[str], trades: Iterable[str], firm: str | None
    ) -> None:
        """Set a person's roles, their trades as a repair worker, and the firm they work for."""
        self.roles[id_] = frozenset(roles)
        self.trades[id_] = known_trades(self.roles[id_], trades)
        self.firms.pop(id_, None)
        if firm:
            self.firms[id_] = firm

    def groups_of(self, people: Iterable[str]) -> frozenset[str]:
        """The keys of the groups that people belong to."""
        return group_keys(people, self.trades, self.firms)

    @property
    def audience(self) -> int:
        """The audience of the site's phones: the role bits of everybody who has not left."""
        working = (roles for id_, roles in self.roles.items() if id_ not in self.left_at)
        return role_mask(role for roles in working for role in roles)

    def person_name(self, id_: str | None) -> str | None:
        return self.people.get(id_) if id_ else None

    def area_label(self, id_: str | None) -> Label | None:
        return self.areas.get(id_) if id_ else None

    def unit_label(self, id_: str | None) -> Label | None:
        return self.units.get(id_) if id_ else None

    def contractor_name(self, id_: str | None) -> str | None:
        return self.contractors.get(id_) if id_ else None

    def names_of(self, ids: str | list[str] | None) -> Any:
        """The name or label of a person, place or contractor, whatever the id is of; a list of
        them for a list of ids. None for an unknown id."""
        if isinstance(ids, list):
            return [self.names_of(id_) for id_ in ids]
        kinds = (self.people, self.areas, self.units, self.contractors)
        return next((known[ids] for known in kinds if ids in known), None) if ids else None

    def roles_of(self, id_: str) -> frozenset[str]:
        return self.roles.get(id_, frozenset())
