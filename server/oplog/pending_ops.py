"""Ops that cannot be judged yet: they wait for another op, or for the record they are about."""

from __future__ import annotations

from collections import defaultdict

from server.models.oplog import APPLIED_STATUSES
from server.oplog.op_row import NO_SUCH_RECORD, PENDING_STATUSES, OpRow
from sync import KINDS

AFTER_ALL_PLACES = 2**63
"""Sorts ops of this batch, which have no place in the log yet, behind the stored ones."""


class PendingOps:
    """H5. Pending ops of the log and of this batch, each released once."""

    def __init__(self) -> None:
        self.by_dependency: dict[str | None, list[OpRow]] = defaultdict(list)
        self.by_subject: dict[str | None, list[OpRow]] = defaultdict(list)

    def add(self, row: OpRow) -> None:
        """Remember an op if it waits for another, or has no record; ignore any other."""
        if row["status"] == "waiting":
            self.by_dependency[row["after"]].append(row)
        if row["code"] == NO_SUCH_RECORD:
            self.by_subject[row["subject"]].append(row)

    def subjects(self) -> list[str]:
        """The records that ops waiting for another op are about."""
        rows = [row for waiting in self.by_dependency.values() for row in waiting]
        return [row["subject"] for row in rows if row["subject"]]

    def pop_released_by(self, row: OpRow) -> list[OpRow]:
        """The ops that can be judged now that `row` has been, in the order of the log."""
        released: list[OpRow] = []
        if row["status"] not in PENDING_STATUSES:
            released += self.by_dependency.pop(row["id"], [])
        kind = KINDS.get(row["kind"])
        if row["status"] in APPLIED_STATUSES and kind is not None and kind.creates:
            released += self.by_subject.pop(row["subject"], [])
        return sorted(released, key=lambda early: early.get("place", AFTER_ALL_PLACES))
