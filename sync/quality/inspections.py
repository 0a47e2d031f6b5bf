"""Inspections: somebody assesses an area or a person's work, criterion by criterion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    EmptyPayload,
    HistoryEntry,
    Kind,
)
from sync.protocol.photos import photos_of
from sync.protocol.roles import DESK_ROLES, role_mask
from sync.protocol.text import _l, _lp
from sync.quality.inspection_payloads import (
    InspectionMakeOfficialPayload,
    InspectionRecordPayload,
    InspectionRectifyPayload,
    actions_from_waived,
)
from sync.quality.inspection_rules import make_official, record, rectify, unmake_official

VISIBLE_FOR = timedelta(days=14)
ACTION_LABELS = {
    "rectify": _l("Ask for a fix"),
    "fixed": _l("Fixed on the spot"),
    "noted": _l("Note only"),
}
RESULT_LABELS = {"pass": _l("pass"), "fail": _l("fail"), "na": _l("not applicable")}


def fold(_: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """The photos of every criterion and those added later, without duplicates."""
    photos = [sha256 for entry in history for sha256 in photos_of(entry)]
    return {"photos": list(dict.fromkeys(photos))}


def state(_: Any) -> str:
    """An inspection has a single state."""
    return "recorded"


def visible_until(inspection: Any) -> str:
    """Phones show an inspection for two weeks."""
    return format_time(inspection["inspected_at"] + VISIBLE_FOR)


KINDS = {
    "inspection.record": Kind(
        payload=InspectionRecordPayload,
        rule=record,
        type="inspection",
        fact=True,
        creates=True,
        related_fields=("template_id", "task_id"),
        payload_version=2,
        upcasters={1: actions_from_waived},
        optimistic_patch={
            "state": "recorded",
            "inspected_at": "$at",
            "assessor_id": "$by",
            "assessor": "$by_name",
            "score": None,
            "until": FOREVER,
        },
        label=_l("Inspection done"),
    ),
    "inspection.rectify": Kind(
        payload=InspectionRectifyPayload,
        rule=rectify,
        type="inspection",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        label=_l("Fix asked for"),
    ),
    "inspection.make_official": Kind(
        payload=InspectionMakeOfficialPayload,
        rule=make_official,
        type="inspection",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        related_fields=("instead_of",),
        label=_l("Inspection made official"),
    ),
    "inspection.unmake_official": Kind(
        payload=EmptyPayload,
        rule=unmake_official,
        type="inspection",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        label=_l("Inspection no longer official"),
    ),
}


FEATURE = Feature(
    types={
        "inspection": RecordType(
            label=_l("Inspection"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda _, __: role_mask(DESK_ROLES),
            states={"recorded": _l("recorded")},
        ),
    },
    kinds=KINDS,
    fields={
        "assessor_id": _l("Inspected by"),
        "inspected_at": _l("Inspected at"),
        "official_at": _l("Official since"),
        "official_by_id": _l("Made official by"),
        "instead_of": _l("Instead of"),
        "notes": _l("Notes"),
        "rest": _l("All other criteria"),
        "results": _l("Results"),
        "shots": _l("Photos"),
        "template_id": _l("Checklist"),
        "actions": _l("What follows"),
        "rest_action": _l("What follows for the rest"),
        "assign": _l("Who fixes it"),
        "performers": _l("Whose work"),
        "task_id": _l("Task"),
        "waive": _l("Fixed on the spot"),
        "rectify.item": _lp("rectification", "Criterion"),
    },
    values={
        "actions": ACTION_LABELS,
        "action": ACTION_LABELS,
        "rest_action": ACTION_LABELS,
        "result": RESULT_LABELS,
        "results": RESULT_LABELS,
        "rest": RESULT_LABELS,
    },
    sentences={
        "inspection.record": (_l("%(who)s inspected it"),),
        "inspection.rectify": (
            _l("%(who)s asked %(responsible_id)s to fix it by %(due_at)s: %(item)s"),
            _l("%(who)s asked for a fix: %(item)s"),
        ),
        "inspection.make_official": (_l("%(who)s made it the official one"),),
        "inspection.unmake_official": (_l("%(who)s made it no longer official"),),
    },
)
