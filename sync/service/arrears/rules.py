"""The rules of collecting arrears: a call first, and a visit only with approval."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

from sync.protocol.clock import SITE_ZONE, format_time
from sync.protocol.op import Accepted, Op, Refused, derive_op
from sync.service.arrears.folding import complaint_ticket_id

FORBIDDEN_ROLES = frozenset({"guard"})
"""Security staff must not collect debts: the law forbids it."""


class ArrearsAccountLike(Protocol):
    """The fields of an account that the rules read."""

    id: str
    unit: str
    lines: list[dict[str, Any]]
    paid_cents: int
    windows: list[str]
    do_not_call: bool
    calls: list[dict[str, Any]]
    paused_by: list[str]
    visit_reason: str | None
    visit_asked_by_id: str | None
    visit_asked_at: datetime | None
    visit_approved_at: datetime | None
    visited_at: datetime | None
    handed_at: datetime | None


def list_(_: None, op: Op) -> Accepted:
    """U9, U10: what is owed comes from the ledger, line by line, in whole cents."""
    return Accepted({**op.payload, "listed_at": op.occurred_at, "ledger_at": op.occurred_at})


def relist(account: ArrearsAccountLike, op: Op) -> Accepted | Refused:
    """U10, U21: a newer ledger changes what is owed, but not what was said in earlier calls. A
    payment that the ledger does not know stays."""
    payload = dict(op.payload)
    is_included = payload.pop("payments_included", True)
    if account.lines == payload["lines"] and not (is_included and account.paid_cents):
        return Refused("nothing-changed")
    if not is_included:
        return Accepted(payload)
    return Accepted({**payload, "ledger_at": op.occurred_at, "paid_cents": 0})


def assign(_: ArrearsAccountLike, op: Op) -> Accepted | Refused:
    """U8: an account cannot be assigned to anybody with a forbidden role."""
    person = op.related.get(op.payload["collector_id"])
    if person is None or person.active_to:
        return Refused("no-such-person")
    return Refused("barred") if FORBIDDEN_ROLES & set(person.roles) else Accepted(dict(op.payload))


def prefer(_: ArrearsAccountLike, op: Op) -> Accepted | Refused:
    """U5: record when the resident accepts calls."""
    return Accepted(dict(op.payload)) if op.payload else Refused("nothing-changed")


def call(account: ArrearsAccountLike, op: Op) -> Accepted:
    """U2, U5: a call is always stored. One outside the accepted hours or during a pause is
    flagged."""
    payload = op.payload
    if account.paused_by:
        return Accepted({}, flag="called-while-paused")
    if not may_be_called_at(account, op.occurred_at) and not payload.get("override_reason"):
        return Accepted({}, flag="called-at-a-wrong-hour")
    is_itemised = payload["outcome"] != "reached" or (
        payload.get("told") and payload.get("itemised")
    )
    return Accepted({}, flag=None if is_itemised else "not-told-item-by-item")


def accept_fact(_: ArrearsAccountLike, __: Op) -> Accepted:
    """U3: the resident sets the time of an appointment, and it is accepted as it is."""
    return Accepted({})


def dispute(account: ArrearsAccountLike, op: Op) -> Accepted:
    """U7: a complaint becomes a ticket, and collection pauses until its answer. How it was made
    is not known, and contact details that were not given are missing from the ticket."""
    contact = op.payload.get("contact")
    ticket = {
        "matter": "complaint",
        "details": op.payload["details"],
        "unit": account.unit,
        "about_type": "arrears",
        "about": account.id,
        **({"contact": contact} if contact else {}),
    }
    return Accepted(
        {}, followups=(derive_op(op, "ticket.open", complaint_ticket_id(op.id), ticket),)
    )


def approve(account: ArrearsAccountLike, op: Op) -> Accepted | Refused:
    """U1, U4: a visit is approved after a call, for a special reason, by another person."""
    if not account.calls:
        return Refused("needs-call")
    if account.paused_by:
        return Refused("paused")
    if not account.visit_reason or _is_visit_request_used(account):
        return Refused("needs-special-reason")
    if account.visit_asked_by_id == op.by:
        return Refused("own-request")
    return Accepted({"visit_approved_at": op.occurred_at, "visit_approved_by_id": op.by})


def visit(account: ArrearsAccountLike, op: Op) -> Accepted | Refused:
    """U1, U4, U6: a visit is refused without a call, a reason and an approval.

    U13: only who says that they went in has been in the home; a home entry records it.
    """
    if not account.calls:
        return Refused("needs-call")
    if account.paused_by:
        return Refused("paused")
    if not account.visit_approved_at:
        return Refused("needs-approval")
    went_in = op.payload.get("went_in")
    changes = {
        "visited_at": op.occurred_at,
        "visited_by_id": op.by,
        "visit_outcome": op.payload["outcome"],
        "visit_went_in": went_in,
        "visit_approved_at": None,
    }
    return Accepted(changes, followups=(_home_entry(account, op),) if went_in else ())


def _home_entry(account: ArrearsAccountLike, op: Op) -> Op:
    """U13: the home entry of a visit, with the times that the collector gave."""
    times = {
        name: format_time(time) for name in ("in_at", "out_at") if (time := op.payload.get(name))
    }
    entry = {"unit": account.unit, "purpose": "arrears", "worker_id": op.by, **times}
    return derive_op(op, "entry.tell", str(uuid5(UUID(op.id), "home entry")), entry)


def hand_up(account: ArrearsAccountLike, op: Op) -> Accepted | Refused:
    """U12: what calls and visits do not settle goes to a manager, who alone may go to court."""
    if account.handed_at:
        return Refused("nothing-changed")
    return Accepted({"handed_at": op.occurred_at, "handed_reason": op.payload["reason"]})


def may_be_called_at(account: Any, time: datetime) -> bool:
    """U5: whether the resident accepts a call at this time; without chosen hours, from 09:00 to
    20:00."""
    if account.do_not_call:
        return False
    clock = time.astimezone(SITE_ZONE).strftime("%H:%M")
    spans = [span.split("-") for span in account.windows or ("09:00-20:00",)]
    return any(start <= clock <= end for start, end in spans)


def _is_visit_request_used(account: ArrearsAccountLike) -> bool:
    """Whether the visit that was requested has already taken place."""
    requested_at, visited_at = account.visit_asked_at, account.visited_at
    return bool(visited_at and requested_at and requested_at <= visited_at)
