"""Settling: what two people changed at once, and facts that do not fit, wait for the desk."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf

from sync.protocol.clock import FOREVER
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_TEXT_LENGTH,
    Accepted,
    EmptyPayload,
    Id,
    Kind,
    Op,
    Payload,
    Refused,
    derive_op,
)
from sync.protocol.roles import DESK_ONLY_AUDIENCE, DESK_ROLES
from sync.protocol.text import _l, _lp

SETTLE_CHOICES = ("theirs", "incoming", "both", "value")
AUTO_MERGED = "merged"
"""Nobody had to take anything: both changes stand."""


class ConflictLike(Protocol):
    """What the rules need to know of a merge."""

    subject: str
    subject_type: str
    theirs: dict[str, Any]
    incoming: dict[str, Any]
    result: dict[str, Any] | None
    taken: str | None
    settled_at: datetime | None


class MergeOpenPayload(Payload):
    op_id = Id(required=True)
    subject = Id(required=True)
    subject_type = fields.String(required=True, validate=Length(max=20))
    rule = fields.String(required=True, validate=Length(max=40))
    base = fields.Dict(required=True)
    theirs = fields.Dict(required=True)
    incoming = fields.Dict(required=True)
    stands = fields.Boolean(load_default=False)


class MergeSettlePayload(Payload):
    take = fields.String(required=True, validate=OneOf(SETTLE_CHOICES))
    value = fields.Dict(keys=fields.String(), load_default=dict)

    @validates_schema
    def validate_value(self, settlement: dict[str, Any], **_: Any) -> None:
        """M5: a third value is given with the fields that it is for."""
        if (settlement["take"] == "value") != bool(settlement["value"]):
            raise ValidationError("Give a value with take=value, and only there.")


def open_(_: None, op: Op) -> Accepted:
    """M4: what is contested or odd waits for the desk, with both sides; a merge is on record."""
    sides = {name: value for name, value in op.payload.items() if name != "stands"}
    stands = {"taken": AUTO_MERGED, "settled_at": op.received_at} if op.payload["stands"] else {}
    return Accepted({**sides, "opened_at": op.received_at, **stands})


def settle(merge: ConflictLike, op: Op) -> Accepted | Refused:
    """M5: take this, take that, both where both can stand, or a third value."""
    if merge.settled_at:
        return Refused("already-settled")
    take = op.payload["take"]
    if take == "both" and not combined_values(merge.theirs, merge.incoming):
        return Refused("cannot-stand-together")
    result = {
        "theirs": {},
        "incoming": merge.incoming,
        "both": combined_values(merge.theirs, merge.incoming),
        "value": op.payload["value"],
    }[take]
    changes = {"taken": take, "settled_at": op.occurred_at, "settled_by_id": op.by}
    return Accepted({**changes, "result": result}, followups=amend_op(merge, op, result))


def reopen(merge: ConflictLike, op: Op) -> Accepted | Refused:
    """M6: a settlement is undone by another op; what stood before stands again."""
    if not merge.settled_at or merge.taken == AUTO_MERGED:
        return Refused("not-settled")
    before = {name: merge.theirs[name] for name in merge.result or () if name in merge.theirs}
    changes = {"taken": None, "settled_at": None, "settled_by_id": None, "result": None}
    return Accepted(changes, followups=amend_op(merge, op, before))


def combined_values(theirs: dict[str, Any], incoming: dict[str, Any]) -> dict[str, Any]:
    """Both sides at once: only two different texts can stand one below the other."""
    pairs = {name: (theirs.get(name), incoming[name]) for name in incoming}
    if not all(name in ("details", "note") and a and b for name, (a, b) in pairs.items()):
        return {}
    return {name: f"{a}\n{b}"[:MAX_TEXT_LENGTH] for name, (a, b) in pairs.items()}


def amend_op(merge: ConflictLike, op: Op, fields_: dict[str, Any]) -> tuple[Op, ...]:
    """The op that puts a settlement into force on the record itself."""
    if not fields_:
        return ()
    return (derive_op(op, f"{merge.subject_type}.amend", merge.subject, fields_),)


def state(merge: Any) -> str:
    """Open until somebody at the desk has decided."""
    return "settled" if merge["settled_at"] else "open"


def visible_until(_: Any) -> str:
    """Never on a phone, so it does not matter how long."""
    return FOREVER


KINDS = {
    "merge.open": Kind(
        payload=MergeOpenPayload,
        rule=open_,
        type="merge",
        fact=False,
        creates=True,
        from_server_only=True,
        label=_l("Conflict found"),
    ),
    "merge.settle": Kind(
        payload=MergeSettlePayload,
        rule=settle,
        type="merge",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        label=_l("Conflict resolved"),
    ),
    "merge.reopen": Kind(
        payload=EmptyPayload,
        rule=reopen,
        type="merge",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        label=_l("Conflict reopened"),
    ),
}


FEATURE = Feature(
    types={
        "merge": RecordType(
            label=_l("Conflict"),
            state=state,
            visible_until=visible_until,
            audience=lambda _, __: DESK_ONLY_AUDIENCE,
            states={"open": _lp("conflict", "open"), "settled": _l("resolved")},
        ),
    },
    kinds=KINDS,
    fields={
        "opened_at": _lp("merge", "Detected at"),
        "take": _l("Chosen version"),
        "rule": _l("Conflict rule"),
        "stands": _l("Current values"),
        "subject": _l("Record"),
        "subject_type": _l("Record type"),
        "theirs": _l("Current values"),
        "incoming": _l("New values"),
        "value": _l("New value"),
        "base": _l("Original values"),
    },
    values={
        "take": {
            "theirs": _l("current version"),
            "incoming": _l("new version"),
            "both": _l("both versions"),
            "value": _l("another value"),
        }
    },
)
