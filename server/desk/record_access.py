"""Who may open the records of a type at the desk."""

from __future__ import annotations

from server.auth.access import current_user
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES
from sync.service.arrears.rules import FORBIDDEN_ROLES

FRONT_TYPES = frozenset(
    {"round", "task", "visit", "release", "ticket", "area", "unit", "checkpoint"}
    | {"entry", "lost", "find", "regular", "arrears", "scan"}
)
"""Types that the service desk sees; all others are for those who lead."""


def readers(type_: str) -> frozenset[str]:
    """The roles that may open records of a type."""
    if type_ == "access":
        return MASTER_DATA_ROLES
    return FRONT_DESK_ROLES if type_ in FRONT_TYPES else DESK_ROLES


def may_open(type_: str) -> bool:
    """Whether the current user may open records of a type. U8: guards see nothing of arrears,
    whatever other roles they have."""
    user = current_user()
    if type_ == "arrears" and user.has_role(*FORBIDDEN_ROLES):
        return False
    return user.has_role(*readers(type_))
