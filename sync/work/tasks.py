"""Tasks: work that is due in a time window and done once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.clock import format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_LABEL_LENGTH,
    MAX_TEXT_LENGTH,
    Accepted,
    EmptyPayload,
    Id,
    Kind,
    LocalizedLabel,
    Op,
    Payload,
    Refused,
)
from sync.protocol.photos import Photos
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l
from sync.work.task_folding import fold, state, window_deadline
from sync.work.task_labels import FIELDS, STATES, VALUES

DISPOSITIONS = ("reason", "made_good", "not_at_fault", "case")
AD_HOC_CODE = "AD-1"
MAX_ITEMS = 20


class TaskLike(Protocol):
    """The fields of a task that the rules read."""

    done_at: datetime | None
    done_by_id: str | None
    cancelled_at: datetime | None
    skipped_at: datetime | None
    items: list[Any]
    ticked: dict[str, Any]
    confirmed: list[Any]
    window_end: datetime
    grace: int


class TaskPlanPayload(Payload):
    schedule_id = Id(required=True, allow_none=True)
    code = fields.String(required=True, validate=Length(max=20))
    label = LocalizedLabel(required=True)
    area_id = Id(required=True)
    unit_id = Id(allow_none=True, load_default=None)
    responsible_id = Id(allow_none=True, load_default=None)
    role = fields.String(load_default="cleaner", validate=Length(max=20))
    window_start = fields.AwareDateTime(required=True)
    window_end = fields.AwareDateTime(required=True)
    needs_confirmation = fields.Boolean(load_default=False)
    items = fields.List(LocalizedLabel(), load_default=list, validate=Length(max=MAX_ITEMS))
    standing = fields.Boolean(load_default=False)
    grace = fields.Integer(strict=True, load_default=0, validate=Range(min=0, max=10080))


class TaskAssignPayload(Payload):
    label = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))
    area_id = Id(required=True)
    responsible_id = Id(required=True)
    window_end = fields.AwareDateTime(required=True)
    reason = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


class TaskCompletePayload(Payload):
    note = fields.String(validate=Length(max=MAX_TEXT_LENGTH))
    photos = Photos()


class TaskTickPayload(Payload):
    """`leaves` is the state of the task that the phone showed after the tap."""

    item = fields.Integer(required=True, strict=True, validate=Range(min=0, max=MAX_ITEMS - 1))
    leaves = fields.String(validate=OneOf(("open", "partial", "done")))


class TaskDisposePayload(Payload):
    disposition = fields.String(required=True, validate=OneOf(DISPOSITIONS))
    note = fields.String(allow_none=True, load_default=None, validate=Length(max=MAX_TEXT_LENGTH))

    @validates_schema
    def validate_note(self, payload: dict[str, Any], **_: Any) -> None:
        """T14: an excuse and an accountability case need a note. Raises ValidationError without
        one."""
        if payload["disposition"] in ("reason", "case") and not (payload["note"] or "").strip():
            raise ValidationError("Say the reason, or what the case is about.")


class TaskReasonPayload(Payload):
    reason = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


class TaskAmendPayload(Payload):
    note = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))
    cancelled_at = fields.AwareDateTime(allow_none=True)
    cancelled_by_id = Id(allow_none=True)
    cancel_reason = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    responsible_id = Id(allow_none=True)


def plan(_: None, op: Op) -> Accepted:
    """T1: an occurrence of a duty, with its window, follows from the schedule alone."""
    return Accepted(dict(op.payload))


def assign(_: None, op: Op) -> Accepted | Refused:
    """T13: an ad hoc task has a person, an area, a deadline and a reason, and records who assigned
    it."""
    person = op.related.get(op.payload["responsible_id"])
    if person is None or person.active_to:
        return Refused("no-such-person")
    if op.payload["window_end"] <= op.occurred_at:
        return Refused("due-is-past")
    label = op.payload["label"]
    defaults = {
        "code": AD_HOC_CODE,
        "label": {"zh": label, "en": label},
        "role": person.roles[0],
        "window_start": op.occurred_at,
        "assigned_by_id": op.by,
        "needs_confirmation": False,
    }
    return Accepted({**op.payload, **defaults})


def complete(task: TaskLike, _: Op) -> Accepted:
    """T2, T3: completed work is never refused; work completed after the cancellation is flagged."""
    if task.cancelled_at:
        return Accepted({}, flag="done-after-cancel", proposal=uncancelled_fields())
    return Accepted({})


def tick(task: TaskLike, op: Op) -> Accepted:
    """T9: tick one item, or take the tick back; an unknown item is flagged."""
    is_known = op.payload["item"] < max(len(task.items or ()), 1)
    return complete(task, op) if is_known else Accepted({}, flag="no-such-item")


def accept_fact(_: TaskLike, __: Op) -> Accepted:
    """T4: a person takes back their own tick; the ticks of others stay."""
    return Accepted({})


def skip(task: TaskLike, _: Op) -> Accepted:
    """T5: a skip is stored with its reason; work that was done takes precedence."""
    return Accepted({}, flag="skipped-though-done" if task.done_at else None)


def cancel(task: TaskLike, op: Op) -> Accepted | Refused:
    """T6: a task that is done or already cancelled cannot be cancelled."""
    if task.done_at:
        return Refused("already-done")
    if task.cancelled_at:
        return Refused("already-cancelled")
    return Accepted(
        {
            "cancelled_at": op.occurred_at,
            "cancelled_by_id": op.by,
            "cancel_reason": op.payload["reason"],
        }
    )


def dispose(task: TaskLike, op: Op) -> Accepted | Refused:
    """T14: a missed task can be decided once it is missed, and the decision can be changed."""
    if task.done_at or task.ticked or task.confirmed:
        return Refused("already-done")
    if task.cancelled_at:
        return Refused("already-cancelled")
    if op.occurred_at < window_deadline(task.window_end, task.grace):
        return Refused("not-over")
    return Accepted(
        {
            "disposition": op.payload["disposition"],
            "disposition_note": op.payload["note"],
            "disposed_at": op.occurred_at,
            "disposed_by_id": op.by,
        }
    )


def amend(_: TaskLike, op: Op) -> Accepted:
    """T7: a correction by the desk writes only the fields that it names."""
    return Accepted(dict(op.payload))


def uncancelled_fields() -> dict[str, Any]:
    """The changes that undo a cancellation."""
    return {"cancelled_at": None, "cancelled_by_id": None, "cancel_reason": None}


def visible_from(task: Any) -> str:
    """Phones show a task from the beginning of its window."""
    return format_time(task["window_start"])


def visible_until(task: Any) -> str:
    """T11: phones show a task until the end of its window plus the grace period."""
    return format_time(window_deadline(task["window_end"], task["grace"]))


KINDS = {
    "task.plan": Kind(
        payload=TaskPlanPayload,
        rule=plan,
        type="task",
        fact=False,
        creates=True,
        from_server_only=True,
        label=_l("Task planned"),
    ),
    "task.assign": Kind(
        payload=TaskAssignPayload,
        rule=assign,
        type="task",
        fact=False,
        creates=True,
        roles=DESK_ROLES,
        related_fields=("responsible_id",),
        optimistic_patch={
            "state": "open",
            "code": AD_HOC_CODE,
            "opens": "$at",
            "until": "$window_end",
            "window_start": "$at",
            "assigned_by_id": "$by",
            "assigned_by": "$by_name",
        },
        label=_l("Task assigned"),
    ),
    "task.tick": Kind(
        payload=TaskTickPayload,
        rule=tick,
        type="task",
        fact=True,
        overlay_payload=False,
        optimistic_patch={
            "state": "$leaves",
            "ticked.$item": {"at": "$at", "by_id": "$by", "by": "$by_name"},
        },
        label=_l("Item done"),
    ),
    "task.untick": Kind(
        payload=TaskTickPayload,
        rule=tick,
        type="task",
        fact=True,
        overlay_payload=False,
        optimistic_patch={"state": "$leaves", "ticked.$item": False},
        label=_l("Item reopened"),
    ),
    "task.confirm": Kind(
        payload=TaskCompletePayload,
        rule=complete,
        type="task",
        fact=True,
        overlay_payload=False,
        optimistic_patch={
            "state": "done",
            "confirmed+": {"at": "$at", "by_id": "$by"},
            "confirmed_by+": "$by_name",
        },
        label=_l("Upkeep confirmed"),
    ),
    "task.complete": Kind(
        payload=TaskCompletePayload,
        rule=complete,
        type="task",
        fact=True,
        optimistic_patch={
            "state": "done",
            "done_at": "$at",
            "done_by_id": "$by",
            "done_by": "$by_name",
        },
        label=_l("Task done"),
    ),
    "task.undo": Kind(
        payload=EmptyPayload,
        rule=accept_fact,
        type="task",
        fact=True,
        optimistic_patch={
            "state": "open",
            "done_at": None,
            "done_by_id": None,
            "done_by": None,
            "skipped_at": None,
            "skip_reason": None,
            "ticked": {},
            "confirmed-": None,
            "confirmed_by-": None,
        },
        label=_l("Task reopened"),
    ),
    "task.skip": Kind(
        payload=TaskReasonPayload,
        rule=skip,
        type="task",
        fact=True,
        optimistic_patch={"state": "skipped", "skipped_at": "$at"},
        label=_l("Task skipped"),
    ),
    "task.cancel": Kind(
        payload=TaskReasonPayload,
        rule=cancel,
        type="task",
        fact=False,
        roles=DESK_ROLES,
        conflicts_with=frozenset({"done_at"}),
        optimistic_patch={"state": "cancelled", "cancelled_at": "$at"},
        label=_l("Task cancelled"),
    ),
    "task.dispose": Kind(
        payload=TaskDisposePayload,
        rule=dispose,
        type="task",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        conflicts_with=frozenset({"done_at", "ticked", "confirmed"}),
        label=_l("Missed task decided"),
    ),
    "task.amend": Kind(
        payload=TaskAmendPayload,
        from_desk_only=True,
        rule=amend,
        type="task",
        fact=False,
        roles=DESK_ROLES,
        label=_l("Task corrected"),
    ),
}


FEATURE = Feature(
    types={
        "task": RecordType(
            label=_l("Task"),
            state=state,
            visible_until=visible_until,
            visible_from=visible_from,
            fold=fold,
            audience=lambda task, _: role_mask(FRONT_DESK_ROLES | {task["role"]}),
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
)

__all__ = [
    "AD_HOC_CODE",
    "DISPOSITIONS",
    "FEATURE",
    "KINDS",
    "fold",
    "state",
    "visible_from",
    "visible_until",
    "window_deadline",
]
