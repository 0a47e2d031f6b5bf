"""Scans of checkpoint labels outside a patrol: kept as what they are, for no patrol."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_LABEL_LENGTH,
    MAX_TEXT_LENGTH,
    Accepted,
    HistoryEntry,
    Id,
    Kind,
    Op,
    Payload,
)
from sync.protocol.photos import Photos, photos_of
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l, _lp
from sync.work.patrol_labels import VALUES
from sync.work.patrol_payloads import SCAN_METHODS
from sync.work.patrol_rules import move_outside_scan

VISIBLE_FOR = timedelta(days=1)


class ScanRecordPayload(Payload):
    checkpoint = Id(required=True)
    method = fields.String(required=True, validate=OneOf(SCAN_METHODS))
    token = fields.String(validate=Length(max=64))
    note = fields.String(validate=Length(max=MAX_TEXT_LENGTH))
    photos = Photos()


class ScanMovePayload(Payload):
    to = Id(required=True)
    because = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


def record(_: None, op: Op) -> Accepted:
    """N8: a scan that belongs to no patrol is stored as such and never refused."""
    payload = op.payload
    point = op.related.get(payload["checkpoint"])
    return Accepted(
        {
            **{name: payload.get(name) for name in ("checkpoint", "method", "token", "note")},
            "at": op.occurred_at,
            "by_id": op.by,
            "label": getattr(point, "label", {}),
            "area_id": getattr(point, "area_id", None),
        }
    )


def fold(_: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """The photos of a scan."""
    photos = [sha256 for entry in history for sha256 in photos_of(entry)]
    return {"photos": list(dict.fromkeys(photos))}


def state(scan: Any) -> str:
    """Whether the desk has counted the scan for a patrol."""
    return "moved" if scan["moved_to"] else "outside"


def visible_until(scan: Any) -> str:
    """Phones show a scan for a day."""
    return format_time(scan["at"] + VISIBLE_FOR) if scan["at"] else FOREVER


FEATURE = Feature(
    types={
        "scan": RecordType(
            label=_l("Scan outside a patrol"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
            states={
                "outside": _l("outside a patrol"),
                "moved": _l("counted for a patrol"),
            },
        ),
    },
    kinds={
        "scan.record": Kind(
            payload=ScanRecordPayload,
            rule=record,
            type="scan",
            fact=True,
            creates=True,
            related_fields=("checkpoint",),
            optimistic_patch={
                "state": "outside",
                "at": "$at",
                "by_id": "$by",
                "by": "$by_name",
                "until": FOREVER,
            },
            label=_l("Checkpoint scanned outside a patrol"),
        ),
        "scan.move": Kind(
            payload=ScanMovePayload,
            rule=move_outside_scan,
            type="scan",
            fact=False,
            from_desk_only=True,
            roles=DESK_ROLES,
            related_fields=("to",),
            label=_l("Scan counted for a patrol"),
        ),
    },
    fields={
        "checkpoint": _l("Checkpoint"),
        "method": _l("Method"),
        "token": _l("Label code"),
        "moved_to": _l("Counted for"),
        "because": _lp("patrol", "Reason"),
        "to": _lp("patrol", "Counted for"),
    },
    values={"method": VALUES["method"]},
    sentences={
        "scan.record": (_l("%(who)s was at %(checkpoint)s, outside a round"),),
        "scan.move": (_l("%(who)s counted it for a round: %(because)s"),),
    },
)
