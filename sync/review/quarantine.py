"""What was set aside: the desk looks at it, and says what becomes of it."""

from __future__ import annotations

from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length

from sync.protocol.digest import DESK, FOREVER
from sync.protocol.op import LABEL_LENGTH, Accepted, Id, Kind, Op, Payload, Refused

ACCEPTED, MENDED, DISMISSED = "accepted", "mended", "dismissed"


class Aside(Protocol):
    """What the rules need to know of an op that was set aside."""

    op_id: str
    outcome: str | None


class Opening(Payload):
    op_id = Id(required=True)


class Successor(Payload):
    """The op that stands in its place; what came stays in the log as it came."""

    instead_id = Id(required=True)


class Dismissal(Payload):
    reason = fields.String(required=True, validate=Length(min=1, max=LABEL_LENGTH))


def open_(_: None, op: Op) -> Accepted:
    """X1: whatever was set aside is there for the desk to look at, with its payload."""
    return Accepted({"op_id": op.payload["op_id"], "opened_at": op.received_at})


def accept(aside: Aside, op: Op) -> Accepted | Refused:
    """X2: it is judged now, as if it had come in order; once, also after it was dismissed."""
    return _succeeded(aside, op, ACCEPTED)


def mend(aside: Aside, op: Op) -> Accepted | Refused:
    """X3: a new op that names the old one is judged in its place; what came stays as it came."""
    return _succeeded(aside, op, MENDED)


def _succeeded(aside: Aside, op: Op, outcome: str) -> Accepted | Refused:
    if aside.outcome in (ACCEPTED, MENDED):
        return Refused("already-settled")
    told = {"outcome": outcome, "instead_id": op.payload["instead_id"], "reason": None}
    return Accepted({**told, **_signed(op)})


def dismiss(aside: Aside, op: Op) -> Accepted | Refused:
    """X4: set aside for good, with a reason; it can still be accepted later."""
    if aside.outcome:
        return Refused("already-settled")
    told = {"outcome": DISMISSED, "reason": op.payload["reason"]}
    return Accepted({**told, **_signed(op)})


def _signed(op: Op) -> dict[str, Any]:
    return {"settled_at": op.occurred_at, "settled_by_id": op.by}


def state(aside: Any) -> str:
    """What became of it, or that it still waits."""
    return aside["outcome"] or "open"


def until(_: Any) -> str:
    """Never on a phone, so it does not matter how long."""
    return FOREVER


KINDS = {
    "aside.open": Kind(
        payload=Opening, rule=open_, type="aside", fact=False, creates=True, internal=True
    ),
    "aside.accept": Kind(
        payload=Successor, rule=accept, type="aside", fact=False, roles=DESK, at_desk=True
    ),
    "aside.mend": Kind(
        payload=Successor, rule=mend, type="aside", fact=False, roles=DESK, at_desk=True
    ),
    "aside.dismiss": Kind(
        payload=Dismissal, rule=dismiss, type="aside", fact=False, roles=DESK, at_desk=True
    ),
}
