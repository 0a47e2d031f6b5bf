"""The rules of tickets. Facts are never refused, and what does not fit is flagged."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from sync.protocol.op import Accepted, Op, Refused, derive_op
from sync.service.tickets.ticket_state import missing_steps

PROMISE_RECORDED_WITHIN = timedelta(hours=12)
"""A promise that was given by word of mouth is recorded by the end of the shift at the latest, when
its time may have passed already. A time before that is a typing mistake."""

MAX_APART = 50
"""From so many others at most a ticket is told apart; the oldest are forgotten."""

MAX_PROMISE = timedelta(days=5 * 365)
"""The latest time that a reply may be promised for. A later one is a typing mistake."""


class TicketLike(Protocol):
    """The fields of a ticket that the rules read."""

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
    asked_trade: str | None
    given_by_id: str | None
    resolved_at: datetime | None
    closed_at: datetime | None
    merged_into: str | None
    apart_ids: list[str] | None
    about_type: str | None
    about: str | None


FIELDS_OF_STEPS = ("done_on_the_spot", "reaction", "item", "condition", "quantity", "holder")
"""Fields of an opening that the fold puts into other fields of the record."""


def open_(_: None, op: Op) -> Accepted | Refused:
    """K1, K2, K23: anybody may open a ticket and stays its first responder. It has the number that
    the server gives, and keeps that which the resident was told; without one, its id's own."""
    if error := promise_error(op):
        return Refused(error)
    fields = {name: value for name, value in op.payload.items() if name not in FIELDS_OF_STEPS}
    number = op.given.get("number") or ticket_number(op.subject)
    numbers = op.given.get("numbers") or [number]
    return Accepted(
        {
            "urgency": "normal",
            **fields,
            "number": number,
            "numbers": numbers,
            "slip": op.given.get("slip"),
            "steward_id": op.by,
            "successions": {},
            "co_receiver_ids": [],
        },
        flag="number-changed" if len(numbers) > 1 else None,
    )


def revise(ticket: TicketLike, op: Op) -> Accepted | Refused:
    """K3: an edit contains only the fields that it changes. It closes a ticket for which only the
    resident's answers were missing."""
    if ticket.closed_at or ticket.merged_into:
        return Refused("closed")
    if not op.payload:
        return Refused("nothing-changed")
    changes = dict(op.payload)
    before = vars(ticket)
    if missing_steps(before) and not missing_steps({**before, **changes}):
        changes["closed_at"] = op.occurred_at
    return Accepted(changes)


def amend(_: TicketLike, op: Op) -> Accepted:
    """K5: a correction by the desk is written as it is."""
    return Accepted(dict(op.payload))


def accept_fact(_: TicketLike, __: Op) -> Accepted:
    """K8: a fact is stored; the fold puts it in the order of its time."""
    return Accepted({})


def flag_after_end(ticket: TicketLike, op: Op) -> Accepted:
    """K8: what was done after the ticket was closed is stored and flagged."""
    ended = ticket.closed_at and op.occurred_at >= ticket.closed_at
    return Accepted({}, flag="after-the-end" if ended else None)


def promise_error(op: Op) -> str | None:
    """K19: why no reply can be promised for the time that the op states, as a code."""
    promised_at = op.payload.get("promised_at")
    if promised_at is None or not op.arriving:
        return None
    earliest = op.occurred_at - PROMISE_RECORDED_WITHIN
    is_possible = earliest <= promised_at <= op.occurred_at + MAX_PROMISE
    return None if is_possible else "promise-out-of-range"


def promise(ticket: TicketLike, op: Op) -> Accepted | Refused:
    """K19: a reply is promised for any time within bounds."""
    error = promise_error(op)
    return Refused(error) if error else flag_after_end(ticket, op)


def inform(ticket: TicketLike, op: Op) -> Accepted | Refused:
    """K22: an interim answer, at any time; who is not responsible states a reason.

    Everybody at the front desk speaks for a lost-property case.
    """
    if error := promise_error(op):
        return Refused(error)
    needs_reason = ticket.about_type != "lost" and not _is_responsible(ticket, op)
    if needs_reason and not op.payload.get("because"):
        return Accepted({}, flag="feedback-without-reason")
    return flag_after_end(ticket, op)


def _is_responsible(ticket: TicketLike, op: Op) -> bool:
    successors = ticket.successions.values()
    return op.by in {ticket.first_responder_id, ticket.steward_id, *successors}


def flag_unless_handler(ticket: TicketLike, op: Op) -> Accepted:
    """K9: only the named person accepts or returns a ticket; if somebody else does, it is
    flagged."""
    may_act = ticket.asked_role or op.by == ticket.handler_id
    return flag_after_end(ticket, op) if may_act else Accepted({}, flag="not-the-handler")


