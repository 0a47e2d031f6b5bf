"""What a ticket makes of what people tell and decide. Facts are kept whatever they say."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sync.protocol.op import Accepted, Op, Refused, derive_op


class TicketLike(Protocol):
    """What the rules need to know of a ticket."""

    id: str
    number: str
    numbers: list[str]
    opened_at: datetime
    handler_id: str
    first_responder_id: str
    steward_id: str
    co_receiver_ids: list[str]
    successions: dict[str, str]
    contractor_id: str | None
    asked_role: str | None
    given_by_id: str | None
    resolved_at: datetime | None
    closed_at: datetime | None
    merged_into: str | None
    about_type: str | None
    about: str | None


def open_(_: None, op: Op) -> Accepted:
    """K1, K2: any employee opens a ticket and is its first responder for ever."""
    own = ("done_on_the_spot", "reaction", "item", "condition")
    told = {name: said for name, said in op.payload.items() if name not in own}
    return Accepted(
        {
            "urgency": "normal",
            **told,
            "number": ticket_number(op.subject),
            "numbers": [ticket_number(op.subject)],
            "steward_id": op.by,
            "successions": {},
            "co_receiver_ids": [],
        }
    )


def revise(ticket: TicketLike, op: Op) -> Accepted | Refused:
    """K3: a revision carries only what it changes."""
    if ticket.closed_at or ticket.merged_into:
        return Refused("closed")
    return Accepted(dict(op.payload)) if op.payload else Refused("nothing-changed")


def amend(_: TicketLike, op: Op) -> Accepted:
    """K5: what the desk settled is written as it stands."""
    return Accepted(dict(op.payload))


def accept_fact(_: TicketLike, __: Op) -> Accepted:
    """K8: what was told stands, in the order of its time."""
    return Accepted({})


def flag_after_end(ticket: TicketLike, op: Op) -> Accepted:
    """K8: what was done after the matter had ended is kept, and asks for a look."""
    ended = ticket.closed_at and op.occurred_at >= ticket.closed_at
    return Accepted({}, flag="after-the-end" if ended else None)


def flag_unless_handler(ticket: TicketLike, op: Op) -> Accepted:
    """K9: only whoever was named accepts or gives back; another is kept and asks for a look."""
    mine = ticket.asked_role or op.by == ticket.handler_id
    return flag_after_end(ticket, op) if mine else Accepted({}, flag="not-the-handler")


def feed_back(ticket: TicketLike, op: Op) -> Accepted:
    """K13: feedback comes from whoever answers for it; somebody else says why, or it is odd.

    What the matter stopped while it was open (a collection) goes on once the resident was asked.
    """
    own = op.by in {ticket.first_responder_id, ticket.steward_id, *ticket.successions.values()}
    if not own and not op.payload.get("because"):
        return Accepted({}, flag="feedback-without-reason")
    if not ticket.resolved_at:
        return Accepted({}, flag="feedback-too-early")
    told = flag_after_end(ticket, op)
    if ticket.about_type != "arrears" or not ticket.about:
        return told
    resumed = derive_op(op, "arrears.resume", ticket.about, {"ticket": ticket.id})
    return replace(told, followups=(resumed,))


def merge(ticket: TicketLike, op: Op) -> Accepted | Refused:
    """K17: two tickets of one matter become the one that was opened first; its number stays."""
    other = op.related.get(op.payload["other_id"])
    if other is None or getattr(other, "opened_at", None) is None or other.id == ticket.id:
        return Refused("no-such-record")
    if ticket.merged_into or other.merged_into:
        return Refused("already-merged")
    first = (ticket.opened_at, ticket.id) < (other.opened_at, other.id)
    if first:
        into = {"into_id": ticket.id}
        then = derive_op(op, "ticket.give_way", other.id, into)
        return Accepted(_absorb_changes(ticket, _absorb_payload(other)), followups=(then,))
    brought = _absorb_payload(ticket)
    return Accepted(
        {"merged_into": other.id, "merged_at": op.occurred_at},
        followups=(derive_op(op, "ticket.absorb", other.id, brought),),
    )


def absorb(ticket: TicketLike, op: Op) -> Accepted:
    """K17: whoever registered it too is a co-receiver; each number that was told leads here."""
    return Accepted(_absorb_changes(ticket, op.payload))


def give_way(_: TicketLike, op: Op) -> Accepted:
    """K17: the later ticket leads to the earlier one, and is nobody's to do any more."""
    return Accepted({"merged_into": op.payload["into_id"], "merged_at": op.occurred_at})


def succeed(ticket: TicketLike, op: Op) -> Accepted | Refused:
    """K18: whoever leaves hands on what they answer for; who was asked first never changes."""
    gone, heir = op.payload["from_id"], op.payload["to_id"]
    person = op.related.get(heir)
    if person is None or person.active_to:
        return Refused("no-such-person")
    holds = {name for name in ("steward_id", "handler_id") if getattr(ticket, name) == gone}
    if not holds:
        return Refused("nothing-changed")
    successions = {**ticket.successions, gone: heir}
    return Accepted({**dict.fromkeys(sorted(holds), heir), "successions": successions})


def ticket_number(subject: str) -> str:
    """The one number a resident is told, on the spot and for the life of the matter."""
    return "T-" + base64.b32encode(UUID(subject).bytes[-5:]).decode().rstrip("=")


def _absorb_payload(ticket: TicketLike) -> dict[str, Any]:
    return {
        "from_id": ticket.id,
        "numbers": list(ticket.numbers),
        "receiver_ids": [ticket.first_responder_id, *ticket.co_receiver_ids],
    }


def _absorb_changes(ticket: TicketLike, brought: dict[str, Any]) -> dict[str, Any]:
    receivers = [*ticket.co_receiver_ids, *brought["receiver_ids"]]
    others = (id_ for id_ in receivers if id_ != ticket.first_responder_id)
    numbers = [*ticket.numbers, *brought["numbers"]]
    return {
        "numbers": list(dict.fromkeys(numbers)),
        "co_receiver_ids": list(dict.fromkeys(others)),
    }
