"""Tasks: work that is due in a window of time and done once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length, Range

from sync.clock import iso
from sync.feed import DESK
from sync.op import (
    LABEL_LENGTH,
    TEXT_LENGTH,
    Accepted,
    Entry,
    Id,
    Kind,
    Label,
    Nothing,
    Op,
    Payload,
    Refused,
)
from sync.photos import Photos, photos_of


class Task(Protocol):
    """What the rules need to know of a task."""

    done_at: datetime | None
    done_by_id: str | None
    cancelled_at: datetime | None
    skipped_at: datetime | None


class Plan(Payload):
    schedule_id = Id(required=True)
    code = fields.String(required=True, validate=Length(max=20))
    label = fields.Nested(Label, required=True)
    area_id = Id(required=True)
    unit_id = Id(allow_none=True, load_default=None)
    responsible_id = Id(allow_none=True, load_default=None)
    role = fields.String(load_default="cleaner", validate=Length(max=20))
    window_start = fields.AwareDateTime(required=True)
    window_end = fields.AwareDateTime(required=True)
    needs_confirmation = fields.Boolean(load_default=False)
    items = fields.List(fields.Nested(Label), load_default=list, validate=Length(max=20))
    standing = fields.Boolean(load_default=False)
    grace = fields.Integer(strict=True, load_default=0, validate=Range(min=0, max=10080))


class Completion(Payload):
    note = fields.String(validate=Length(max=TEXT_LENGTH))
    photos = Photos()


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


def complete(task: Task, _: Op) -> Accepted:
    """T2, T3: work done is never refused; done after it was cancelled it asks for a look."""
    if task.cancelled_at:
        return Accepted({}, flag="done-after-cancel", proposal=reinstated())
    return Accepted({})


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


def amend(_: Task, op: Op) -> Accepted:
    """T7: the desk's own correction writes the fields that it names."""
    return Accepted(dict(op.payload))


def reinstated() -> dict[str, Any]:
    """What un-cancels a task."""
    return {"cancelled_at": None, "cancelled_by_id": None, "cancel_reason": None}


def fold(_: Any, history: Sequence[Entry]) -> dict[str, Any]:
    """T8: the earliest tick that its author has not taken back has the credit.

    Facts come in the order of (`occurred_at`, id), so the outcome does not depend on arrival.
    """
    ticks: dict[str, Entry] = {}
    skipped: Entry | None = None
    photos: list[str] = []
    for entry in history:
        if entry.kind == "task.complete":
            ticks.setdefault(entry.by, entry)
        elif entry.kind == "task.undo":
            ticks.pop(entry.by, None)
            skipped = None if skipped and skipped.by == entry.by else skipped
        elif entry.kind == "task.skip":
            skipped = skipped or entry
        photos.extend(photos_of(entry))
    first = min(ticks.values(), key=lambda tick: (tick.occurred_at, tick.id), default=None)
    noted = [tick.payload["note"] for tick in ticks.values() if tick.payload.get("note")]
    return {
        "done_at": first and first.occurred_at,
        "done_by_id": first and first.by,
        "done_received_at": first and first.received_at,
        "helper_ids": sorted(by for by in ticks if first and by != first.by),
        "note": "\n".join(noted) or None,
        "skipped_at": skipped and skipped.occurred_at,
        "skip_reason": skipped and skipped.payload["reason"],
        "photos": list(dict.fromkeys(photos)),
    }


def state(task: Any) -> str:
    """The word for what is known of a task; what time alone changes is not in it."""
    if task["cancelled_at"]:
        return "cancelled"
    if task["done_at"]:
        return "done"
    return "skipped" if task["skipped_at"] else "open"


def opens(task: Any) -> str:
    """A phone shows it from the beginning of its window."""
    return iso(task["window_start"])


def until(task: Any) -> str:
    """How long a phone cares: to the end of the window."""
    return iso(task["window_end"])


KINDS = {
    "task.plan": Kind(
        payload=Plan, rule=plan, type="task", fact=False, creates=True, internal=True
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
    "task.amend": Kind(
        payload=Amendment, at_desk=True, rule=amend, type="task", fact=False, roles=DESK
    ),
}