def flag_unless_asked(ticket: TicketLike, op: Op) -> Accepted:
    """K24: whoever accepts a ticket that waits for a role or a trade has it, or it is flagged. Who
    has no trade does everything."""
    who = op.related.get(op.by)
    roles, trades = getattr(who, "roles", None), getattr(who, "trades", None) or ()
    if not ticket.asked_role or roles is None:
        return flag_unless_handler(ticket, op)
    has_trade = not ticket.asked_trade or not trades or ticket.asked_trade in trades
    if ticket.asked_role in roles and has_trade:
        return flag_unless_handler(ticket, op)
    return Accepted({}, flag="not-the-role")


def feed_back(ticket: TicketLike, op: Op) -> Accepted:
    """K13: feedback from somebody who is not responsible needs a reason, or it is flagged.

    Feedback on a complaint about arrears resumes the collection that the complaint paused.
    """
    if not _is_responsible(ticket, op) and not op.payload.get("because"):
        return Accepted({}, flag="feedback-without-reason")
    if not ticket.resolved_at:
        return Accepted({}, flag="feedback-too-early")
    verdict = flag_after_end(ticket, op)
    if ticket.about_type != "arrears" or not ticket.about:
        return verdict
    resumed = derive_op(op, "arrears.resume", ticket.about, {"ticket": ticket.id})
    return replace(verdict, followups=(resumed,))


def merge(ticket: TicketLike, op: Op) -> Accepted | Refused:
    """K17: two tickets about the same matter become the one that was opened first."""
    other = op.related.get(op.payload["other_id"])
    if other is None or getattr(other, "opened_at", None) is None or other.id == ticket.id:
        return Refused("no-such-record")
    if ticket.merged_into or other.merged_into:
        return Refused("already-merged")
    is_earlier = (ticket.opened_at, ticket.id) < (other.opened_at, other.id)
    if is_earlier:
        payload = {"into_id": ticket.id}
        give_way_op = derive_op(op, "ticket.give_way", other.id, payload)
        return Accepted(_absorb_changes(ticket, _absorb_payload(other)), followups=(give_way_op,))
    payload = _absorb_payload(ticket)
    return Accepted(
        {"merged_into": other.id, "merged_at": op.occurred_at},
        followups=(derive_op(op, "ticket.absorb", other.id, payload),),
    )


def keep_apart(ticket: TicketLike, op: Op) -> Accepted | Refused:
    """K25: somebody looked at two tickets and told them apart, or takes that back."""
    other = op.related.get(op.payload["other_id"])
    if other is None or getattr(other, "opened_at", None) is None or other.id == ticket.id:
        return Refused("no-such-record")
    if ticket.merged_into or other.merged_into:
        return Refused("already-merged")
    before = list(ticket.apart_ids or ())
    others = [id_ for id_ in before if id_ != other.id]
    after = [*others, other.id] if op.payload["apart"] else others
    if set(after) == set(before):
        return Refused("nothing-changed")
    return Accepted({"apart_ids": after[-MAX_APART:]})


def absorb(ticket: TicketLike, op: Op) -> Accepted:
    """K17: the first responder of the other ticket becomes a co-receiver, and its numbers lead
    here."""
    return Accepted(_absorb_changes(ticket, op.payload))


def give_way(_: TicketLike, op: Op) -> Accepted:
    """K17: the later ticket leads to the earlier one and is on nobody's list."""
    return Accepted({"merged_into": op.payload["into_id"], "merged_at": op.occurred_at})


def succeed(ticket: TicketLike, op: Op) -> Accepted | Refused:
    """K18: a successor takes over what a person is responsible for; the first responder stays."""
    leaver_id, successor_id = op.payload["from_id"], op.payload["to_id"]
    person = op.related.get(successor_id)
    if person is None or person.active_to:
        return Refused("no-such-person")
    held_fields = {
        name for name in ("steward_id", "handler_id") if getattr(ticket, name) == leaver_id
    }
    if not held_fields:
        return Refused("nothing-changed")
    successions = {**ticket.successions, leaver_id: successor_id}
    return Accepted(
        {**dict.fromkeys(sorted(held_fields), successor_id), "successions": successions}
    )


def ticket_number(subject: str) -> str:
    """The number that the resident is given. It is derived from the id, so a phone knows it
    offline."""
    return "T-" + base64.b32encode(UUID(subject).bytes[-5:]).decode().rstrip("=")


def _absorb_payload(ticket: TicketLike) -> dict[str, Any]:
    return {
        "from_id": ticket.id,
        "numbers": list(ticket.numbers),
        "receiver_ids": [ticket.first_responder_id, *ticket.co_receiver_ids],
    }


def _absorb_changes(ticket: TicketLike, payload: dict[str, Any]) -> dict[str, Any]:
    receivers = [*ticket.co_receiver_ids, *payload["receiver_ids"]]
    others = (id_ for id_ in receivers if id_ != ticket.first_responder_id)
    numbers = [*ticket.numbers, *payload["numbers"]]
    return {
        "numbers": list(dict.fromkeys(numbers)),
        "co_receiver_ids": list(dict.fromkeys(others)),
    }
