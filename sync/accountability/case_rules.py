"""The rules of accountability cases: what may be done with a case, by whom and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sync.accountability.case_payloads import (
    is_accusing,
)
from sync.accountability.due_process import CaseLike, decision_error, is_after_decision, is_reopened
from sync.protocol.clock import format_time, parse_time
from sync.protocol.op import Accepted, Op, Refused
from sync.protocol.roles import DESK_ROLES


def raise_(_: None, op: Op) -> Accepted | Refused:
    """A3: a case has a published category, a subject, and is opened by somebody else than the
    subject."""
    payload = op.payload
    category, subject = (
        op.related.get(payload["category_id"]),
        op.related.get(payload["answers_id"]),
    )
    organisation = op.related.get(payload.get("subject_id") or "")
    error = (
        _category_error(category, payload)
        or _subject_error(subject, payload, op.by)
        or _organisation_error(organisation, payload)
        or _future_fact_error(op)
    )
    if error or category is None:
        return Refused(error or "not-published")
    sub = next((sub for sub in category.subs if sub["code"] == payload["sub"]), None)
    facts = _signed_facts(payload["facts"], op)
    return Accepted(
        {
            **{
                name: payload[name] for name in ("category_id", "sub", "subject_kind", "answers_id")
            },
            **_organisation_fields(organisation, payload),
            "amount": payload["amount"],
            "code": category.code,
            "label": category.label,
            "sub_label": sub and sub["label"],
            "raised_at": op.occurred_at,
            "raised_by_id": op.by,
            "facts": facts,
            "happened_at": _earliest_accusation(facts),
            **{name: [] for name in ("statements", "appeals", "decisions")},
        }
    )


def _category_error(category: Any, payload: Mapping[str, Any]) -> str | None:
    if getattr(category, "published_at", None) is None or category.deactivated_at:
        return "not-published"
    codes = [sub["code"] for sub in category.subs]
    if payload["sub"] not in (codes or [None]):
        return "unknown-sub"
    return None if (payload["amount"] is not None) == category.with_amount else "amount"


def _subject_error(subject: Any, payload: Mapping[str, Any], by: str) -> str | None:
    if getattr(subject, "roles", None) is None or getattr(subject, "active_to", None):
        return "no-such-person"
    if payload["subject_kind"] == "manager" and not DESK_ROLES & set(subject.roles):
        return "not-a-manager"
    return "own-case" if by == payload["answers_id"] else None


def _organisation_error(organisation: Any, payload: Mapping[str, Any]) -> str | None:
    """A3: a team is one of our teams and a contractor one of our contractors, past or present."""
    if payload.get("subject_id") is None:
        return None
    field = {"team": "leader_id", "contractor": "accountable_id"}.get(payload["subject_kind"])
    is_known = field is not None and getattr(organisation, field, None) is not None
    return None if is_known else "no-such-subject"


def _organisation_fields(organisation: Any, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The team or contractor with the name that it has now, so that the case tells it for ever."""
    if organisation is None:
        return {"subject_name": payload["subject_name"]}
    return {"subject_id": payload["subject_id"], "subject_name": organisation.name}


def _future_fact_error(op: Op) -> str | None:
    """A5: a fact lies in the past when it is added, so nobody is held to a rule that they read
    later."""
    future_facts = [fact for fact in op.payload["facts"] if fact["at"] > op.occurred_at]
    return "future-fact" if future_facts else None


def _signed_facts(facts: Sequence[Mapping[str, Any]], op: Op) -> list[dict[str, Any]]:
    return [{**fact, "at": format_time(fact["at"]), "by_id": op.by} for fact in facts]


def _earliest_accusation(facts: Sequence[Mapping[str, Any]]) -> datetime | None:
    """A5: when the earliest accusing fact happened, or None."""
    times = [fact["at"] for fact in facts if is_accusing(fact)]
    return parse_time(min(times)) if times else None


