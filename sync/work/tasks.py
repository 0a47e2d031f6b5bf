"""Tasks: work that is due in a time window and done once."""

from __future__ import annotations

from typing import Any

from sync.protocol.clock import format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    EmptyPayload,
    Kind,
)
from sync.protocol.roles import DESK_ROLES, role_mask
from sync.protocol.scope import firm_key
from sync.protocol.text import _l
from sync.work.task_folding import fold, state, window_deadline
from sync.work.task_labels import FIELDS, SENTENCES, STATES, VALUES
from sync.work.task_payloads import (
    TaskAmendPayload,
    TaskAssignPayload,
    TaskCompletePayload,
    TaskDisposePayload,
    TaskPlanPayload,
    TaskReasonPayload,
    TaskReassignPayload,
    TaskReplanPayload,
    TaskTickPayload,
)
from sync.work.task_rules import (
    AD_HOC_CODE,
    accept_fact,
    amend,
    assign,
    author_of,
    cancel,
    complete,
    dispose,
    plan,
    reassign,
    replan,
    skip,
    tick,
    untick,
)


def visible_from(task: Any) -> str:
    """Phones show a task from the beginning of its window."""
    return format_time(task["window_start"])


def visible_until(task: Any) -> str:
    """T11: phones show a task until the end of its window plus the grace period."""
    return format_time(window_deadline(task["window_end"], task["grace"]))


def audience(task: Any, _: Any) -> int:
    """Whoever has the role sees a task for which nobody is responsible. W8: no contractor's worker
    does, because nobody knows which firm it is for."""
    role = set() if task["responsible_id"] else {task["role"]} - {"contractor_worker"}
    return role_mask(DESK_ROLES | role)


def colleagues(task: Any) -> list[str]:
    """W8: the colleagues of the contractor's worker who is responsible."""
    return [firm_key(task["responsible_id"])] if task["responsible_id"] else []


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
    "task.replan": Kind(
        payload=TaskReplanPayload,
        rule=replan,
        type="task",
        fact=False,
        from_server_only=True,
        label=_l("Task follows its schedule"),
    ),
    "task.reassign": Kind(
        payload=TaskReassignPayload,
        rule=reassign,
        type="task",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        conflicts_with=frozenset({"done_at"}),
        related_fields=("responsible_id",),
        label=_l("Task reassigned"),
    ),
    "task.assign": Kind(
        payload=TaskAssignPayload,
        payload_version=2,
        upcasters={1: dict},
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
        more_related=author_of,
        related_columns=("responsible_id",),
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
        rule=untick,
        more_related=author_of,
        related_columns=("responsible_id",),
        type="task",
        fact=True,
        overlay_payload=False,
        optimistic_patch={"state": "$leaves", "ticked.$item": False},
        label=_l("Item reopened"),
    ),
    "task.confirm": Kind(
        payload=TaskCompletePayload,
        rule=complete,
        more_related=author_of,
        related_columns=("responsible_id",),
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
        more_related=author_of,
        related_columns=("responsible_id",),
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
        more_related=author_of,
        related_columns=("responsible_id",),
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
            shows_authors=True,
            state=state,
            visible_until=visible_until,
            visible_from=visible_from,
            fold=fold,
            audience=audience,
            people=lambda task: [
                task["responsible_id"],
                task["done_by_id"],
                *task["helper_ids"],
            ],
            groups=colleagues,
            states=STATES,
        ),
    },
    kinds=KINDS,
    fields=FIELDS,
    values=VALUES,
    sentences=SENTENCES,
)
