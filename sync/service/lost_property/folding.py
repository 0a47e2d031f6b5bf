"""Folding the facts of a lost-property case, and the steps that it still needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sync.protocol.clock import as_datetime, format_time
from sync.protocol.erasure import photos_unless_purged
from sync.protocol.op import HistoryEntry
from sync.protocol.photos import photos_of

DEFAULT_FOLLOW_UP = timedelta(days=1)
"""When the next step of a new case is due, unless its reporter sets a time."""

CONTACT_FIELDS = ("contact", "declined_because")

COLUMN_BY_KIND = {
    "lost.compile": "lists",
    "lost.ask": "asked",
    "lost.state": "statements",
    "lost.offer_police": "offers",
    "lost.to_police": "handed",
    "lost.find": "found",
    "lost.return": "returned",
    "lost.tell": "told",
    "lost.next": "steps",
}
"""The list of the record to which each kind of fact adds an entry."""


def fold(case: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """Q2, Q3: each fact is an entry of its list, in the order of the facts' times."""
    opening = next((entry for entry in history if entry.kind == "lost.open"), None)
    if opening is None:
        return {}
    lists = {
        column: [_timeline_entry(entry) for entry in history if entry.kind == kind]
        for kind, column in COLUMN_BY_KIND.items()
    }
    return {
        "opened_at": opening.occurred_at,
        "first_responder_id": opening.by,
        **lists,
        **_next_step(opening, history),
        **_contact(history),
        "photos": photos_unless_purged(case, [s for entry in history for s in photos_of(entry)]),
    }


def _next_step(opening: HistoryEntry, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """Q8: the next step of a case and when it is due; there always is one."""
    step = next((entry for entry in reversed(history) if entry.kind == "lost.next"), opening)
    at = as_datetime(step.payload.get("next_action_at")) or opening.occurred_at + DEFAULT_FOLLOW_UP
    return {
        "next_action": step.payload.get("next_action"),
        "next_action_at": at,
        "next_by_id": step.by,
    }


def _contact(history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """Q1: the newest answer to how the resident is reached, if it was asked after the opening."""
    answers = [entry.payload for entry in history if entry.kind == "lost.contact"]
    return {name: answers[-1].get(name) for name in CONTACT_FIELDS} if answers else {}


def _timeline_entry(entry: HistoryEntry) -> dict[str, Any]:
    """The payload of an op with its id, time and author. Times become text."""
    fields = {
        name: _json_value(name, value) for name, value in entry.payload.items() if name != "photos"
    }
    return {"id": entry.id, "at": format_time(entry.occurred_at), "by_id": entry.by, **fields}


def _json_value(name: str, value: Any) -> Any:
    if name in ("since", "before") or name.endswith(("_at", "_until")):
        moment = as_datetime(value)
        return format_time(moment) if moment else None
    return value


def case_timeline(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every fact of a case in the order of its time. `kind` is the kind without `lost.`."""
    opening = {"id": "", "at": format_time(case["opened_at"]), "by_id": case["first_responder_id"]}
    lines = [{**opening, "kind": "open"}]
    for kind, column in COLUMN_BY_KIND.items():
        lines += [{**line, "kind": kind.removeprefix("lost.")} for line in case[column]]
    return sorted(lines, key=lambda line: (line["at"], line["id"]))


def missing_steps(case: Mapping[str, Any], outcome: str = "informed") -> list[str]:
    """Q7: the codes of the steps that are still missing before a case may end with this outcome, in
    the order in which they are taken."""
    missing = [] if any(case.get(name) for name in CONTACT_FIELDS) else ["contact-missing"]
    if outcome == "returned":
        missing += [] if case["returned"] else ["not-returned"]
    else:
        missing += [] if case["lists"] else ["entries-missing"]
        missing += ["statements-missing"] if unasked_parties(case) else []
        missing += [] if is_police_offer_answered(case) else ["police-missing"]
    if outcome == "police" and not case["handed"]:
        missing.append("not-with-police")
    return missing if _is_feedback_given(case) else [*missing, "feedback-missing"]


def unasked_parties(case: Mapping[str, Any]) -> dict[str, str]:
    """Q4: people on the newest list who were neither asked nor gave a statement, as names by
    party."""
    heard = {line["party"] for line in (*case["asked"], *case["statements"])}
    parties: dict[str, str] = case["lists"][-1].get("parties", {}) if case["lists"] else {}
    return {party: name for party, name in parties.items() if party not in heard}


def open_requests(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Q4: the newest request to each person who was asked for a statement and gave none since."""
    newest = {line["party"]: line for line in case["asked"]}
    answered = {line["party"]: line["at"] for line in case["statements"]}
    return [line for party, line in newest.items() if answered.get(party, "") < line["at"]]


def is_police_offer_answered(case: Mapping[str, Any]) -> bool:
    """Q6: whether the resident answered the offer of help with the police with yes or no."""
    return any(offer["answer"] != "undecided" for offer in case["offers"])


def _is_feedback_given(case: Mapping[str, Any]) -> bool:
    """Q7: whether the resident was informed after the latest return or hand-over to the police."""
    last = max((line["at"] for line in (*case["returned"], *case["handed"])), default="")
    return any(line["at"] >= last for line in case["told"])
