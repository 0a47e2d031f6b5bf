"""How facts add up to a ticket: told one after the other, in whatever order they arrived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sync.protocol.clock import format_time, parse_time
from sync.protocol.op import HistoryEntry
from sync.protocol.photos import photos_of

MAX_CONTACT_TRIES = 3
"""How often a resident is tried before a matter ends unreached (our choice)."""

MAX_TIMELINE_LENGTH = 200


@dataclass(slots=True)
class TicketState:
    """How far a matter has come."""

    first_responder_id: str
    opened_at: datetime
    handler_id: str
    stewards: frozenset[str]
    contractor_id: str | None = None
    accountable_id: str | None = None
    given_by_id: str | None = None
    asked_role: str | None = None
    handed_at: datetime | None = None
    accepted_at: datetime | None = None
    proxy_for_id: str | None = None
    escalated_at: datetime | None = None
    escalation: str | None = None
    promised_at: datetime | None = None
    followed_at: datetime | None = None
    acted_at: datetime | None = None
    resolved_at: datetime | None = None
    resolved_by_id: str | None = None
    resolved_how: str | None = None
    feedback_at: datetime | None = None
    feedback_by_id: str | None = None
    reaction: str | None = None
    unreachable: int = 0
    marks: dict[str, str] = field(default_factory=dict)
    reopened_at: datetime | None = None
    closed_at: datetime | None = None
    has_items: bool = False
    things: dict[str, dict[str, Any]] = field(default_factory=dict)


def fold(record: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """K1, K8: the first responder is the author of the opening, and the rest follows from it."""
    opening = next((entry for entry in history if entry.kind == "ticket.open"), None)
    if opening is None:
        return {}
    course, later = _initial_state(opening, record), history[history.index(opening) + 1 :]
    timeline = [_timeline_entry(opening)]
    for entry in later:
        step = STEP_HANDLERS.get(entry.kind)
        if step is None:
            continue
        fits = step(course, entry)
        timeline.append(_timeline_entry(entry, out_of_order=not fits))
        _close_if_complete(course, entry.occurred_at)
    return {
        **{name: getattr(course, name) for name in FOLDED_FIELDS},
        "photos": list(dict.fromkeys(s for entry in history for s in photos_of(entry))),
        "timeline": timeline[-MAX_TIMELINE_LENGTH:],
    }


def missing_steps(ticket: Any) -> list[str]:
    """K10: what a matter still lacks before it ends, in the order in which it is done."""
    lacks = []
    if ticket["has_items"] and not ticket["things"]:
        lacks.append("item")
    if not ticket["resolved_at"]:
        lacks.append("resolution")
    if ticket["handed_at"] and not ticket["followed_at"]:
        lacks.append("follow-up")
    if any(not thing.get("returned_at") for thing in ticket["things"].values()):
        lacks.append("return")
    if not _is_feedback_complete(ticket["reaction"], ticket["unreachable"]):
        lacks.append("feedback")
    return lacks


def _initial_state(opening: HistoryEntry, record: Any) -> TicketState:
    said, at = opening.payload, opening.occurred_at
    course = TicketState(
        first_responder_id=opening.by,
        opened_at=at,
        handler_id=opening.by,
        stewards=frozenset({opening.by, *(getattr(record, "successions", None) or {}).values()}),
        promised_at=_as_datetime(said.get("promised_at")),
        has_items=bool(said.get("has_items") or said.get("item")),
    )
    if said.get("item"):
        _register(course, opening)
    if said.get("done_on_the_spot"):
        _resolve_on_the_spot(course, opening)
    return course


def _resolve_on_the_spot(course: TicketState, opening: HistoryEntry) -> None:
    """K6: put right on the spot. Where nobody asked, nobody waits for an answer."""
    said, at = opening.payload, opening.occurred_at
    course.resolved_at = course.acted_at = at
    course.resolved_by_id, course.resolved_how = opening.by, said["done_on_the_spot"]
    reaction = "satisfied" if said["channel"] == "on_round" else said.get("reaction")
    if reaction:
        _apply_reaction(course, opening, reaction)
    _close_if_complete(course, at)


def _hand_over(course: TicketState, entry: HistoryEntry) -> bool:
    """K4, K7: somebody is named; until they accept, it waits for them."""
    if course.closed_at:
        return False
    said = entry.payload
    course.given_by_id, course.handed_at = course.handler_id, entry.occurred_at
    course.accepted_at = course.proxy_for_id = None
    course.contractor_id = _canonical_id(said.get("contractor_id"))
    course.accountable_id = _canonical_id(said.get("accountable_id"))
    course.asked_role = said.get("role")
    course.handler_id = (
        _canonical_id(said.get("handler_id")) or course.accountable_id or course.handler_id
    )
    course.resolved_at = None
    return _mark_acted(course, entry)


def _accept(course: TicketState, entry: HistoryEntry) -> bool:
    """K9: whoever was named accepts, or one of those who have the post."""
    waits = course.handed_at and not course.accepted_at and not course.closed_at
    if not waits or (course.asked_role is None and entry.by != course.handler_id):
        return False
    course.accepted_at, course.handler_id, course.asked_role = entry.occurred_at, entry.by, None
    return _mark_acted(course, entry)


def _give_back(course: TicketState, entry: HistoryEntry) -> bool:
    """K9: what was handed over goes back to whoever gave it."""
    mine = entry.by == course.handler_id or course.asked_role
    if course.closed_at or not course.given_by_id or not mine:
        return False
    course.handler_id, course.given_by_id = course.given_by_id, None
    course.asked_role = course.contractor_id = course.accountable_id = None
    course.accepted_at = entry.occurred_at
    return True


def _hold(course: TicketState, entry: HistoryEntry) -> bool:
    """K11: received on behalf of somebody absent; whoever holds it answers for it."""
    if course.closed_at:
        return False
    course.handler_id, course.proxy_for_id = entry.by, _canonical_id(entry.payload["for_id"])
    course.asked_role, course.accepted_at = None, entry.occurred_at
    return True


def _escalate(course: TicketState, entry: HistoryEntry) -> bool:
    """K12: a leader takes it in hand; the first responder goes on following it."""
    if course.closed_at:
        return False
    course.given_by_id, course.handler_id = (
        course.handler_id,
        str(_canonical_id(entry.payload["to_id"])),
    )
    course.escalated_at = course.handed_at = entry.occurred_at
    course.escalation = entry.payload["reason"]
    course.accepted_at = course.asked_role = course.proxy_for_id = None
    return _mark_acted(course, entry)


def _follow(course: TicketState, entry: HistoryEntry) -> bool:
    course.followed_at = entry.occurred_at
    return True


def _promise(course: TicketState, entry: HistoryEntry) -> bool:
    course.promised_at = _as_datetime(entry.payload["promised_at"])
    return not course.closed_at


def _resolve(course: TicketState, entry: HistoryEntry) -> bool:
    if course.closed_at:
        return False
    course.resolved_at, course.resolved_by_id = entry.occurred_at, entry.by
    course.resolved_how = entry.payload["how"]
    course.reaction, course.unreachable = None, 0
    course.accepted_at = course.accepted_at or entry.occurred_at
    return _mark_acted(course, entry)


def _feed_back(course: TicketState, entry: HistoryEntry) -> bool:
    """K10, K13: only after the work, and from whoever answers for it or with a reason."""
    delegate = entry.by not in course.stewards and not entry.payload.get("because")
    if course.closed_at or not course.resolved_at or delegate:
        return False
    _apply_reaction(course, entry, entry.payload["reaction"])
    return True


def _apply_reaction(course: TicketState, entry: HistoryEntry, reaction: str) -> None:
    course.feedback_at, course.feedback_by_id = entry.occurred_at, entry.by
    course.reaction = reaction
    course.marks = dict(entry.payload.get("marks") or {})
    if reaction == "unreachable":
        course.unreachable += 1
    if reaction == "unsatisfied":
        course.resolved_at, course.unreachable = None, 0


def _enquire(course: TicketState, entry: HistoryEntry) -> bool:
    """K14: a question that was answered is part of the matter's story, open or closed."""
    if not course.closed_at:
        course.followed_at = entry.occurred_at
    return True


