"""What has to be done next about a ticket, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import pgettext

from server.models.directory import Directory
from server.models.tickets import Ticket
from sync.protocol.text import Texts, _l
from sync.service.ticket_lists import awaits_acceptance, is_open, missing_steps_if_open

FORM_OF_STEP = {
    "item": "register",
    "resolution": "resolve",
    "contact": "revise",
    "matter": "revise",
    "follow-up": "follow",
    "return": "return_item",
    "feedback": "feed_back",
}
"""The form that does a missing step, in the order in which a ticket needs them."""

STEP_LABELS: Texts = {
    "accept": _l("Accept ticket"),
    "give_back": _l("Return ticket"),
    "hand_over": _l("Transfer"),
    "resolve": _l("Mark as done"),
    "feed_back": _l("Give feedback"),
    "follow": _l("Add follow-up"),
    "promise": _l("Promise a reply"),
    "inform": _l("Give an interim answer"),
    "hold": _l("Receive on behalf"),
    "escalate": _l("Escalate"),
    "register": _l("Related item"),
    "enquire": _l("Answer an enquiry"),
    "reopen": _l("Reopen ticket"),
}
"""What can be done about a ticket, in the words of its buttons."""

BESIDE = {
    "accept": ("give_back",),
    "hand_over": ("resolve",),
    "resolve": ("hand_over",),
    "feed_back": ("inform",),
}
"""What may be done instead of the main step."""

SOON = timedelta(hours=1)
"""A promise that ends within this time is shown as a warning."""


@dataclass(frozen=True, slots=True)
class Station:
    """One of the four stations of a ticket: who did it and when, else whose turn it is."""

    label: str
    who: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Promise:
    """The time until a promised reply: how much of it is over, in per cent, and what is left."""

    until: datetime
    percent: int
    left: timedelta

    @property
    def is_broken(self) -> bool:
        return self.left <= timedelta(0)

    @property
    def tone(self) -> str:
        """Its colour: red if broken, amber if soon."""
        return "bad" if self.is_broken else "warn" if self.left <= SOON else "dim"


def next_step(ticket: Ticket, *, is_absentee_back: bool = False) -> str:
    """The form of what has to be done next: "accept", "hand_over", "revise" or a kind of fact; ""
    if nothing is left to do here."""
    if not is_open(ticket):
        return ""
    if is_absentee_back:
        return "hand_over"
    if awaits_acceptance(ticket):
        return "accept"
    missing = [step for step in FORM_OF_STEP if step in missing_steps_if_open(ticket)]
    step = FORM_OF_STEP[missing[0]] if missing else ""
    if step == "resolve" and ticket.matter == "report" and not ticket.handed_at:
        return "hand_over"
    return "" if step in ("resolve", "feed_back") and ticket.about_type == "lost" else step


def possible_steps(ticket: Ticket) -> list[str]:
    """What can be done about a ticket in its state."""
    if not is_open(ticket):
        return ["enquire"] if ticket.merged_into else ["enquire", "reopen"]
    possible = [step for step in STEP_LABELS if step != "reopen"]
    if not awaits_acceptance(ticket):
        possible = [step for step in possible if step not in ("accept", "give_back")]
    if ticket.about_type == "lost":
        possible = [step for step in possible if step not in ("resolve", "feed_back")]
    return possible if ticket.resolved_at else [s for s in possible if s != "feed_back"]


def stations(ticket: Ticket, names: Directory) -> list[Station]:
    """Accepted, done, reported back, followed up."""
    handler = names.person_name(ticket.handler_id) or names.contractor_name(ticket.contractor_id)
    steward = names.person_name(ticket.steward_id) or ""
    taken_at = ticket.accepted_at if ticket.handed_at else ticket.opened_at
    done_by = names.person_name(ticket.resolved_by_id) or handler or ""
    told_by = names.person_name(ticket.feedback_by_id) or steward
    found = [
        Station(pgettext("station", "Accepted"), handler or "", taken_at),
        Station(pgettext("station", "Done"), done_by, ticket.resolved_at),
        Station(pgettext("station", "Reported back"), told_by, ticket.feedback_at),
    ]
    if ticket.handed_at:
        found.append(Station(pgettext("station", "Followed up"), steward, ticket.followed_at))
    return found


def promise(ticket: Any, now: datetime) -> Promise | None:
    """The promised reply that is still owed, None if there is none."""
    if not ticket.promised_at or not is_open(ticket) or ticket.feedback_at:
        return None
    whole = max((ticket.promised_at - ticket.opened_at).total_seconds(), 1)
    gone = (now - ticket.opened_at).total_seconds()
    percent = min(max(round(100 * gone / whole), 0), 100)
    return Promise(ticket.promised_at, percent, ticket.promised_at - now)
