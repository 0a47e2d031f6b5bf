"""Cases: somebody is asked about what went wrong, is heard, and only then somebody else decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sync.accountability.case_payloads import (
    Asking,
    Deciding,
    Ending,
    Finding,
    Raising,
    Reviewing,
    Saying,
    Statement,
    weighs,
)
from sync.accountability.due_process import Case, opened_again, since, unready
from sync.protocol.clock import iso, parse
from sync.protocol.digest import DESK, DESK_ONLY, FOREVER, mask
from sync.protocol.op import Accepted, Entry, Kind, Nothing, Op, Payload, Refused


def raise_(_: None, op: Op) -> Accepted | Refused:
    """A3: a case has a category in force, a subject, and somebody else than its raiser to ask."""
    said = op.payload
    category, asked = op.beside.get(said["category_id"]), op.beside.get(said["answers_id"])
    wrong = _no_category(category, said) or _no_subject(asked, said, op.by) or _not_yet(op)
    if wrong or category is None:
        return Refused(wrong or "not-published")
    sub = next((sub for sub in category.subs if sub["code"] == said["sub"]), None)
    facts = _told(said["facts"], op)
    return Accepted(
        {
            **{name: said[name] for name in ("category_id", "sub", "subject_kind", "answers_id")},
            **{name: said[name] for name in ("subject_name", "amount")},
            "code": category.code,
            "label": category.label,
            "sub_label": sub and sub["label"],
            "raised_at": op.occurred_at,
            "raised_by_id": op.by,
            "facts": facts,
            "happened_at": _earliest(facts),
            **{name: [] for name in ("statements", "appeals", "decisions")},
        }
    )


def _no_category(category: Any, said: Mapping[str, Any]) -> str | None:
    if getattr(category, "published_at", None) is None or category.deactivated_at:
        return "not-published"
    codes = [sub["code"] for sub in category.subs]
    if said["sub"] not in (codes or [None]):
        return "unknown-sub"
    return None if (said["amount"] is not None) == category.with_amount else "amount"


def _no_subject(asked: Any, said: Mapping[str, Any], by: str) -> str | None:
    if getattr(asked, "roles", None) is None or getattr(asked, "active_to", None):
        return "no-such-person"
    if said["subject_kind"] == "manager" and not DESK & set(asked.roles):
        return "not-a-manager"
    return "own-case" if by == said["answers_id"] else None


def _not_yet(op: Op) -> str | None:
    """A5: what is said to happen later cannot be held against what was read meanwhile."""
    early = [fact for fact in op.payload["facts"] if fact["at"] > op.occurred_at]
    return "future-fact" if early else None


def _told(facts: Sequence[Mapping[str, Any]], op: Op) -> list[dict[str, Any]]:
    return [{**fact, "at": iso(fact["at"]), "by_id": op.by} for fact in facts]


def _earliest(facts: Sequence[Mapping[str, Any]]) -> datetime | None:
    """A5: when the first thing happened that somebody answers for."""
    times = [fact["at"] for fact in facts if weighs(fact)]
    return parse(min(times)) if times else None


def find(case: Case, op: Op) -> Accepted | Refused:
    """A4: facts come in from all sides; a new reproach is put to the subject before it counts."""
    wrong = _shut(case, op) or _not_yet(op)
    if wrong:
        return Refused(wrong)
    found = _told(op.payload["facts"], op)
    facts = [*case.facts, *found]
    changes = {"facts": facts, "happened_at": _earliest(facts), "found_at": op.occurred_at}
    anew = {"asked_at": None, "answer_until": None} if any(map(weighs, found)) else {}
    return Accepted({**changes, **anew})


def ask(case: Case, op: Op) -> Accepted | Refused:
    """A6: a statement is asked of the subject, with a time until when."""
    wrong = _shut(case, op)
    if wrong or op.payload["answer_until"] <= op.occurred_at:
        return Refused(wrong or "due-is-past")
    return Accepted({"asked_at": op.occurred_at, "answer_until": op.payload["answer_until"]})


def speak(case: Case, op: Op) -> Accepted:
    """A7: what the subject says is kept whenever it comes; what came after a decision is noted."""
    if op.by != case.answers_id:
        return Accepted({}, flag="not-the-subject")
    return Accepted({}, flag="stated-after-decision" if case.decided_at else None)


def respond(case: Case, op: Op) -> Accepted:
    """A10, A11: only the subject acknowledges or appeals; another's word is kept and noted."""
    return Accepted({}, flag=None if op.by == case.answers_id else "not-the-subject")


def decide(case: Case, op: Op) -> Accepted | Refused:
    """A8: nobody decides before the subject was heard or the time for it is over."""
    wrong = "already-decided" if case.decided_at else None
    return _decided(case, op, wrong or unready(case, op))


def review(case: Case, op: Op) -> Accepted | Refused:
    """A11: after an appeal, or a statement that came too late, somebody else decides anew."""
    if op.by == case.answers_id:
        return Refused("own-case")
    wrong = None
    if not opened_again(case):
        wrong = "not-appealed"
    elif op.by in [one["by_id"] for one in case.decisions]:
        wrong = "same-decider"
    return _decided(case, op, wrong or unready(case, op))


