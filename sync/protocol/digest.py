"""The feed: what a phone may see, and a digest that tells whether it saw all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

# A role's place is its bit in stored audiences: add new ones at the end.
ROLES = ("cleaner", "guard", "service_desk", "supervisor", "manager", "admin", "contractor_worker")
DESK_ROLES = frozenset({"supervisor", "manager", "admin"})
FRONT_DESK_ROLES = DESK_ROLES | {"service_desk"}
ALL_ROLES = frozenset(ROLES)

ROLE_GROUPS = {
    "ROLES": ROLES,
    "DESK_ROLES": tuple(role for role in ROLES if role in DESK_ROLES),
    "FRONT_DESK_ROLES": tuple(role for role in ROLES if role in FRONT_DESK_ROLES),
}
"""What templates call the groups of roles, each in the order of `ROLES`."""

DESK_ONLY_AUDIENCE = 1 << 62
"""The audience of records that no phone may see. The highest bit that a signed 64-bit column takes
without changing its sign: however many roles there are, none of them gets it."""

FOREVER = "9999-12-31T00:00:00.000Z"


def role_mask(roles: Iterable[str]) -> int:
    """Roles as a bit mask: 1 cleaner, 2 guard, 4 service desk, 8 supervisor, 16 manager, ..."""
    return sum(1 << ROLES.index(role) for role in set(roles) if role in ROLES)


def record_fingerprint(type_: str, id_: str, version: int) -> int:
    """64 bits that stand for one record in one version."""
    text = f"{type_}\n{id_}\n{version}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def add_to_digest(digest: int, *fingerprints: int) -> int:
    """Digests add up modulo 2**64, so one changes without a look at the other records."""
    return (digest + sum(fingerprints)) % 2**64


def digest_text(digest: int) -> str:
    """A digest as 16 hex digits: numbers above 2**53 do not survive JavaScript."""
    return f"{digest % 2**64:016x}"
