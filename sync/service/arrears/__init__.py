"""Arrears: accounts that are called first, told item by item, and visited only with approval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sync.protocol.clock import FOREVER, format_time
from sync.protocol.erasure import purge_kind
from sync.protocol.feature import Feature, PersonalData, RecordType
from sync.protocol.op import EmptyPayload, Kind
from sync.protocol.redaction import NIL_ID
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l
from sync.service.arrears.folding import complaint_ticket_id, fold
from sync.service.arrears.labels import FIELDS, SENTENCES, STATES, VALUES
from sync.service.arrears.payloads import (
    CALL_OUTCOMES,
    VISIT_OUTCOMES,
    ArrearsAppointPayload,
    ArrearsAssignPayload,
    ArrearsCallPayload,
    ArrearsDisputePayload,
    ArrearsListPayload,
    ArrearsPayPayload,
    ArrearsPreferPayload,
    ArrearsReasonPayload,
    ArrearsRelistPayload,
    ArrearsResumePayload,
    ArrearsVisitPayload,
)
from sync.service.arrears.rules import (
    FORBIDDEN_ROLES,
    accept_fact,
    approve,
    assign,
    call,
    dispute,
    hand_up,
    list_,
    may_be_called_at,
    prefer,
    relist,
    visit,
)

REDACTED_VALUES: dict[str, Any] = {
    "unit": NIL_ID,
    **dict.fromkeys(("note", "override_reason", "details", "contact", "reason", "receipt"), "*"),
    **dict.fromkeys(("visit_reason", "handed_reason"), "*"),
}
"""Whose account it was and what was said, with the values that replace it. The amounts stay:
without the home they are about nobody."""


def owed_cents(account: Any) -> int:
    """U9: what is still owed, in cents: the ledger minus the payments since its date."""
    total: int = sum(line["cents"] for line in account["lines"])
    return max(0, total - (account["paid_cents"] or 0))


def stated_amounts(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """U2: what is named in a call, in cents by item and period; two meters of a month are one."""
    amounts: Counter[str] = Counter()
    for line in lines:
        amounts[f"{line['what']} {line['period']}".strip()] += line["cents"]
    return dict(amounts)


def state(account: Any) -> str:
    """U12: how far the collection has come. It is "disputed" while a complaint waits for its
    answer."""
    if not owed_cents(account):
        return "paid"
    if account["handed_at"]:
        return "handed_up"
    if account["paused_by"]:
        return "disputed"
    if account["visit_approved_at"]:
        return "visit_allowed"
    if account["visited_at"]:
        return "visited"
    if account["appointment_at"]:
        return "appointment"
    if not account["calls"]:
        return "listed"
    return "called" if account["calls"][-1]["outcome"] == "reached" else "not_reached"


def visible_until(account: Any) -> str:
    """Phones show an account as long as something is owed."""
    return format_time(account["ledger_at"]) if state(account) == "paid" else FOREVER


def fact_kind(payload: Any, rule: Any, optimistic_patch: dict[str, Any], **kwargs: Any) -> Kind:
    """A kind of fact about an account. The law forbids it to security staff."""
    return Kind(
        payload=payload,
        rule=rule,
        type="arrears",
        fact=True,
        overlay_payload=False,
        forbidden_roles=FORBIDDEN_ROLES,
        optimistic_patch=optimistic_patch,
        **kwargs,
    )


def decision_kind(payload: Any, rule: Any, roles: frozenset[str], **kwargs: Any) -> Kind:
    """A kind of decision about an account that these roles may make."""
    return Kind(
        payload=payload,
        rule=rule,
        type="arrears",
        fact=False,
        roles=roles,
        forbidden_roles=FORBIDDEN_ROLES,
        **kwargs,
    )


CALL_PATCH = {"at": "$at", "by_id": "$by", "by": "$by_name", "outcome": "$outcome", "told": "$told"}
ASK_VISIT_PATCH = {"visit_reason": "$reason", "visit_asked_at": "$at", "visit_asked_by_id": "$by"}

KINDS = {
    "arrears.list": decision_kind(
        ArrearsListPayload,
        list_,
        FRONT_DESK_ROLES,
        creates=True,
        from_desk_only=True,
        label=_l("Arrears listed"),
    ),
    "arrears.relist": decision_kind(
        ArrearsRelistPayload,
        relist,
        FRONT_DESK_ROLES,
        from_desk_only=True,
        label=_l("Arrears updated"),
    ),
    "arrears.assign": decision_kind(
        ArrearsAssignPayload,
        assign,
        DESK_ROLES,
        related_fields=("collector_id",),
        from_desk_only=True,
        label=_l("Collector assigned"),
    ),
    "arrears.prefer": decision_kind(
        ArrearsPreferPayload, prefer, FRONT_DESK_ROLES, label=_l("Call hours changed")
    ),
    "arrears.call": fact_kind(
        ArrearsCallPayload,
        call,
        {"calls+": CALL_PATCH, "called_at": "$at", "appointment_at": "$appointment_at"},
        label=_l("Arrears call"),
    ),
    "arrears.appoint": fact_kind(
        ArrearsAppointPayload,
        accept_fact,
        {"state": "appointment", "appointment_at": "$appointment_at"},
        label=_l("Appointment made"),
    ),
    "arrears.dispute": fact_kind(
        ArrearsDisputePayload,
        dispute,
        {"state": "disputed", "paused_by+": "$at"},
        label=_l("Fee complaint noted"),
    ),
    "arrears.resume": replace(
        fact_kind(ArrearsResumePayload, accept_fact, {}, label=_l("Fee complaint answered")),
        from_server_only=True,
        forbidden_roles=frozenset(),
    ),
    "arrears.ask_visit": fact_kind(
        ArrearsReasonPayload, accept_fact, ASK_VISIT_PATCH, label=_l("Home visit requested")
    ),
    "arrears.approve_visit": decision_kind(
        EmptyPayload,
        approve,
        DESK_ROLES,
        not_before="visit_asked_at",
        optimistic_patch={"visit_approved_at": "$at"},
        label=_l("Home visit approved"),
    ),
    "arrears.visit": decision_kind(
        ArrearsVisitPayload,
        visit,
        FRONT_DESK_ROLES,
        overlay_payload=False,
        optimistic_patch={
            "state": "visited",
            "visited_at": "$at",
            "visit_approved_at": None,
            "visit_outcome": "$outcome",
            "visit_went_in": "$went_in",
        },
        label=_l("Arrears visit"),
    ),
    "arrears.pay": fact_kind(
        ArrearsPayPayload, accept_fact, {"paid_cents": "$cents"}, label=_l("Payment received")
    ),
    "arrears.hand_up": decision_kind(
        ArrearsReasonPayload,
        hand_up,
        FRONT_DESK_ROLES,
        overlay_payload=False,
        optimistic_patch={"state": "handed_up"},
        label=_l("Passed to a manager"),
    ),
    "arrears.purge": purge_kind("arrears", REDACTED_VALUES, _l("Arrears erased")),
}


FEATURE = Feature(
    types={
        "arrears": RecordType(
            label=_l("Arrears"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES),
            allows_photos=False,
            personal=PersonalData(
                term="arrears_days",
                ended=("ledger_at",),
                why=_l("Claims are out of time after three years (Civil Code 188)."),
                is_over=lambda account: state(account) == "paid",
                home_field="unit",
            ),
            redacted_values=REDACTED_VALUES,
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
    sentences=SENTENCES,
)

__all__ = [
    "CALL_OUTCOMES",
    "FEATURE",
    "KINDS",
    "VISIT_OUTCOMES",
    "complaint_ticket_id",
    "fold",
    "may_be_called_at",
    "owed_cents",
    "state",
    "stated_amounts",
    "visible_until",
]
