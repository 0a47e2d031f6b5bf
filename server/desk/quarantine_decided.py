"""Ops of the quarantine that need no decision: decided, refused, or waiting for another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.auth.access import current_user
from server.db.engine import db
from server.desk.history import OpLine, op_lines
from server.desk.labels import value_label
from server.models.quarantine import DECIDABLE, QuarantinedOp
from server.oplog.directory import directory_of

MAX_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Decision:
    """A decided op, with the decision."""

    line: OpLine
    quarantined: QuarantinedOp
    outcome_label: str

    @property
    def is_decidable(self) -> bool:
        """Whether the op is still in quarantine; not if its phone sent it again later."""
        return self.line.op.status in DECIDABLE


def decided_and_rest() -> dict[str, Any]:
    """What stands below the list: the newest decisions, and the newest ops that were refused or
    wait for another one."""
    site = current_user().site_id
    rows = db.session.execute(QuarantinedOp.decided(site).limit(MAX_SHOWN)).all()
    rest = db.session.scalars(QuarantinedOp.refused_or_waiting(site).limit(MAX_SHOWN))
    return {
        "decided": [
            Decision(line, quarantined, outcome_label(quarantined))
            for line, (quarantined, _) in zip(op_lines(op for _, op in rows), rows, strict=True)
        ],
        "rest": op_lines(rest),
        "names": directory_of(site),
    }


def outcome_label(quarantined: QuarantinedOp) -> str:
    """What was decided."""
    return value_label("aside", "outcome", quarantined.outcome or "")
