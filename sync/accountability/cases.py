"""Accountability cases: the subject is asked and heard before somebody else decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sync.accountability.case_labels import FIELDS, STATES, VALUES
from sync.accountability.case_payloads import (
    CaseAppealPayload,
    CaseAskPayload,
    CaseClosePayload,
    CaseDecidePayload,
    CaseFindPayload,
    CaseRaisePayload,
    CaseReviewPayload,
    CaseStatePayload,
    is_accusing,
)
from sync.accountability.due_process import CaseLike, decision_error, is_after_decision, is_reopened
from sync.protocol.clock import FOREVER, format_time, parse_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import Accepted, EmptyPayload, HistoryEntry, Kind, Op, Payload, Refused
from sync.protocol.roles import DESK_ONLY_AUDIENCE, DESK_ROLES, role_mask
from sync.protocol.text import _l


def raise_(_: None, op: Op) -> Accepted | Refused:
    """A3: a case has a published category, a subject, and is opened by somebody else than the
    subject."""
    payload = op.payload
    category, subject = (
        op.related.get(payload["category_id"]),
        op.related.get(payload["answers_id"]),
    )
    error = (
        _category_error(category, payload)
        or _subject_error(subject, payload, op.by)
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
            **{name: payload[name] for name in ("subject_name", "amount")},
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
    """A6: the subject is asked for a statement, with a due time."""
    error = _closed_error(case, op)
    if error or op.payload["answer_until"] <= op.occurred_at:
        return Refused(error or "due-is-past")
    return Accepted({"asked_at": op.occurred_at, "answer_until": op.payload["answer_until"]})


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


def fold(case: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """A7, A10, A11: what the subject stated, acknowledged and appealed, in the order of the
    times."""
    by_subject = [entry for entry in history if entry.by == case.answers_id]
    statements, acknowledgements, appeals = (
        [entry for entry in by_subject if entry.kind == f"case.{action}"]
        for action in ("state", "acknowledge", "appeal")
    )
    return {
        "statements": [
            {"at": format_time(fact.occurred_at), **_statement_fields(fact)} for fact in statements
        ],
        "stated_at": statements[-1].occurred_at if statements else None,
        "heard_at": max((fact.received_at for fact in statements), default=None),
        "acknowledged_at": acknowledgements[-1].occurred_at if acknowledgements else None,
        "appeals": [
            {"at": format_time(fact.occurred_at), "text": fact.payload["text"]} for fact in appeals
        ],
        "appealed_at": appeals[-1].occurred_at if appeals else None,
    }


def _statement_fields(entry: HistoryEntry) -> dict[str, Any]:
    return {"answer": entry.payload["answer"], "text": entry.payload.get("text")}


def state(case: Any) -> str:
    """How far a case has come."""
    decided_at, appealed_at = case["decided_at"], case["appealed_at"]
    if decided_at and appealed_at and appealed_at >= decided_at:
        return "appealed"
    if case["closed_at"]:
        return "closed"
    if decided_at:
        acknowledged_at = case["acknowledged_at"]
        return "acknowledged" if acknowledged_at and acknowledged_at >= decided_at else "decided"
    if case["asked_at"]:
        heard = case["stated_at"] and case["stated_at"] >= case["asked_at"]
        return str(case["statements"][-1]["answer"]) if heard else "asked"
    return "fact_finding" if case["found_at"] else "raised"


def audience(case: Any, roles_of: Any) -> int:
    """A13: phones get a case only after its subject was asked or it was decided, and until it is
    closed."""
    is_shared = case["asked_at"] or case["decided_at"]
    return (
        role_mask(roles_of(case["answers_id"]))
        if is_shared and not case["closed_at"]
        else DESK_ONLY_AUDIENCE
    )


def visible_until(case: Any) -> str:
    """Phones show a case until it is closed."""
    return format_time(case["closed_at"]) if case["closed_at"] else FOREVER


def _desk_kind(
    payload: type[Payload], rule: Any, *, conflicts_with: tuple[str, ...] = (), **kwargs: Any
) -> Kind:
    return Kind(
        payload=payload,
        rule=rule,
        type="case",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        conflicts_with=frozenset(conflicts_with),
        **kwargs,
    )


DECISION_INPUTS = ("facts", "statements", "appeals")
"""A decision is contested if its author had not seen the newest values of these fields."""

RELATED_RULES = ("category_id", "site_id")

KINDS = {
    "case.raise": _desk_kind(
        CaseRaisePayload,
        raise_,
        creates=True,
        related_fields=("category_id", "answers_id"),
        label=_l("Accountability case opened"),
    ),
    "case.find": _desk_kind(CaseFindPayload, find, label=_l("Facts added")),
    "case.ask": _desk_kind(
        CaseAskPayload, ask, conflicts_with=("facts",), label=_l("Statement requested")
    ),
    "case.decide": _desk_kind(
        CaseDecidePayload,
        decide,
        conflicts_with=DECISION_INPUTS,
        related_fields=RELATED_RULES,
        label=_l("Case decided"),
    ),
    "case.review": _desk_kind(
        CaseReviewPayload,
        review,
        conflicts_with=DECISION_INPUTS,
        related_fields=RELATED_RULES,
        label=_l("Case decided again"),
    ),
    "case.close": _desk_kind(
        CaseClosePayload, close, conflicts_with=("appeals", "statements"), label=_l("Case closed")
    ),
    "case.state": Kind(
        payload=CaseStatePayload,
        rule=give_statement,
        type="case",
        fact=True,
        overlay_payload=False,
        optimistic_patch={
            "state": "$answer",
            "stated_at": "$at",
            "statements+": {"at": "$at", "answer": "$answer", "text": "$text"},
        },
        label=_l("Statement given"),
    ),
    "case.acknowledge": Kind(
        payload=EmptyPayload,
        rule=flag_unless_subject,
        type="case",
        fact=True,
        optimistic_patch={"state": "acknowledged", "acknowledged_at": "$at"},
        label=_l("Decision read"),
    ),
    "case.appeal": Kind(
        payload=CaseAppealPayload,
        rule=flag_unless_subject,
        type="case",
        fact=True,
        overlay_payload=False,
        optimistic_patch={
            "state": "appealed",
            "appealed_at": "$at",
            "appeals+": {"at": "$at", "text": "$text"},
        },
        label=_l("Appeal"),
    ),
}


FEATURE = Feature(
    types={
        "case": RecordType(
            label=_l("Accountability case"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=audience,
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
)
