"""Conflicts: changes that two people made at once, and flagged facts, until a supervisor
decides."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf

from sync.protocol.clock import FOREVER
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_NAME_LENGTH,
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
AUTO_MERGED, MOOT = "merged", "moot"
"""The values of `taken` if nobody had to choose: both changes were accepted, or what arrived later
answered the question."""
MAX_OPS, MAX_SIDES = 200, 200


class ConflictLike(Protocol):
    """The fields of a conflict that the rules read."""

    subject: str
    subject_type: str
    theirs: dict[str, Any]
    incoming: dict[str, Any]
    result: dict[str, Any] | None
    taken: str | None
    settled_at: datetime | None
    more_op_ids: list[str]


def SidesField(**more: Any) -> fields.Dict:  # noqa: N802 - named like a field type
    """A field for values by the names of a record's fields."""
    names = fields.String(validate=Length(max=MAX_NAME_LENGTH))
    return fields.Dict(keys=names, validate=Length(max=MAX_SIDES), **more)


class MergeOpenPayload(Payload):
    op_id = Id(required=True)
    subject = Id(required=True)
    subject_type = fields.String(required=True, validate=Length(max=20))
    rule = fields.String(required=True, validate=Length(max=40))
    base = SidesField(required=True)
    theirs = SidesField(required=True)
    incoming = SidesField(required=True)
    stands = fields.Boolean(load_default=False)


class MergeSettlePayload(Payload):
    take = fields.String(required=True, validate=OneOf(SETTLE_CHOICES))
    value = SidesField(load_default=dict)
    note = fields.String(validate=Length(max=MAX_TEXT_LENGTH))

    @validates_schema
    def validate_value(self, payload: dict[str, Any], **_: Any) -> None:
        """M5: a third value needs the fields that it is for. Raises ValidationError otherwise."""
        if (payload["take"] == "value") != bool(payload["value"]):
            raise ValidationError("Give a value with take=value, and only there.")


class MergeAddPayload(Payload):
    op_id = Id(required=True)


class MergeLapsePayload(Payload):
    """`arrived` is the kind of op that answered the question, `rule` what the question was."""

    arrived = fields.String(required=True, validate=Length(max=40))
    rule = fields.String(required=True, validate=Length(max=40))


def open_(_: None, op: Op) -> Accepted:
    """M4: a conflict waits for the desk with both sides; merged changes are recorded as
    resolved."""
    sides = {name: value for name, value in op.payload.items() if name != "stands"}
    resolution = (
        {"taken": AUTO_MERGED, "settled_at": op.received_at} if op.payload["stands"] else {}
    )
    return Accepted({**sides, "opened_at": op.received_at, **resolution})


def add(conflict: ConflictLike, op: Op) -> Accepted | Refused:
    """M8: a further op that raises the same question is added to it."""
    if conflict.settled_at:
        return Refused("already-settled")
    ids = list(dict.fromkeys([*(conflict.more_op_ids or ()), op.payload["op_id"]]))
    return Accepted({"more_op_ids": ids[:MAX_OPS]})


def lapse(conflict: ConflictLike, op: Op) -> Accepted | Refused:
    """M7: a question that became moot settles itself. Nothing is written to the record."""
    if conflict.settled_at:
        return Refused("already-settled")
    return Accepted({"taken": MOOT, "settled_at": op.received_at, "settled_by_id": None})


def settle(conflict: ConflictLike, op: Op) -> Accepted | Refused:
    """M5: take the current side, the incoming side, both if both can stand, or a third value."""
    if conflict.settled_at:
        return Refused("already-settled")
    choice = op.payload["take"]
    if choice == "both" and not combined_values(conflict.theirs, conflict.incoming):
        return Refused("cannot-stand-together")
    result = {
        "theirs": {},
        "incoming": conflict.incoming,
        "both": combined_values(conflict.theirs, conflict.incoming),
        "value": op.payload["value"],
    }[choice]
    changes = {"taken": choice, "settled_at": op.occurred_at, "settled_by_id": op.by}
    note = {"note": op.payload["note"]} if op.payload.get("note") else {}
    return Accepted({**changes, "result": result, **note}, followups=amend_op(conflict, op, result))


def reopen(conflict: ConflictLike, op: Op) -> Accepted | Refused:
    """M6: a resolution is undone by another op, which restores the values from before it."""
    if not conflict.settled_at or conflict.taken == AUTO_MERGED:
        return Refused("not-settled")
    restored = {
        name: conflict.theirs[name] for name in conflict.result or () if name in conflict.theirs
    }
    note = ("note",) if getattr(conflict, "note", None) else ()
    changes = dict.fromkeys(("taken", "settled_at", "settled_by_id", "result", *note))
    return Accepted(changes, followups=amend_op(conflict, op, restored))


def combined_values(theirs: dict[str, Any], incoming: dict[str, Any]) -> dict[str, Any]:
    """The values with both sides' texts one below the other, or {} if they cannot be combined."""
    pairs = {name: (theirs.get(name), incoming[name]) for name in incoming}
    if not all(name in ("details", "note") and a and b for name, (a, b) in pairs.items()):
        return {}
    return {name: f"{a}\n{b}"[:MAX_TEXT_LENGTH] for name, (a, b) in pairs.items()}


def amend_op(conflict: ConflictLike, op: Op, changes: dict[str, Any]) -> tuple[Op, ...]:
    """The op that writes a resolution to the record itself, or nothing without changes."""
    if not changes:
        return ()
    return (derive_op(op, f"{conflict.subject_type}.amend", conflict.subject, changes),)


def state(conflict: Any) -> str:
    """Whether a conflict is open or resolved."""
    return "settled" if conflict["settled_at"] else "open"


def visible_until(_: Any) -> str:
    """A conflict never leaves the feed; only the desk sees it."""
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
    "merge.add": Kind(
        payload=MergeAddPayload,
        rule=add,
        type="merge",
        fact=False,
        from_server_only=True,
        label=_l("Added to an open conflict"),
    ),
    "merge.lapse": Kind(
        payload=MergeLapsePayload,
        rule=lapse,
        type="merge",
        fact=False,
        from_server_only=True,
        label=_l("Conflict resolved by itself"),
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

TAKEN_LABELS = {
    "theirs": _l("current version"),
    "incoming": _l("new version"),
    "both": _l("both versions"),
    "value": _l("another value"),
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
        "arrived": _l("Answered by"),
        "taken": _l("Chosen version"),
    },
    values={
        "take": TAKEN_LABELS,
        "taken": {
            **TAKEN_LABELS,
            AUTO_MERGED: _l("both versions"),
            MOOT: _l("resolved by what arrived later"),
        },
    },
    sentences={
        "merge.open": (_l("Two records do not agree, somebody has to decide: %(rule)s"),),
        "merge.add": (_l("One more record belongs to the same question"),),
        "merge.lapse": (_l("The question settled itself when more arrived: %(arrived)s"),),
        "merge.settle": (
            _l("%(who)s decided: %(take)s. %(note)s"),
            _l("%(who)s decided: %(take)s"),
        ),
        "merge.reopen": (_l("%(who)s opened the question again"),),
    },
)
