"""The rules of lost property. Facts are never refused; only closing a case can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

from sync.protocol.op import Accepted, Op, Refused, derive_op
from sync.service.lost_property.folding import missing_steps


class LossCaseLike(Protocol):
    """The fields of a case that the rules read."""

    ticket: str
    closed_at: datetime | None
    contractor_id: str | None


OPEN_FIELDS = (
    *("item", "details", "last_seen_at", "last_seen_where", "unit", "holds_personal_data"),
    *("channel", "contact", "declined_because", "ticket"),
)


def open_(_: None, op: Op) -> Accepted:
    """Q1: a loss opens a case and a ticket, urgent if the item contains personal data."""
    given = {name: op.payload.get(name) for name in OPEN_FIELDS}
    urgency = "urgent" if op.payload["holds_personal_data"] else "normal"
    changes = {**given, "urgency": urgency, "ticket": given["ticket"] or loss_ticket_id(op.subject)}
    return Accepted(changes, followups=() if given["ticket"] else (_ticket_open_op(op, changes),))


def loss_ticket_id(case: str) -> str:
    """The id of the ticket that a case opens, derived from the id of the case."""
    return str(uuid5(UUID(case), "ticket"))


def _ticket_open_op(op: Op, case_fields: dict[str, Any]) -> Op:
    """Q1: the op that opens the ticket; whoever opened the case is its first responder."""
    details = ": ".join(text for text in (case_fields["item"], case_fields["details"]) if text)
    copied = ("channel", "contact", "declined_because", "urgency", "unit")
    payload = {name: case_fields[name] for name in copied if case_fields[name]}
    about = {"matter": "report", "about_type": "lost", "about": op.subject}
    return derive_op(
        op, "ticket.open", case_fields["ticket"], {**payload, **about, "details": details}
    )


def set_contact(case: LossCaseLike, op: Op) -> Accepted:
    """Q1: the resident was asked how to reach them; the ticket learns it too."""
    answer = {name: value for name, value in op.payload.items() if value}
    revised = derive_op(op, "ticket.revise", case.ticket, answer)
    return replace(flag_if_closed(case, op), followups=(revised,))


def tell(case: LossCaseLike, op: Op) -> Accepted:
    """Q11: what the resident is told about the case is an answer of its ticket."""
    informed = derive_op(op, "ticket.inform", case.ticket, {"said": op.payload["said"]})
    return replace(flag_if_closed(case, op), followups=(informed,))


def flag_if_closed(case: LossCaseLike, _: Op) -> Accepted:
    """Q2: a fact about a closed case is stored and flagged."""
    return Accepted({}, flag="after-the-end" if case.closed_at else None)


def contract_out(case: LossCaseLike, op: Op) -> Accepted | Refused:
    """Q5: a contractor may handle a case only while one of our managers is accountable by name."""
    contractor = op.related.get(op.payload["contractor"])
    if case.closed_at:
        return Refused("closed")
    if contractor is None or contractor.ended_at:
        return Refused("contract-ended" if contractor else "no-such-record")
    if not contractor.accountable_id:
        return Refused("needs-accountable")
    return Accepted(
        {
            "contractor_id": op.payload["contractor"],
            "accountable_id": contractor.accountable_id,
            "contracted_at": op.occurred_at,
        }
    )


def close(case: LossCaseLike, op: Op) -> Accepted | Refused:
    """Q7, Q11: a case can be closed only when no step is missing. Missing proof is no reason. Its
    ticket ends with it."""
    if case.closed_at:
        return Refused("closed")
    missing = missing_steps(vars(case), op.payload["outcome"])
    if missing:
        return Refused(missing[0])
    return Accepted(
        {
            "outcome": op.payload["outcome"],
            "closing_note": op.payload.get("closing_note"),
            "closed_at": op.occurred_at,
            "closed_by_id": op.by,
        },
        followups=(
            derive_op(op, "ticket.conclude", case.ticket, {"outcome": op.payload["outcome"]}),
        ),
    )


def reopen(case: LossCaseLike, op: Op) -> Accepted | Refused:
    """Q7, Q11: a closed case can be reopened with its ticket; all its facts stay."""
    if not case.closed_at:
        return Refused("not-closed")
    reopened = derive_op(op, "ticket.reopen", case.ticket, {"reason": op.payload["reason"]})
    cleared = dict.fromkeys(("outcome", "closing_note", "closed_at", "closed_by_id"))
    return Accepted(cleared, followups=(reopened,))
