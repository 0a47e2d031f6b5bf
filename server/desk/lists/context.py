"""What the columns and filters of a list need besides a row: names, the time, labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from server.auth.access import current_user
from server.desk.labels import state_label, value_label
from server.i18n.locale import localize
from server.models.directory import Directory
from server.oplog.directory import directory_of
from sync.protocol.roles import ROLE_LABELS

T = TypeVar("T")


@dataclass(slots=True)
class ListContext:
    """One reading of a list by one person; it is made anew for each request."""

    site_id: str
    person_id: str
    roles: frozenset[str]
    names: Directory
    now: datetime
    memory: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def of_request(cls) -> ListContext:
        """That of the current user."""
        user = current_user()
        names = directory_of(user.site_id)
        return cls(user.site_id, user.person_id, user.roles, names, datetime.now(UTC))

    def once(self, key: Any, compute: Callable[[], T]) -> T:
        """What `compute` returns, computed once for this reading."""
        if key not in self.memory:
            self.memory[key] = compute()
        found: T = self.memory[key]
        return found

    def person(self, id_: str | None) -> str:
        """The name of a person, "" without one."""
        return self.names.person_name(id_) or ""

    def contractor(self, id_: str | None) -> str:
        """The name of a contractor, "" without one."""
        return self.names.contractor_name(id_) or ""

    def area(self, id_: str | None) -> str:
        """What an area is called, "" without one."""
        return self.once(("area", id_), lambda: localize(self.names.area_label(id_)))

    def home(self, id_: str | None) -> str:
        """What a home is called, "" without one."""
        return self.once(("home", id_), lambda: localize(self.names.unit_label(id_)))

    def value(self, type_: str, field_: str, value: str | None) -> str:
        """The label of a field's value."""
        if not value:
            return ""
        return self.once((type_, field_, value), lambda: value_label(type_, field_, value))

    def state(self, type_: str, state: str | None) -> str:
        """The label of a record's state."""
        return self.once((type_, "state", state), lambda: state_label(type_, state))

    def has_role(self, *roles: str) -> bool:
        """Whether the reader has one of these roles."""
        return not self.roles.isdisjoint(roles)


def known_roles(roles: list[str] | None) -> list[str]:
    """The roles of a person that this version knows, in their usual order."""
    return [role for role in ROLE_LABELS if role in (roles or ())]
