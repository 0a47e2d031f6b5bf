"""The rules of tasks. Completed work is never refused; decisions can be."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from sync.protocol.op import (
    Accepted,
    Op,
    Refused,
)
from sync.work.task_folding import window_deadline
from sync.work.weather import LATE_AFTER

AD_HOC_CODE = "AD-1"
PEST_CONTROL_CODE = "CL-09"


class TaskLike(Protocol):
    """The fields of a task that the rules read."""

    responsible_id: str | None
    done_at: datetime | None
    done_by_id: str | None
    cancelled_at: datetime | None
    skipped_at: datetime | None
    items: list[Any]
    ticked: dict[str, Any]
    confirmed: list[Any]
    window_end: datetime
    grace: int


def plan(_: None, op: Op) -> Accepted:
    """T1: an occurrence of a duty, with its window, follows from the schedule alone."""
    return Accepted(dict(op.payload))


def assign(_: None, op: Op) -> Accepted | Refused:
    """T13: an ad hoc task has a person, an area, a deadline and a reason, and records who assigned
    it.

    R10: of a task that arrives late, the record says so: nobody else could know of it before.
    """
    person = op.related.get(op.payload["responsible_id"])
    if person is None or person.active_to:
        return Refused("no-such-person")
    if op.payload["window_end"] <= op.occurred_at:
        return Refused("due-is-past")
    label = op.payload["label"]
    # two languages, as when the rule was released: replaying old ops gives the same records
    defaults = {
        "code": AD_HOC_CODE,
        "label": {"zh": label, "en": label},
        "role": person.roles[0],
        "window_start": op.occurred_at,
        "assigned_by_id": op.by,
        "needs_confirmation": False,
    }
    is_late = op.sent_v != 1 and op.received_at - op.occurred_at > LATE_AFTER
    planned = {"planned_at": op.received_at} if is_late else {}
    return Accepted({**op.payload, **defaults, **planned})


def replan(_: TaskLike, op: Op) -> Accepted:
    """R8: an unfinished task follows its schedule: who is responsible, and until it begins, what is
    due when."""
    return Accepted(dict(op.payload))


def reassign(task: TaskLike, op: Op) -> Accepted | Refused:
    """T17: the desk gives an unfinished task to somebody else, who stays responsible for it,
    whatever the schedule says; whoever was responsible until its end answers for a miss."""
    person = op.related.get(op.payload["responsible_id"])
    if person is None or person.active_to:
        return Refused("no-such-person")
    if task.done_at:
        return Refused("already-done")
    if task.cancelled_at:
        return Refused("already-cancelled")
    if op.occurred_at >= window_deadline(task.window_end, task.grace):
        return Refused("task-over")
    if op.payload["responsible_id"] == task.responsible_id:
        return Refused("nothing-changed")
    return Accepted({"responsible_id": op.payload["responsible_id"], "reassigned_by_id": op.by})


def complete(task: TaskLike, op: Op) -> Accepted:
    """T2, T3: completed work is never refused; work on a cancelled task is flagged, by whether it
    was done before the cancellation or after."""
    if not task.cancelled_at:
        return Accepted({}, flag=other_firm_flag(task, op))
    is_earlier = op.occurred_at < task.cancelled_at
    flag = "cancelled-though-done" if is_earlier else "done-after-cancel"
    return Accepted({}, flag=flag, proposal=uncancelled_fields())


def tick(task: TaskLike, op: Op) -> Accepted:
    """T9: tick one item; an unknown item is flagged."""
    is_known = op.payload["item"] < max(len(task.items or ()), 1)
    return complete(task, op) if is_known else Accepted({}, flag="no-such-item")


def untick(task: TaskLike, op: Op) -> Accepted:
    """T9: take the tick of an item back; an unknown item is flagged."""
    verdict = tick(task, op)
    return Accepted({}) if verdict.flag == "other-firm" else verdict


def accept_fact(_: TaskLike, __: Op) -> Accepted:
    """T4: a person takes back their own tick; the ticks of others stay."""
    return Accepted({})


def skip(task: TaskLike, op: Op) -> Accepted:
    """T5: a skip is stored with its reason; work that was done takes precedence."""
    flag = "skipped-though-done" if task.done_at else other_firm_flag(task, op)
    return Accepted({}, flag=flag)


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


def other_firm_flag(task: TaskLike, op: Op) -> str | None:
    """T19: what a contractor's worker says of a task is flagged unless it is their own or that of
    a colleague of the same firm."""
    firm = getattr(op.related.get(op.by), "contractor_id", None)
    if not firm or op.by == task.responsible_id:
        return None
    responsible = op.related.get(task.responsible_id or "")
    return None if getattr(responsible, "contractor_id", None) == firm else "other-firm"


def author_of(op: Op) -> list[str]:
    """The id of the person whose firm `other_firm_flag` reads."""
    return [op.by]


def uncancelled_fields() -> dict[str, Any]:
    """The changes that undo a cancellation."""
    return {"cancelled_at": None, "cancelled_by_id": None, "cancel_reason": None}