def find(case: CaseLike, op: Op) -> Accepted | Refused:
    """A4: facts are added from all sides. After a new accusing fact the subject must be asked
    again."""
    error = _closed_error(case, op) or _future_fact_error(op)
    if error:
        return Refused(error)
    new_facts = _signed_facts(op.payload["facts"], op)
    facts = [*case.facts, *new_facts]
    changes = {
        "facts": facts,
        "happened_at": _earliest_accusation(facts),
        "found_at": op.occurred_at,
    }
    reset = {"asked_at": None, "answer_until": None} if any(map(is_accusing, new_facts)) else {}
    return Accepted({**changes, **reset})


def ask(case: CaseLike, op: Op) -> Accepted | Refused:
    """A6: the subject is asked for a statement, with a due time of its own that no later change
    of the site's least time moves."""
    error, until = _closed_error(case, op), op.payload["answer_until"]
    if error or until <= op.occurred_at:
        return Refused(error or "due-is-past")
    asked = {"asked_at": op.occurred_at, "answer_until": until}
    hours = getattr(op.related.get(op.payload.get("site_id", "")), "statement_hours", None)
    if hours is None:
        return Accepted(asked)
    if until < op.occurred_at + timedelta(hours=hours):
        return Refused("statement-too-soon")
    return Accepted({**asked, "statement_hours": hours})


def give_statement(case: CaseLike, op: Op) -> Accepted:
    """A7: a statement is always stored; one after the decision, or by somebody else, is flagged."""
    if op.by != case.answers_id:
        return Accepted({}, flag="not-the-subject")
    return Accepted({}, flag="stated-after-decision" if case.decided_at else None)


def flag_unless_subject(case: CaseLike, op: Op) -> Accepted:
    """A10, A11: only the subject acknowledges or appeals; the same by somebody else is flagged."""
    return Accepted({}, flag=None if op.by == case.answers_id else "not-the-subject")


def decide(case: CaseLike, op: Op) -> Accepted | Refused:
    """A8: a case is decided only once the subject was heard or the time for a statement is over."""
    error = "already-decided" if case.decided_at else None
    return _decision(case, op, error or decision_error(case, op))


def review(case: CaseLike, op: Op) -> Accepted | Refused:
    """A11: after an appeal or a late statement, somebody else decides again."""
    if op.by == case.answers_id:
        return Refused("own-case")
    error = None
    if not is_reopened(case):
        error = "not-appealed"
    elif op.by in [decision["by_id"] for decision in case.decisions]:
        error = "same-decider"
    return _decision(case, op, error or decision_error(case, op))


def _decision(case: CaseLike, op: Op, error: str | None) -> Accepted | Refused:
    """A9: finding and measures are what the decider wrote, unchanged."""
    if error:
        return Refused(error)
    content = {name: op.payload[name] for name in ("finding", "measures")}
    entry = {**content, "at": format_time(op.occurred_at), "by_id": op.by}
    decided = {"decided_at": op.occurred_at, "decided_by_id": op.by, "closed_at": None}
    return Accepted({**content, **decided, "decisions": [*case.decisions, entry]})


def close(case: CaseLike, op: Op) -> Accepted | Refused:
    """A12: an acknowledged decision may be closed; otherwise it needs a reason, and an open appeal
    prevents it."""
    if op.by == case.answers_id or case.closed_at:
        return Refused("own-case" if op.by == case.answers_id else "already-closed")
    if is_after_decision(case, case.appealed_at):
        return Refused("appealed")
    because = (op.payload["because"] or "").strip() or None
    if not because and not is_after_decision(case, case.acknowledged_at):
        return Refused("say-why")
    return Accepted({"closed_at": op.occurred_at, "closed_by_id": op.by, "because": because})


def _closed_error(case: CaseLike, op: Op) -> str | None:
    """A3: nobody acts in their own case, and a decided case is only reopened by an appeal."""
    if op.by == case.answers_id:
        return "own-case"
    reopened = is_reopened(case)
    if case.closed_at and not reopened:
        return "already-closed"
    return "already-decided" if case.decided_at and not reopened else None
