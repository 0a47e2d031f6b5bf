"""Roles, groups of roles, and audiences: bit masks of the roles that may see a record."""

from __future__ import annotations

from collections.abc import Iterable

from sync.protocol.text import _l

# A role's place is its bit in stored audiences: add new ones at the end.
ROLE_LABELS = {
    "cleaner": _l("Cleaner"),
    "guard": _l("Guard"),
    "service_desk": _l("Service desk"),
    "supervisor": _l("Supervisor"),
    "manager": _l("Manager"),
    "admin": _l("Administrator"),
    "contractor_worker": _l("Contractor worker"),
}
ROLES = tuple(ROLE_LABELS)
DESK_ROLES = frozenset({"supervisor", "manager", "admin"})
FRONT_DESK_ROLES = DESK_ROLES | {"service_desk"}
ALL_ROLES = frozenset(ROLES)
OUTSIDE_ROLES = frozenset({"contractor_worker"})
"""Roles of people of other firms: they see what is theirs by name, not what waits for a role."""

ROLE_GROUPS = {
    "ROLES": ROLES,
    "DESK_ROLES": tuple(role for role in ROLES if role in DESK_ROLES),
    "FRONT_DESK_ROLES": tuple(role for role in ROLES if role in FRONT_DESK_ROLES),
}
"""The groups of roles by the names that templates use, each in the order of `ROLES`."""

DESK_ONLY_AUDIENCE = 1 << 62
"""The audience of records that no phone may see. The highest bit that a signed 64-bit column takes
without changing its sign: however many roles there are, none of them gets it."""


def role_mask(roles: Iterable[str]) -> int:
    """Roles as a bit mask: 1 cleaner, 2 guard, 4 service desk, 8 supervisor, 16 manager, ..."""
    return sum(1 << ROLES.index(role) for role in set(roles) if role in ROLES)
