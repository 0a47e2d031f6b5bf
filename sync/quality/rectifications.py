"""Corrective actions: a problem found by an inspection, until somebody else has checked the fix."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from sync.protocol.clock import FOREVER, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_TEXT_LENGTH,
    PERSON,
    Accepted,
    HistoryEntry,
    Id,
    Kind,
    LocalizedLabel,
    Op,
    Payload,
    PlannedMoment,
    Refused,
)
from sync.protocol.photos import Photos, photos_of
from sync.protocol.roles import DESK_ROLES, role_mask
from sync.protocol.scope import firm_key
from sync.protocol.text import _l, _lp

DUE_IF_CRITICAL, DUE_OTHERWISE = timedelta(days=1), timedelta(days=3)
"""The time to fix a problem, unless a supervisor sets another: for critical ones, and for the
rest."""


RECTIFYING_ROLES = frozenset({"cleaner"})
"""Roles that may fix a problem of an area, whoever is responsible."""


class RectificationLike(Protocol):
    """The fields of a corrective action that the rules read."""

    critical: bool
    done_at: datetime | None
    done_by_id: str | None
    responsible_id: str | None
    due_at: datetime


class RectificationRaisePayload(Payload):
    inspection_id = Id(required=True)
    item = fields.String(required=True, validate=Length(max=40))
    code = fields.String(required=True, validate=Length(max=20))
    label = LocalizedLabel(required=True)
    critical = fields.Boolean(required=True)
    area = Id(required=True, allow_none=True)
    person = Id(required=True, allow_none=True)
    finding = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))
    before = Photos()
    responsible_id = Id(allow_none=True)
    due_at = PlannedMoment()


class RectificationCompletePayload(Payload):
    note = fields.String(validate=Length(max=MAX_TEXT_LENGTH))
    photos = Photos()


class RectificationVerifyPayload(Payload):
    result = fields.String(required=True, validate=OneOf(("pass", "fail")))
    note = fields.String(validate=Length(max=MAX_TEXT_LENGTH))
    photos = Photos()


class RectificationAssignPayload(Payload):
    responsible_id = Id(allow_none=True)
    due_at = PlannedMoment()


def raise_(_: None, op: Op) -> Accepted:
    """I7: a corrective action begins with the problem and a due time."""
    usual = op.occurred_at + (DUE_IF_CRITICAL if op.payload["critical"] else DUE_OTHERWISE)
    fixed = {"raised_by_id": op.by, "due_at": op.payload.get("due_at", usual)}
    return Accepted({"responsible_id": None, **op.payload, **fixed})


def complete(_: RectificationLike, __: Op) -> Accepted:
    """I9: completed work is never refused; its time decides whether it clears the problem."""
    return Accepted({})


def verify(rectification: RectificationLike, op: Op) -> Accepted:
    """I10: a check is stored; somebody who passes their own work is flagged."""
    is_own_work = op.payload["result"] == "pass" and rectification.done_by_id == op.by
    return Accepted({}, flag="verified-own-work" if is_own_work else None)


def assign(rectification: RectificationLike, op: Op) -> Accepted | Refused:
    """I11: the desk sets who fixes it, and by when."""
    changes = {n: v for n, v in op.payload.items() if v != getattr(rectification, n)}
    return Accepted(changes) if changes else Refused("nothing-changed")


def fold(_: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """I9, I10: only work and checks after the latest failure count, whatever order they arrived
    in."""
    failures = [entry for entry in history if is_failure(entry)]
    failure = failures[-1]
    later = [entry for entry in history if entry.occurred_at > failure.occurred_at]
    work = [entry for entry in later if entry.kind == "rectification.complete"]
    workers = {entry.by for entry in work}
    checks = [entry for entry in later if entry.kind == "rectification.verify"]
    verification = next((entry for entry in checks if entry.by not in workers), None)
    first_work = next(iter(work), None)
    notes = [entry.payload["note"] for entry in work if entry.payload.get("note")]
    return {
        "failed_at": failure.occurred_at,
        "failures": len(failures),
        "finding": failure.payload.get("finding") or failure.payload.get("note"),
        "before": [*failure.payload.get("before", ()), *failure.payload.get("photos", ())],
        "after": _photo_hashes([entry for entry in later if entry not in checks]),
        "done_at": first_work and first_work.occurred_at,
        "done_by_id": first_work and first_work.by,
        "note": "\n".join(notes) or None,
        "verified_at": verification and verification.occurred_at,
        "verified_by_id": verification and verification.by,
        "photos": _photo_hashes(history),
    }


def is_failure(entry: HistoryEntry) -> bool:
    """Whether an entry is the inspection itself or a check that failed."""
    failed_check = entry.kind == "rectification.verify" and entry.payload["result"] == "fail"
    return failed_check or entry.kind == "rectification.raise"


def _photo_hashes(entries: Sequence[HistoryEntry]) -> list[str]:
    return list(dict.fromkeys(sha256 for entry in entries for sha256 in photos_of(entry)))


def state(rectification: Any) -> str:
    """Whether a corrective action is open, done, or verified by somebody else."""
    if rectification["verified_at"]:
        return "verified"
    return "done" if rectification["done_at"] else "open"


def visible_until(rectification: Any) -> str:
    """Phones show a corrective action until it is verified."""
    verified: datetime | None = rectification["verified_at"]
    return format_time(verified) if verified else FOREVER


def audience(rectification: Any, _: Any) -> int:
    """Whoever may fix an area sees what nobody is responsible for."""
    is_open_to_all = rectification["area"] and not rectification["responsible_id"]
    return role_mask(DESK_ROLES | (RECTIFYING_ROLES if is_open_to_all else frozenset()))


KINDS = {
    "rectification.raise": Kind(
        payload=RectificationRaisePayload,
        rule=raise_,
        type="rectification",
        fact=True,
        creates=True,
        from_server_only=True,
        label=_l("Corrective action raised"),
    ),
    "rectification.complete": Kind(
        payload=RectificationCompletePayload,
        rule=complete,
        type="rectification",
        fact=True,
        optimistic_patch={
            "state": "done",
            "done_at": "$at",
            "done_by_id": "$by",
            "done_by": "$by_name",
            "after": "$photos",
            "looked": None,
        },
        label=_l("Corrective action done"),
    ),
    "rectification.verify": Kind(
        payload=RectificationVerifyPayload,
        rule=verify,
        type="rectification",
        fact=True,
        proof=PERSON,
        optimistic_patch={"looked": "$result", "verified_at": "$at", "verified_by": "$by_name"},
        overlay_payload=False,
        label=_l("Corrective action checked"),
    ),
    "rectification.assign": Kind(
        payload=RectificationAssignPayload,
        rule=assign,
        type="rectification",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        label=_l("Corrective action assigned"),
    ),
}


FEATURE = Feature(
    types={
        "rectification": RecordType(
            label=_l("Corrective action"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=audience,
            groups=lambda rectification: [
                firm_key(id_) for id_ in (rectification["responsible_id"],) if id_
            ],
            people=lambda rectification: [
                rectification["responsible_id"],
                rectification["person"],
                rectification["done_by_id"],
            ],
            states={
                "open": _l("to be fixed"),
                "done": _l("fixed, not checked yet"),
                "verified": _l("checked"),
            },
        ),
    },
    kinds=KINDS,
    fields={
        "item": _lp("rectification", "Criterion"),
        "failed_at": _l("Detected at"),
        "verified_at": _l("Checked at"),
        "verified_by_id": _l("Checked by"),
        "inspection_id": _l("Inspection"),
    },
    values={"result": {"pass": _l("pass"), "fail": _l("fail"), "na": _l("not applicable")}},
    sentences={
        "rectification.raise": (
            _l("%(who)s asked %(responsible_id)s to fix it by %(due_at)s: %(finding)s"),
            _l("%(who)s asked for a fix: %(finding)s"),
            _l("%(who)s asked for a fix: %(label)s"),
        ),
        "rectification.complete": (
            _l("%(who)s fixed it: %(note)s"),
            _l("%(who)s fixed it"),
        ),
        "rectification.verify": (
            _l("%(who)s checked it: %(result)s. %(note)s"),
            _l("%(who)s checked it: %(result)s"),
        ),
        "rectification.assign": (
            _l("%(who)s asked %(responsible_id)s to fix it by %(due_at)s"),
            _l("%(who)s asked %(responsible_id)s to fix it"),
            _l("%(who)s changed who fixes it and by when"),
        ),
    },
)