def _register(course: TicketState, entry: HistoryEntry) -> bool:
    """K15: a thing is written down with its condition, and who has it; until it is back with its
    owner the matter is not over, closed or not."""
    said = entry.payload
    course.closed_at = None
    known = course.things.get(said["item"], {"chain": []})
    held = {"at": format_time(entry.occurred_at), "by_id": entry.by, "to": None}
    course.things[said["item"]] = {
        **known,
        "condition": said.get("condition") or known.get("condition"),
        "quantity": said.get("quantity") or known.get("quantity") or 1,
        "chain": [*known["chain"], held],
        "returned_at": None,
    }
    course.has_items = True
    return True


def _pass_item(course: TicketState, entry: HistoryEntry) -> bool:
    """K15: each hand that a thing goes through is a link of its chain."""
    thing = course.things.get(entry.payload["item"])
    if thing is None:
        return False
    link = {"at": format_time(entry.occurred_at), "by_id": entry.by, "to": entry.payload["to"]}
    course.things[entry.payload["item"]] = {**thing, "chain": [*thing["chain"], link]}
    return True


def _return_item(course: TicketState, entry: HistoryEntry) -> bool:
    """K15: the chain ends where the thing came from."""
    if not _pass_item(course, entry):
        return False
    course.things[entry.payload["item"]]["returned_at"] = format_time(entry.occurred_at)
    return True


