"""Gate passes: what is carried out of the gate, and who approved it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from marshmallow import fields
from marshmallow.validate import Length, Range

from sync.protocol.clock import format_time
from sync.protocol.erasure import amend_kind
from sync.protocol.feature import Feature, PersonalData, RecordType
from sync.protocol.op import (
    MAX_LABEL_LENGTH,
    MAX_NAME_LENGTH,
    Accepted,
    EmptyPayload,
    HistoryEntry,
    Id,
    Kind,
    Op,
    Payload,
)
from sync.protocol.photos import Photos, photos_of
from sync.protocol.roles import FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l, _lp

REDACTED_VALUES: dict[str, Any] = {
    "what": "*",
    "carrier": "*",
    "host_unit": None,
    "agreed_by": None,
    "photos": [],
    "sha256": "0" * 64,
}
"""The personal data of a gate pass, with the values that replace it when it is erased."""

UNUSED_VISIBLE_FOR = timedelta(days=3)
"""How long phones show a gate pass that has not been used."""


class ReleaseRecordPayload(Payload):
    """What is carried out, as shown to the gate. Nobody searches anything for it."""

    visit = Id(allow_none=True)
    what = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))
    quantity = fields.Integer(strict=True, validate=Range(min=1, max=9999))
    carrier = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    host_unit = Id(allow_none=True)
    agreed_by = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    photos = Photos()


class ReleaseAmendPayload(Payload):
    what = fields.String(validate=Length(min=1, max=MAX_LABEL_LENGTH))
    quantity = fields.Integer(allow_none=True, strict=True, validate=Range(min=1, max=9999))
    carrier = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    host_unit = Id(allow_none=True)
    agreed_by = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))


def assume_one_piece(payload: dict[str, Any]) -> dict[str, Any]:
    """V16: up to version 1 a gate pass was for one piece where nobody had said how many."""
    return {"quantity": 1, **payload}


def record(_: None, op: Op) -> Accepted:
    """V14: a gate pass records what goes out, how many, who carries it and who approved it."""
    return Accepted(dict(op.payload))


def accept_fact(_: Any, __: Op) -> Accepted:
    """V14: the gate let the items out, or takes that back."""
    return Accepted({})


def purge(_: Any, op: Op) -> Accepted:
    """V12: a gate pass is erased like the visit that it belongs to."""
    redacted: dict[str, Any] = dict.fromkeys(("carrier", "host_unit", "agreed_by"))
    redacted |= {"what": "*", "photos": [], "photos_here": 0}
    return Accepted({**redacted, "purged_at": op.occurred_at}, tombstone=True)


def fold(note: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """V14: the first release of the items that was not undone."""
    passed: HistoryEntry | None = None
    for entry in history:
        if entry.kind == "release.pass":
            passed = passed or entry
        elif entry.kind == "release.undo":
            passed = None
    recording = next((entry for entry in history if entry.kind == "release.record"), None)
    photos = [] if getattr(note, "purged_at", None) else [p for e in history for p in photos_of(e)]
    return {
        "recorded_at": recording and recording.occurred_at,
        "recorded_by_id": recording and recording.by,
        "passed_at": passed and passed.occurred_at,
        "passed_by_id": passed and passed.by,
        "photos": list(dict.fromkeys(photos)),
    }


def state(note: Any) -> str:
    """Whether the items wait at the gate, were released, or the pass was erased."""
    if note["purged_at"]:
        return "purged"
    return "passed" if note["passed_at"] else "waiting"


def visible_until(note: Any) -> str:
    """Phones show a gate pass until the items are released, or for three days."""
    return format_time(note["passed_at"] or note["recorded_at"] + UNUSED_VISIBLE_FOR)


KINDS = {
    "release.record": Kind(
        payload=ReleaseRecordPayload,
        rule=record,
        type="release",
        fact=True,
        creates=True,
        payload_version=2,
        upcasters={1: assume_one_piece},
        optimistic_patch={
            "state": "waiting",
            "recorded_at": "$at",
            "recorded_by": "$by_name",
            "passed_at": None,
        },
        label=_l("Gate pass issued"),
    ),
    "release.pass": Kind(
        payload=EmptyPayload,
        rule=accept_fact,
        type="release",
        fact=True,
        optimistic_patch={"state": "passed", "passed_at": "$at", "passed_by": "$by_name"},
        label=_l("Items released"),
    ),
    "release.undo": Kind(
        payload=EmptyPayload,
        rule=accept_fact,
        type="release",
        fact=True,
        optimistic_patch={"state": "waiting", "passed_at": None, "passed_by": None},
        label=_l("Item release undone"),
    ),
    "release.amend": amend_kind("release", ReleaseAmendPayload, _l("Gate pass corrected")),
    "release.purge": Kind(
        payload=EmptyPayload,
        rule=purge,
        type="release",
        fact=False,
        from_server_only=True,
        label=_l("Gate pass erased"),
    ),
}


FEATURE = Feature(
    types={
        "release": RecordType(
            label=_l("Gate pass"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
            personal=PersonalData(
                term="retention_days",
                ended=("passed_at", "recorded_at"),
                why=_l("The safety of the estate: what was carried out can still be asked."),
                home_field="host_unit",
                is_evidence=True,
                belongs_to=("visit", "visit"),
            ),
            redacted_values=REDACTED_VALUES,
            states={"waiting": _l("waiting"), "passed": _l("released"), "purged": _l("erased")},
        ),
    },
    kinds=KINDS,
    fields={
        "host_unit": _lp("release", "From home"),
        "carrier": _l("Carried by"),
        "agreed_by": _l("Approved by"),
        "passed_at": _l("Released at"),
        "passed_by_id": _l("Released by"),
    },
    sentences={
        "release.record": (_l("%(who)s noted what is carried out: %(what)s"),),
        "release.pass": (_l("%(who)s let it pass"),),
        "release.undo": (_l("%(who)s took that back"),),
        "release.amend": (_l("%(who)s corrected %(changes)s"),),
        "release.purge": (_l("Personal data was erased, as its time was over"),),
    },
)
