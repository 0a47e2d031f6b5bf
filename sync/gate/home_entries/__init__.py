"""Home entries: who went into a home, for which firm, what for, and when they came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sync.gate.home_entries.folding import fold
from sync.gate.home_entries.labels import FIELDS, SENTENCES, STATES, VALUES
from sync.gate.home_entries.pairing import Pair, possible_pairs
from sync.gate.home_entries.payloads import (
    EntryAbsorbPayload,
    EntryAmendPayload,
    EntryBeginPayload,
    EntryEndPayload,
    EntryExitPayload,
    EntryJoinPayload,
    EntryLeftPayload,
    EntryReleasePayload,
    EntryStrikePayload,
    EntryTellPayload,
)
from sync.gate.home_entries.rules import MAX_STAY, accept_fact, begin, end, join, separate
from sync.protocol.clock import FOREVER, format_time
from sync.protocol.erasure import purge_kind
from sync.protocol.feature import Feature, PersonalData, RecordType
from sync.protocol.op import EmptyPayload, Kind, Payload
from sync.protocol.redaction import NIL_ID
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l

REDACTED_VALUES: dict[str, Any] = {
    "unit": NIL_ID,
    "purpose": "other",
    "worker": "*",
    "second_person": "*",
    "remarks": "*",
    "reason": "*",
    "struck_because": "*",
}
"""What tells whose home it was and who came, with the values that replace it. Who of ours was there
stays: it is their work."""

VISIBLE_FOR = timedelta(days=3)
"""How long phones show a home entry. A loss is noticed within days."""


def party_key(entry: Mapping[str, Any]) -> str:
    """A text that identifies the worker, so that the same person is asked only once."""
    return entry["worker_id"] or f"{entry['contractor'] or ''}|{entry['worker'] or ''}"


def state(entry: Any) -> str:
    """Whether the worker is inside, came out, or the entry was voided or joined with another."""
    if entry["struck_at"]:
        return "struck"
    if entry["joined_to"]:
        return "joined"
    is_told_without_times = entry["afterwards"] and not entry["in_at"]
    return "out" if entry["out_at"] or is_told_without_times else "inside"


def visible_until(entry: Any) -> str:
    """Phones show an entry while somebody is inside, and for `VISIBLE_FOR` afterwards."""
    if state(entry) == "inside":
        return FOREVER
    times = (entry["out_at"] or entry["in_at"], entry["recorded_at"])
    return format_time(max(time for time in times if time) + VISIBLE_FOR)


def fact_kind(
    payload: type[Payload], rule: Any, optimistic_patch: dict[str, Any], **kwargs: Any
) -> Kind:
    """A kind of fact about a home entry."""
    return Kind(
        payload=payload,
        rule=rule,
        type="entry",
        fact=True,
        optimistic_patch=optimistic_patch,
        **kwargs,
    )


def decision_kind(payload: type[Payload], rule: Any, **kwargs: Any) -> Kind:
    """A kind of decision about a home entry, made at the desk or by the server."""
    return Kind(
        payload=payload,
        rule=rule,
        type="entry",
        fact=False,
        roles=FRONT_DESK_ROLES,
        from_desk_only=True,
        ignore_base=True,
        **kwargs,
    )


RECORDED_PATCH = {"recorded_at": "$at", "recorded_by_id": "$by", "recorded_by": "$by_name"}
OUT_PATCH = {"state": "out", "out_by_id": "$by", "out_by": "$by_name"}

KINDS = {
    "entry.begin": fact_kind(
        EntryBeginPayload,
        begin,
        {**RECORDED_PATCH, "state": "inside", "in_at": "$at", "until": FOREVER},
        creates=True,
        label=_l("Home entered"),
    ),
    "entry.tell": fact_kind(
        EntryTellPayload,
        begin,
        {**RECORDED_PATCH, "state": "out", "afterwards": True},
        creates=True,
        label=_l("Home entry added later"),
    ),
    "entry.exit": fact_kind(
        EntryExitPayload,
        begin,
        {**RECORDED_PATCH, **OUT_PATCH, "in_at": None, "out_at": "$at"},
        creates=True,
        label=_l("Home left, entry not seen"),
    ),
    "entry.end": fact_kind(
        EntryEndPayload, end, {**OUT_PATCH, "out_at": "$at"}, label=_l("Home left")
    ),
    "entry.left": fact_kind(EntryLeftPayload, end, OUT_PATCH, label=_l("Home exit added later")),
    "entry.undo": fact_kind(
        EmptyPayload,
        accept_fact,
        {"state": "inside", "out_at": None, "until": FOREVER},
        label=_l("Home exit undone"),
    ),
    "entry.strike": fact_kind(
        EntryStrikePayload,
        accept_fact,
        {"state": "struck", "struck_at": "$at", "struck_because": "$reason"},
        overlay_payload=False,
        label=_l("Home entry voided"),
    ),
    "entry.join": decision_kind(
        EntryJoinPayload, join, related_fields=("into",), label=_l("Entry and exit joined")
    ),
    "entry.separate": decision_kind(EmptyPayload, separate, label=_l("Entry and exit separated")),
    "entry.absorb": replace(
        fact_kind(EntryAbsorbPayload, accept_fact, {}, label=_l("Exit added from another phone")),
        from_server_only=True,
    ),
    "entry.release": replace(
        fact_kind(
            EntryReleasePayload, accept_fact, {}, label=_l("Exit from another phone taken away")
        ),
        from_server_only=True,
    ),
    "entry.amend": replace(
        fact_kind(EntryAmendPayload, accept_fact, {}, label=_l("Home entry corrected")),
        from_desk_only=True,
        roles=DESK_ROLES,
    ),
    "entry.purge": purge_kind("entry", REDACTED_VALUES, _l("Home entry erased")),
}


FEATURE = Feature(
    types={
        "entry": RecordType(
            label=_l("Home entry"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
            people=lambda entry: [entry["recorded_by_id"], entry["worker_id"]],
            home_field="unit",
            held_after=timedelta(0),
            personal=PersonalData(
                term="entry_days",
                ended=("out_at", "in_at", "recorded_at"),
                why=_l("A loss or damage in a home can still be cleared up."),
                in_use=lambda entry: state(entry) == "inside",
                home_field="unit",
                is_evidence=True,
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
    "FEATURE",
    "KINDS",
    "MAX_STAY",
    "VISIBLE_FOR",
    "Pair",
    "fold",
    "party_key",
    "possible_pairs",
    "state",
    "visible_until",
]
