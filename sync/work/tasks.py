"""Tasks: work that is due in a window of time and done once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.clock import iso
from sync.protocol.digest import DESK
from sync.protocol.op import (
    LABEL_LENGTH,
    TEXT_LENGTH,
    Accepted,
    Id,
    Kind,
    Label,
    Nothing,
    Op,
    Payload,
    Refused,
)
from sync.protocol.photos import Photos
from sync.work.task_folding import closes, fold, state

DISPOSITIONS = ("reason", "made_good", "not_at_fault", "case")
AD_HOC = "AD-1"
MOST_ITEMS = 20


class Task(Protocol):
    """What the rules need to know of a task."""

    done_at: datetime | None
    done_by_id: str | None
    cancelled_at: datetime | None
    skipped_at: datetime | None
    items: list[Any]
    ticked: dict[str, Any]
    confirmed: list[Any]
    window_end: datetime
    grace: int


class Plan(Payload):
    schedule_id = Id(required=True, allow_none=True)
    code = fields.String(required=True, validate=Length(max=20))
    label = fields.Nested(Label, required=True)
    area_id = Id(required=True)
    unit_id = Id(allow_none=True, load_default=None)
    responsible_id = Id(allow_none=True, load_default=None)
    role = fields.String(load_default="cleaner", validate=Length(max=20))
    window_start = fields.AwareDateTime(required=True)
    window_end = fields.AwareDateTime(required=True)
    needs_confirmation = fields.Boolean(load_default=False)
    items = fields.List(fields.Nested(Label), load_default=list, validate=Length(max=MOST_ITEMS))
    standing = fields.Boolean(load_default=False)
    grace = fields.Integer(strict=True, load_default=0, validate=Range(min=0, max=10080))


class Assignment(Payload):
    label = fields.String(required=True, validate=Length(min=1, max=LABEL_LENGTH))
    area_id = Id(required=True)
    responsible_id = Id(required=True)
    window_end = fields.AwareDateTime(required=True)
    reason = fields.String(required=True, validate=Length(min=1, max=LABEL_LENGTH))


class Completion(Payload):
    note = fields.String(validate=Length(max=TEXT_LENGTH))
    photos = Photos()


class Tick(Payload):
    """`leaves` is the word that the task then showed to whoever tapped: "done" or "partial"."""

    item = fields.Integer(required=True, strict=True, validate=Range(min=0, max=MOST_ITEMS - 1))
    leaves = fields.String(validate=OneOf(("open", "partial", "done")))


class Disposition(Payload):
    disposition = fields.String(required=True, validate=OneOf(DISPOSITIONS))
    note = fields.String(allow_none=True, load_default=None, validate=Length(max=TEXT_LENGTH))

    @validates_schema
    def explained(self, said: dict[str, Any], **_: Any) -> None:
        """T14: a reason and a case are told in words."""
        if said["disposition"] in ("reason", "case") and not (said["note"] or "").strip():
            raise ValidationError("Say the reason, or what the case is about.")


class Reason(Payload):
    reason = fields.String(required=True, validate=Length(min=1, max=LABEL_LENGTH))


class Amendment(Payload):
    note = fields.String(allow_none=True, validate=Length(max=TEXT_LENGTH))
    cancelled_at = fields.AwareDateTime(allow_none=True)
    cancelled_by_id = Id(allow_none=True)
    cancel_reason = fields.String(allow_none=True, validate=Length(max=LABEL_LENGTH))
    responsible_id = Id(allow_none=True)


def plan(_: None, op: Op) -> Accepted:
    """T1: an occurrence of a duty, with its window, comes from the schedule alone."""
    return Accepted(dict(op.payload))


def assign(_: None, op: Op) -> Accepted | Refused:
    """T13: ad-hoc work has a person, a place, a time and a reason; its giver is named."""
    person = op.beside.get(op.payload["responsible_id"])
    if person is None or person.active_to:
        return Refused("no-such-person")
    if op.payload["window_end"] <= op.occurred_at:
        return Refused("due-is-past")
    words = op.payload["label"]
    given = {
        "code": AD_HOC,
        "label": {"zh": words, "en": words},
        "role": person.roles[0],
        "window_start": op.occurred_at,
        "assigned_by_id": op.by,
        "needs_confirmation": False,
    }
    return Accepted({**op.payload, **given})


def complete(task: Task, _: Op) -> Accepted:
    """T2, T3: work done is never refused; done after it was cancelled it asks for a look."""
    if task.cancelled_at:
        return Accepted({}, flag="done-after-cancel", proposal=reinstated())
    return Accepted({})


def tick(task: Task, op: Op) -> Accepted:
    """T9: one item is ticked or taken back; an item that is not there asks for a look."""
    there = op.payload["item"] < max(len(task.items or ()), 1)
    return complete(task, op) if there else Accepted({}, flag="no-such-item")


def undo(_: Task, __: Op) -> Accepted:
    """T4: a person takes back the own tick; somebody else's stands."""
    return Accepted({})