def _decided(case: Case, op: Op, wrong: str | None) -> Accepted | Refused:
    """A9: finding and measures are what the decider wrote, and nothing besides."""
    if wrong:
        return Refused(wrong)
    said = {name: op.payload[name] for name in ("finding", "measures")}
    one = {**said, "at": iso(op.occurred_at), "by_id": op.by}
    by = {"decided_at": op.occurred_at, "decided_by_id": op.by, "closed_at": None}
    return Accepted({**said, **by, "decisions": [*case.decisions, one]})


def close(case: Case, op: Op) -> Accepted | Refused:
    """A12: what was acknowledged is closed; anything else only with a reason, an appeal never."""
    if op.by == case.answers_id or case.closed_at:
        return Refused("own-case" if op.by == case.answers_id else "already-closed")
    if since(case, case.appealed_at):
        return Refused("appealed")
    because = (op.payload["because"] or "").strip() or None
    if not because and not since(case, case.acknowledged_at):
        return Refused("say-why")
    return Accepted({"closed_at": op.occurred_at, "closed_by_id": op.by, "because": because})


def _shut(case: Case, op: Op) -> str | None:
    """A3: nobody has a hand in the own case; what is decided is only opened by an appeal."""
    if op.by == case.answers_id:
        return "own-case"
    again = opened_again(case)
    if case.closed_at and not again:
        return "already-closed"
    return "already-decided" if case.decided_at and not again else None


def fold(case: Any, history: Sequence[Entry]) -> dict[str, Any]:
    """A7, A10, A11: what the subject said, in the order of its times, whatever came first."""
    mine = [entry for entry in history if entry.by == case.answers_id]
    said, seen, appeals = (
        [entry for entry in mine if entry.kind == f"case.{word}"]
        for word in ("state", "acknowledge", "appeal")
    )
    return {
        "statements": [{"at": iso(one.occurred_at), **_answer(one)} for one in said],
        "stated_at": said[-1].occurred_at if said else None,
        "heard_at": max((one.received_at for one in said), default=None),
        "acknowledged_at": seen[-1].occurred_at if seen else None,
        "appeals": [{"at": iso(one.occurred_at), "text": one.payload["text"]} for one in appeals],
        "appealed_at": appeals[-1].occurred_at if appeals else None,
    }


def _answer(entry: Entry) -> dict[str, Any]:
    return {"answer": entry.payload["answer"], "text": entry.payload.get("text")}


def state(case: Any) -> str:
    """How far it has come."""
    decided_at, appealed_at = case["decided_at"], case["appealed_at"]
    if decided_at and appealed_at and appealed_at >= decided_at:
        return "appealed"
    if case["closed_at"]:
        return "closed"
    if decided_at:
        seen = case["acknowledged_at"]
        return "acknowledged" if seen and seen >= decided_at else "decided"
    if case["asked_at"]:
        heard = case["stated_at"] and case["stated_at"] >= case["asked_at"]
        return str(case["statements"][-1]["answer"]) if heard else "asked"
    return "fact_finding" if case["found_at"] else "raised"


def audience(case: Any, roles_of: Any) -> int:
    """A13: no phone knows of a case before its subject is asked, nor once it is closed."""
    concerns = case["asked_at"] or case["decided_at"]
    return mask(roles_of(case["answers_id"])) if concerns and not case["closed_at"] else DESK_ONLY


def until(case: Any) -> str:
    """It matters until it is closed."""
    return iso(case["closed_at"]) if case["closed_at"] else FOREVER


def _desk(payload: type[Payload], rule: Any, *, minds: tuple[str, ...] = (), **more: Any) -> Kind:
    return Kind(
        payload=payload,
        rule=rule,
        type="case",
        fact=False,
        roles=DESK,
        at_desk=True,
        minds=frozenset(minds),
        **more,
    )


HEARD = ("facts", "statements", "appeals")
"""Whoever decides has to have seen these as they stand."""

RULES = ("category_id", "site_id")

KINDS = {
    "case.raise": _desk(Raising, raise_, creates=True, looks_at=("category_id", "answers_id")),
    "case.find": _desk(Finding, find),
    "case.ask": _desk(Asking, ask, minds=("facts",)),
    "case.decide": _desk(Deciding, decide, minds=HEARD, looks_at=RULES),
    "case.review": _desk(Reviewing, review, minds=HEARD, looks_at=RULES),
    "case.close": _desk(Ending, close, minds=("appeals", "statements")),
    "case.state": Kind(
        payload=Statement,
        rule=speak,
        type="case",
        fact=True,
        flat=False,
        shows={
            "state": "$answer",
            "stated_at": "$at",
            "statements+": {"at": "$at", "answer": "$answer", "text": "$text"},
        },
    ),
    "case.acknowledge": Kind(
        payload=Nothing,
        rule=respond,
        type="case",
        fact=True,
        shows={"state": "acknowledged", "acknowledged_at": "$at"},
    ),
    "case.appeal": Kind(
        payload=Saying,
        rule=respond,
        type="case",
        fact=True,
        flat=False,
        shows={
            "state": "appealed",
            "appealed_at": "$at",
            "appeals+": {"at": "$at", "text": "$text"},
        },
    ),
}
