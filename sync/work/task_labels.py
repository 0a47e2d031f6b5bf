"""Labels of tasks: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Sentences, Texts, _l, _lp
from sync.work.dispositions import DISPOSITION_LABELS

STATES: Texts = {
    "open": _lp("task", "open"),
    "partial": _l("partly done"),
    "done": _l("done"),
    "skipped": _lp("task", "skipped"),
    "cancelled": _l("cancelled"),
}

SKIP_REASONS: Texts = {
    "locked": _l("Locked"),
    "in_use": _lp("place", "In use"),
    "no_water": _l("No water"),
    "bad_weather": _l("Bad weather"),
}
"""The reasons that a phone offers. An older op may give another one in words."""

FIELDS: Texts = {
    "unit_id": _l("Home"),
    "done_received_at": _l("Received at"),
    "helper_ids": _l("Helpers"),
    "skipped_at": _l("Skipped at"),
    "skip_reason": _l("Reason for skipping"),
    "cancelled_by_id": _l("Cancelled by"),
    "cancel_reason": _l("Reason for cancelling"),
    "assigned_by_id": _l("Assigned by"),
    "agent": _l("Agent used"),
    "dose": _l("Dose"),
    "method": _l("Method"),
    "firm": _l("Pest control firm"),
    "notice": _l("Notice to residents"),
    "planned_at": _l("Planned at"),
    "reassigned_by_id": _l("Reassigned by"),
    "disposition": _l("Decision on missed task"),
    "disposition_note": _l("Explanation"),
    "disposed_at": _l("Decided at"),
    "disposed_by_id": _l("Decided by"),
    "leaves": _l("Status afterwards"),
    "schedule_id": _l("Schedule"),
}

VALUES: Mapping[str, Texts] = {
    "skip_reason": SKIP_REASONS,
    "skip.reason": SKIP_REASONS,
    "disposition": {**DISPOSITION_LABELS, "undecided": _l("not decided yet")},
    "board_state": {
        "missed": _lp("task", "missed"),
        "unknown": _l("not known yet"),
        "partial": _l("partly done"),
        "open": _lp("task", "open"),
        "planned_late": _l("planned late"),
        "done_late": _l("done late"),
        "sent_late": _l("sent late"),
        "skipped": _lp("task", "skipped"),
        "done": _l("done"),
        "cancelled": _l("cancelled"),
    },
}

SENTENCES: Sentences = {
    "task.plan": (
        _l("The task was planned for %(responsible_id)s, until %(window_end)s"),
        _l("The task was planned, until %(window_end)s"),
    ),
    "task.replan": (_l("The task follows its changed standard"),),
    "task.reassign": (_l("%(who)s gave it to %(responsible_id)s"),),
    "task.assign": (_l("%(who)s asked %(responsible_id)s to do it by %(window_end)s: %(reason)s"),),
    "task.tick": (_l("%(who)s did %(item)s"),),
    "task.untick": (_l("%(who)s took back %(item)s"),),
    "task.confirm": (
        _l("%(who)s confirmed it: %(note)s"),
        _l("%(who)s confirmed it"),
    ),
    "task.complete": (
        _l("%(who)s did it: %(note)s"),
        _l("%(who)s did it"),
    ),
    "task.undo": (_l("%(who)s took that back"),),
    "task.skip": (_l("%(who)s left it out: %(reason)s"),),
    "task.cancel": (_l("%(who)s cancelled it: %(reason)s"),),
    "task.dispose": (
        _l("%(who)s decided about the miss: %(disposition)s. %(note)s"),
        _l("%(who)s decided about the miss: %(disposition)s"),
    ),
    "task.amend": (_l("%(who)s corrected %(changes)s"),),
}
"""What the history of a record says, by the kind of op."""
