"""Roles, groups of roles, and audiences: bit masks of the roles that may see a record."""

from __future__ import annotations

from collections.abc import Iterable

from sync.protocol.text import Texts, _l

# A role's place is its bit in stored audiences: add new ones at the end.
ROLE_LABELS = {
    "cleaner": _l("Cleaner"),
    "guard": _l("Guard"),
    "service_desk": _l("Service desk"),
    "supervisor": _l("Supervisor"),
    "manager": _l("Manager"),
    "admin": _l("Administrator"),
    "contractor_worker": _l("Contractor worker"),
    "repair": _l("Repair worker"),
}
ROLES = tuple(ROLE_LABELS)
DESK_ROLES = frozenset({"supervisor", "manager", "admin"})
FRONT_DESK_ROLES = DESK_ROLES | {"service_desk"}
ALL_ROLES = frozenset(ROLES)

ROLE_PAGES = (
    ("guard", ("patrol", "scan", "visits", "tickets")),
    ("supervisor", ("board", "tasks", "inspections", "tickets")),
    ("manager", ("board", "tasks", "inspections", "tickets")),
    ("admin", ("board", "tasks", "inspections", "tickets")),
    ("service_desk", ("tickets", "visits", "cards")),
    ("repair", ("jobs", "tickets", "tasks", "cards")),
    ("cleaner", ("tasks", "tickets", "cards")),
    ("contractor_worker", ("tasks", "tickets", "cards")),
)
"""The tabs of each role on the phone: first the page that its work begins with. Somebody with
several roles begins with the page of the first one here, and has the first tabs of each."""

TRADE_LABELS: Texts = {
    "electrician": _l("Electrician"),
    "plumber": _l("Plumber"),
    "lifts": _l("Lifts"),
    "locks": _l("Locks and doors"),
    "air_conditioning": _l("Heating and air conditioning"),
    "carpentry": _l("Carpentry"),
    "masonry": _l("Masonry and painting"),
    "gardening": _l("Gardening"),
    "general": _l("General repairs"),
}
"""What repair workers know how to do."""

TRADES = tuple(TRADE_LABELS)

ROLE_CONSTANTS = {
    "ROLES": ROLES,
    "DESK_ROLES": tuple(role for role in ROLES if role in DESK_ROLES),
    "FRONT_DESK_ROLES": tuple(role for role in ROLES if role in FRONT_DESK_ROLES),
    "ROLE_PAGES": ROLE_PAGES,
    "TRADES": TRADES,
}
"""What templates know about roles, by the names that they use. Groups are in the order of
`ROLES`."""

DESK_ONLY_AUDIENCE = 1 << 62
"""The audience of records that no phone may see. The highest bit that a signed 64-bit column takes
without changing its sign: however many roles there are, none of them gets it."""


def role_mask(roles: Iterable[str]) -> int:
    """Roles as a bit mask: 1 cleaner, 2 guard, 4 service desk, 8 supervisor, 16 manager, ..."""
    return sum(1 << ROLES.index(role) for role in set(roles) if role in ROLES)
