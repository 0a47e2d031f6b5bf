"""Lost property: something is missing from a home, and its case stays open until a defined end."""

from __future__ import annotations

from typing import Any

from sync.protocol.clock import FOREVER, format_time
from sync.protocol.erasure import amend_kind, purge_kind
from sync.protocol.feature import Feature, PersonalData, RecordType
from sync.protocol.op import PERSON, Kind
from sync.protocol.roles import FRONT_DESK_ROLES, role_mask
from sync.protocol.text import Text, _l
from sync.service.lost_property.folding import (
    case_timeline,
    fold,
    is_police_offer_answered,
    missing_steps,
    open_requests,
    unasked_parties,
)
from sync.service.lost_property.labels import FIELDS, SENTENCES, STATES, VALUES
from sync.service.lost_property.payloads import (
    CHANNELS,
    OUTCOMES,
    POLICE_ANSWERS,
    LostAmendPayload,
    LostAskPayload,
    LostClosePayload,
    LostCompilePayload,
    LostContactPayload,
    LostContractOutPayload,
    LostFindPayload,
    LostNextPayload,
    LostOfferPolicePayload,
    LostOpenPayload,
    LostReopenPayload,
    LostReturnPayload,
    LostStatePayload,
    LostTellPayload,
    LostToPolicePayload,
)
from sync.service.lost_property.rules import (
    close,
    contract_out,
    flag_if_closed,
    loss_ticket_id,
    open_,
    reopen,
    set_contact,
    tell,
)

REDACTED_VALUES: dict[str, Any] = {
    **dict.fromkeys(("item", "details", "last_seen_where", "contact", "declined_because"), "*"),
    **dict.fromkeys(("party", "name", "said", "to", "where", "note", "station", "officer"), "*"),
    **dict.fromkeys(("receipt", "handed_by", "next_action", "closing_note", "reason"), "*"),
    "unit": None,
    "entries": {},
    "purposes": {},
    "parties": {},
    "unheard": [],
    "photos": [],
    "sha256": "0" * 64,
}
"""The personal data of a case, with the values that replace it when it is erased."""


def state(case: Any) -> str:
    """How far a case has come."""
    if case["closed_at"]:
        return "closed"
    if case["returned"]:
        return "returned"
    if case["found"]:
        return "found"
    if case["handed"]:
        return "police"
    if case["asked"] or case["statements"]:
        return "inquiry"
    return "compiled" if case["lists"] else "reported"


def visible_until(case: Any) -> str:
    """Phones show a case until it is closed."""
    return format_time(case["closed_at"]) if case["closed_at"] else FOREVER


def timeline_line(kind: str, *names: str) -> dict[str, Any]:
    """The line that a phone adds to the timeline before the verdict. `names` are payload fields."""
    fields = {name: f"${name}" for name in names}
    return {"at": "$at", "by_id": "$by", "by": "$by_name", "kind": kind, **fields}


def fact_kind(
    payload: Any,
    kind: str,
    *names: str,
    label: Text,
    rule: Any = flag_if_closed,
    proof: str | None = None,
    **more: Any,
) -> Kind:
    """A kind of fact about a case. `names` are the payload fields that its timeline line shows."""
    optimistic_patch = {"timeline+": timeline_line(kind, *names), **more}
    return Kind(
        label=label,
        payload=payload,
        rule=rule,
        type="lost",
        fact=True,
        proof=proof,
        overlay_payload=False,
        optimistic_patch=optimistic_patch,
    )


def decision_kind(payload: Any, rule: Any, **kwargs: Any) -> Kind:
    """A kind of decision that is judged by the current record, whatever its author had seen."""
    return Kind(
        payload=payload,
        rule=rule,
        type="lost",
        fact=False,
        ignore_base=True,
        roles=FRONT_DESK_ROLES,
        **kwargs,
    )


KINDS = {
    "lost.open": Kind(
        payload=LostOpenPayload,
        rule=open_,
        type="lost",
        fact=True,
        creates=True,
        optimistic_patch={
            "state": "reported",
            "opened_at": "$at",
            "first_responder_id": "$by",
            "first_responder": "$by_name",
            "next_by": "$by_name",
            "until": FOREVER,
            "timeline": [timeline_line("open")],
        },
        payload_version=2,
        upcasters={1: lambda payload: {"channel": "in_person", **payload}},
        label=_l("Lost item reported"),
    ),
    "lost.contact": fact_kind(
        LostContactPayload,
        "contact",
        label=_l("Contact details asked for"),
        rule=set_contact,
        contact="$contact",
        declined_because="$declined_because",
    ),
    "lost.compile": fact_kind(
        LostCompilePayload,
        "compile",
        "unit",
        "since",
        "before",
        "entries",
        "purposes",
        "parties",
        state="compiled",
        label=_l("People in the home listed"),
    ),
    "lost.ask": fact_kind(
        LostAskPayload,
        "ask",
        "party",
        "name",
        "answer_until",
        state="inquiry",
        label=_l("Person asked about lost item"),
    ),
    "lost.state": fact_kind(
        LostStatePayload,
        "state",
        "party",
        "name",
        "said",
        "declined",
        label=_l("Statement recorded"),
        proof=PERSON,
    ),
    "lost.offer_police": fact_kind(
        LostOfferPolicePayload, "offer_police", "answer", label=_l("Police report offered")
    ),
    "lost.to_police": fact_kind(
        LostToPolicePayload,
        "to_police",
        "station",
        "officer",
        "receipt",
        "handed_by",
        state="police",
        label=_l("Lost item case handed to police"),
    ),
    "lost.find": fact_kind(
        LostFindPayload, "find", "where", "note", state="found", label=_l("Lost item found")
    ),
    "lost.return": fact_kind(
        LostReturnPayload, "return", "to", "note", state="returned", label=_l("Lost item returned")
    ),
    "lost.tell": fact_kind(
        LostTellPayload, "tell", "said", label=_l("Resident informed"), rule=tell
    ),
    "lost.next": fact_kind(
        LostNextPayload,
        "next",
        "next_action",
        next_action="$next_action",
        next_action_at="$next_action_at",
        next_by="$by_name",
        label=_l("Next step set"),
    ),
    "lost.contract_out": decision_kind(
        LostContractOutPayload,
        contract_out,
        from_desk_only=True,
        related_fields=("contractor",),
        label=_l("Contractor assigned"),
    ),
    "lost.close": decision_kind(
        LostClosePayload,
        close,
        optimistic_patch={"state": "closed", "closed_at": "$at", "closed_by": "$by_name"},
        label=_l("Lost item case closed"),
    ),
    "lost.reopen": decision_kind(
        LostReopenPayload, reopen, from_desk_only=True, label=_l("Lost item case reopened")
    ),
    "lost.amend": amend_kind("lost", LostAmendPayload, _l("Lost item case corrected")),
    "lost.purge": purge_kind("lost", REDACTED_VALUES, _l("Lost item case erased")),
}


FEATURE = Feature(
    types={
        "lost": RecordType(
            label=_l("Lost item"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
            people=lambda case: [case["first_responder_id"]],
            personal=PersonalData(
                term="lost_days",
                ended=("closed_at",),
                why=_l("A closed case may be opened again, or the police may ask."),
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
    "CHANNELS",
    "FEATURE",
    "KINDS",
    "OUTCOMES",
    "POLICE_ANSWERS",
    "case_timeline",
    "fold",
    "is_police_offer_answered",
    "loss_ticket_id",
    "missing_steps",
    "open_requests",
    "state",
    "unasked_parties",
    "visible_until",
]