def _reopen(course: TicketState, entry: HistoryEntry) -> bool:
    """K16: a matter that comes up again is the same matter, with whoever answers for it."""
    if not course.closed_at:
        return False
    course.closed_at = course.resolved_at = course.reaction = None
    course.reopened_at, course.unreachable = entry.occurred_at, 0
    course.handler_id, course.contractor_id = course.first_responder_id, None
    course.accountable_id = course.given_by_id = course.handed_at = None
    course.accepted_at = entry.occurred_at
    return True


def _close_if_complete(course: TicketState, at: datetime) -> None:
    """K10: a matter closes by itself once nothing is missing, and never before."""
    if not course.closed_at and not missing_steps({n: getattr(course, n) for n in FOLDED_FIELDS}):
        course.closed_at = at


def _is_feedback_complete(reaction: str | None, tries: int) -> bool:
    return reaction == "satisfied" or (reaction == "unreachable" and tries >= MAX_CONTACT_TRIES)


def _mark_acted(course: TicketState, entry: HistoryEntry) -> bool:
    course.acted_at = course.acted_at or entry.occurred_at
    return True


def _timeline_entry(entry: HistoryEntry, *, out_of_order: bool = False) -> dict[str, Any]:
    """A line of the timeline, as phones keep it: who did what, when, in which words."""
    said = entry.payload
    line: dict[str, Any] = {"at": format_time(entry.occurred_at), "by_id": entry.by}
    line["kind"] = entry.kind.removeprefix("ticket.")
    words = [said.get(n) for n in ("text", "how", "answered", "reason", "note", "because", "item")]
    line["text"] = " · ".join(str(word) for word in words if word) or None
    target = ("handler_id", "to_id", "for_id", "accountable_id")
    line["to_id"] = next((_canonical_id(said[name]) for name in target if said.get(name)), None)
    line["contractor_id"] = _canonical_id(said.get("contractor_id"))
    for name in ("reaction", "role", "to", "who"):
        if said.get(name):
            line[name] = said[name]
    return {**line, "aside": True} if out_of_order else line


def _canonical_id(said: Any) -> str | None:
    """An id as every layer writes it: a payload of the log may have it in capitals."""
    return str(UUID(str(said))) if said else None


def _as_datetime(said: datetime | str | None) -> datetime | None:
    return parse_time(said) if isinstance(said, str) else said


STEP_HANDLERS: dict[str, Callable[[TicketState, HistoryEntry], bool]] = {
    "ticket.hand_over": _hand_over,
    "ticket.accept": _accept,
    "ticket.give_back": _give_back,
    "ticket.hold": _hold,
    "ticket.escalate": _escalate,
    "ticket.follow": _follow,
    "ticket.promise": _promise,
    "ticket.resolve": _resolve,
    "ticket.feed_back": _feed_back,
    "ticket.enquire": _enquire,
    "ticket.register": _register,
    "ticket.pass_on": _pass_item,
    "ticket.return_item": _return_item,
    "ticket.reopen": _reopen,
}

FOLDED_FIELDS = tuple(name for name in TicketState.__dataclass_fields__ if name != "stewards")