def skip(task: Task, _: Op) -> Accepted:
    """T5: a skip with its reason is kept; work that was done outweighs it."""
    return Accepted({}, flag="skipped-though-done" if task.done_at else None)


def cancel(task: Task, op: Op) -> Accepted | Refused:
    """T6: work that was done, or is cancelled already, cannot be cancelled."""
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


def dispose(task: Task, op: Op) -> Accepted | Refused:
    """T14: what becomes of a miss is decided once it is one, and may be decided anew."""
    if task.done_at or task.ticked or task.confirmed:
        return Refused("already-done")
    if task.cancelled_at:
        return Refused("already-cancelled")
    if op.occurred_at < closes(task.window_end, task.grace):
        return Refused("not-over")
    return Accepted(
        {
            "disposition": op.payload["disposition"],
            "disposition_note": op.payload["note"],
            "disposed_at": op.occurred_at,
            "disposed_by_id": op.by,
        }
    )


def amend(_: Task, op: Op) -> Accepted:
    """T7: the desk's own correction writes the fields that it names."""
    return Accepted(dict(op.payload))


def reinstated() -> dict[str, Any]:
    """What un-cancels a task."""
    return {"cancelled_at": None, "cancelled_by_id": None, "cancel_reason": None}


def opens(task: Any) -> str:
    """A phone shows it from the beginning of its window."""
    return iso(task["window_start"])


def until(task: Any) -> str:
    """T11: how long a phone cares: to the end of the window with its grace."""
    return iso(closes(task["window_end"], task["grace"]))


KINDS = {
    "task.plan": Kind(
        payload=Plan, rule=plan, type="task", fact=False, creates=True, internal=True
    ),
    "task.assign": Kind(
        payload=Assignment,
        rule=assign,
        type="task",
        fact=False,
        creates=True,
        roles=DESK,
        looks_at=("responsible_id",),
        shows={
            "state": "open",
            "code": AD_HOC,
            "opens": "$at",
            "until": "$window_end",
            "window_start": "$at",
            "assigned_by_id": "$by",
            "assigned_by": "$by_name",
        },
    ),
    "task.tick": Kind(
        payload=Tick,
        rule=tick,
        type="task",
        fact=True,
        flat=False,
        shows={
            "state": "$leaves",
            "ticked.$item": {"at": "$at", "by_id": "$by", "by": "$by_name"},
        },
    ),
    "task.untick": Kind(
        payload=Tick,
        rule=tick,
        type="task",
        fact=True,
        flat=False,
        shows={"state": "$leaves", "ticked.$item": False},
    ),
    "task.confirm": Kind(
        payload=Completion,
        rule=complete,
        type="task",
        fact=True,
        flat=False,
        shows={
            "state": "done",
            "confirmed+": {"at": "$at", "by_id": "$by"},
            "confirmed_by+": "$by_name",
        },
    ),
    "task.complete": Kind(
        payload=Completion,
        rule=complete,
        type="task",
        fact=True,
        shows={"state": "done", "done_at": "$at", "done_by_id": "$by", "done_by": "$by_name"},
    ),
    "task.undo": Kind(
        payload=Nothing,
        rule=undo,
        type="task",
        fact=True,
        shows={
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
    ),
    "task.skip": Kind(
        payload=Reason,
        rule=skip,
        type="task",
        fact=True,
        shows={"state": "skipped", "skipped_at": "$at"},
    ),
    "task.cancel": Kind(
        payload=Reason,
        rule=cancel,
        type="task",
        fact=False,
        roles=DESK,
        minds=frozenset({"done_at"}),
        shows={"state": "cancelled", "cancelled_at": "$at"},
    ),
    "task.dispose": Kind(
        payload=Disposition,
        rule=dispose,
        type="task",
        fact=False,
        roles=DESK,
        at_desk=True,
        minds=frozenset({"done_at", "ticked", "confirmed"}),
    ),
    "task.amend": Kind(
        payload=Amendment, at_desk=True, rule=amend, type="task", fact=False, roles=DESK
    ),
}

__all__ = ["AD_HOC", "DISPOSITIONS", "KINDS", "closes", "fold", "opens", "state", "until"]
