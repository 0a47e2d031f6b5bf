"""What an op does to a case. Facts are kept whatever they say; only its end can be refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

from sync.protocol.op import Accepted, Op, Refused, derive_op
from sync.service.lost_property.folding import missing_steps


class LossCaseLike(Protocol):
    """What the rules need to know of a case."""

    closed_at: datetime | None
    contractor_id: str | None


OPEN_FIELDS = (
    *("item", "details", "last_seen_at", "last_seen_where", "unit", "holds_personal_data"),
    *("channel", "contact", "declined_because", "ticket"),
)


def open_(_: None, op: Op) -> Accepted:
    """Q1: a loss is a matter of ours from the first word on, urgent if it holds somebody's data."""
    said = {name: op.payload.get(name) for name in OPEN_FIELDS}
    urgency = "urgent" if op.payload["holds_personal_data"] else "normal"
    told = {**said, "urgency": urgency, "ticket": said["ticket"] or loss_ticket_id(op.subject)}
    return Accepted(told, followups=() if said["ticket"] else (_ticket_open_op(op, told),))


def loss_ticket_id(case: str) -> str:
    """The ticket that a case opens for itself; the same wherever it is worked out."""
    return str(uuid5(UUID(case), "ticket"))


def _ticket_open_op(op: Op, told: dict[str, Any]) -> Op:
    """Q1: whoever was told first is first responder, as with every other matter."""
    details = ": ".join(text for text in (told["item"], told["details"]) if text)
    ways = ("channel", "contact", "declined_because", "urgency", "unit")
    payload = {name: told[name] for name in ways if told[name]}
    about = {"matter": "report", "about_type": "lost", "about": op.subject}
    return derive_op(op, "ticket.open", told["ticket"], {**payload, **about, "details": details})


def flag_if_closed(case: LossCaseLike, _: Op) -> Accepted:
    """Q2: what is told of a closed case is kept, and asks for a look."""
    return Accepted({}, flag="after-the-end" if case.closed_at else None)


def contract_out(case: LossCaseLike, op: Op) -> Accepted | Refused:
    """Q5: a firm may do the work; somebody of ours answers for it by name, or it is refused."""
    firm = op.related.get(op.payload["contractor"])
    if case.closed_at:
        return Refused("closed")
    if firm is None or firm.ended_at:
        return Refused("contract-ended" if firm else "no-such-record")
    if not firm.accountable_id:
        return Refused("needs-accountable")
    return Accepted(
        {
            "contractor_id": op.payload["contractor"],
            "accountable_id": firm.accountable_id,
            "contracted_at": op.occurred_at,
        }
    )


def close(case: LossCaseLike, op: Op) -> Accepted | Refused:
    """Q7: a case ends only when nothing is missing; that there is no proof ends nothing."""
    if case.closed_at:
        return Refused("closed")
    lacks = missing_steps(vars(case), op.payload["outcome"])
    if lacks:
        return Refused(lacks[0])
    return Accepted(
        {
            "outcome": op.payload["outcome"],
            "closing_note": op.payload.get("closing_note"),
            "closed_at": op.occurred_at,
            "closed_by_id": op.by,
        }
    )


def reopen(case: LossCaseLike, _: Op) -> Accepted | Refused:
    """Q7: a case that ended too early goes on, with everything that was told."""
    if not case.closed_at:
        return Refused("not-closed")
    return Accepted(dict.fromkeys(("outcome", "closing_note", "closed_at", "closed_by_id")))
