"""Accountability cases: the subject is asked and heard before somebody else decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sync.accountability.case_labels import FIELDS, SENTENCES, STATES, VALUES
from sync.accountability.case_payloads import (
    CaseAppealPayload,
    CaseAskPayload,
    CaseClosePayload,
    CaseDecidePayload,
    CaseFindPayload,
    CaseRaisePayload,
    CaseReviewPayload,
    CaseStatePayload,
)
from sync.accountability.case_rules import (
    ask,
    close,
    decide,
    find,
    flag_unless_subject,
    give_statement,
    raise_,
    review,
)
from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import PERSON, EmptyPayload, HistoryEntry, Kind, Payload
from sync.protocol.roles import DESK_ONLY_AUDIENCE, DESK_ROLES
from sync.protocol.text import _l


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


def people(case: Any) -> list[str]:
    """A13: only the phones of the person who answers get a case: after they were asked or it was
    decided, and until it is closed."""
    is_shared = case["asked_at"] or case["decided_at"]
    return [case["answers_id"]] if is_shared and not case["closed_at"] else []


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
        related_fields=("category_id", "answers_id", "subject_id"),
        label=_l("Accountability case opened"),
    ),
    "case.find": _desk_kind(CaseFindPayload, find, label=_l("Facts added")),
    "case.ask": _desk_kind(
        CaseAskPayload,
        ask,
        conflicts_with=("facts",),
        related_fields=("site_id",),
        label=_l("Statement requested"),
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
        proof=PERSON,
        personal=True,
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
        proof=PERSON,
        personal=True,
        not_before="decided_at",
        optimistic_patch={"state": "acknowledged", "acknowledged_at": "$at"},
        label=_l("Decision read"),
    ),
    "case.appeal": Kind(
        payload=CaseAppealPayload,
        rule=flag_unless_subject,
        type="case",
        fact=True,
        proof=PERSON,
        personal=True,
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
            audience=lambda _, __: DESK_ONLY_AUDIENCE,
            people=people,
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
    sentences=SENTENCES,
)
