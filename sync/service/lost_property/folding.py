"""What the facts of a loss add up to, in whatever order they came, and what is still missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sync.protocol.clock import as_datetime, format_time
from sync.protocol.op import HistoryEntry
from sync.protocol.photos import photos_of

DEFAULT_FOLLOW_UP = timedelta(days=1)
"""When a new case is looked at again if nobody said otherwise."""

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
"""Which list of the record each fact adds to."""


def fold(_: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """Q2, Q3: each fact is a line of its list, by time; the newest list and step count."""
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
        "photos": list(dict.fromkeys(s for entry in history for s in photos_of(entry))),
    }


def _next_step(opening: HistoryEntry, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """Q8: there is always something that is done next, and a time for it."""
    step = next((entry for entry in reversed(history) if entry.kind == "lost.next"), opening)
    at = as_datetime(step.payload.get("next_action_at")) or opening.occurred_at + DEFAULT_FOLLOW_UP
    return {
        "next_action": step.payload.get("next_action"),
        "next_action_at": at,
        "next_by_id": step.by,
    }


def _timeline_entry(entry: HistoryEntry) -> dict[str, Any]:
    """What one op told, with its time and author; times are text in a list."""
    said = {
        name: _json_value(name, value) for name, value in entry.payload.items() if name != "photos"
    }
    return {"id": entry.id, "at": format_time(entry.occurred_at), "by_id": entry.by, **said}


def _json_value(name: str, value: Any) -> Any:
    if name in ("since", "before") or name.endswith("_at"):
        moment = as_datetime(value)
        return format_time(moment) if moment else None
    return value


def case_timeline(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Everything that was told, in the order of its times; `kind` says what it is."""
    opening = {"id": "", "at": format_time(case["opened_at"]), "by_id": case["first_responder_id"]}
    lines = [{**opening, "kind": "open"}]
    for kind, column in COLUMN_BY_KIND.items():
        lines += [{**line, "kind": kind.removeprefix("lost.")} for line in case[column]]
    return sorted(lines, key=lambda line: (line["at"], line["id"]))


def missing_steps(case: Mapping[str, Any], outcome: str = "informed") -> list[str]:
    """Q7: what a case still lacks before it may end that way, in the order in which it is done."""
    lacks = []
    if outcome == "returned":
        lacks += [] if case["returned"] else ["not-returned"]
    else:
        lacks += [] if case["lists"] else ["entries-missing"]
        lacks += ["statements-missing"] if unasked_parties(case) else []
        lacks += [] if is_police_offer_answered(case) else ["police-missing"]
    if outcome == "police" and not case["handed"]:
        lacks.append("not-with-police")
    return lacks if _is_feedback_given(case) else [*lacks, "feedback-missing"]


def unasked_parties(case: Mapping[str, Any]) -> dict[str, str]:
    """Q4: whoever stands on the newest list and was neither asked nor heard."""
    heard = {line["party"] for line in (*case["asked"], *case["statements"])}
    parties: dict[str, str] = case["lists"][-1].get("parties", {}) if case["lists"] else {}
    return {party: name for party, name in parties.items() if party not in heard}


def is_police_offer_answered(case: Mapping[str, Any]) -> bool:
    """Q6: the resident was offered the help of the police and said yes or no."""
    return any(offer["answer"] != "undecided" for offer in case["offers"])


def _is_feedback_given(case: Mapping[str, Any]) -> bool:
    """Q7: feedback counts once it is later than what it is about."""
    last = max((line["at"] for line in (*case["returned"], *case["handed"])), default="")
    return any(line["at"] >= last for line in case["told"])
