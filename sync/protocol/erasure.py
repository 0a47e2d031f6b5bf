"""Erasing and correcting personal data: the kinds of op that do it, for any type of record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.protocol.op import Accepted, EmptyPayload, Kind, Op, Payload, Refused, Rule
from sync.protocol.redaction import NUMBERED
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import Text


def purge_kind(type_: str, redacted_values: Mapping[str, Any], label: Text) -> Kind:
    """The kind `<type>.purge`. Only the server makes such ops, by itself or for somebody who was
    asked to erase."""
    return Kind(
        payload=EmptyPayload,
        rule=_purge_rule(redacted_values),
        type=type_,
        fact=False,
        from_server_only=True,
        label=label,
    )


def _purge_rule(redacted_values: Mapping[str, Any]) -> Rule:
    def purge(record: Any, op: Op) -> Accepted | Refused:
        """V18: what tells who somebody is leaves the record, which stays for the counts."""
        if record.purged_at:
            return Refused("purged")
        columns = vars(record)
        changes = {
            name: value
            for name, value in redacted_values.items()
            if value is not NUMBERED and columns.get(name)
        }
        if "photos" in columns:
            changes |= {"photos": [], "photos_here": 0}
        return Accepted({**changes, "purged_at": op.occurred_at}, tombstone=True)

    return purge


def amend_kind(type_: str, payload: type[Payload], label: Text) -> Kind:
    """The kind `<type>.amend`: the desk corrects what is wrong about somebody."""
    return Kind(
        payload=payload,
        rule=amend,
        type=type_,
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        label=label,
    )


def amend(record: Any, op: Op) -> Accepted | Refused:
    """V19: a correction writes only the fields that it names; nothing of an erased record is
    written again."""
    if record.purged_at:
        return Refused("purged")
    return Accepted(dict(op.payload)) if op.payload else Refused("nothing-changed")


def photos_unless_purged(record: Any, photos: list[str]) -> list[str]:
    """V12: the photos that a record shows, each once; none once it is purged."""
    return [] if getattr(record, "purged_at", None) else list(dict.fromkeys(photos))
