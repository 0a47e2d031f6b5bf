"""The open conflicts of a site during a batch: which op raised which question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from server.db.engine import db
from server.models.conflicts import Conflict
from server.oplog.record_store import LoadedRecord
from server.oplog.unit_of_work import UnitOfWork
from sync import Op, is_flag_moot
from sync.protocol.op import SERVER_AUTHOR_ID, derive_op
from sync.review.moot import MOOT_TESTS, stands_already

CONTESTED_RULES = ("same-field", "unseen-fact")


@dataclass(slots=True)
class OpenQuestions:
    """Finds the open conflicts about a record. Loads their ids with the first call, once a batch.

    Conflicts that the batch opens are told by `add`.
    """

    unit_of_work: UnitOfWork
    ids_by_subject: dict[str, list[str]] | None = None

    def add(self, subject: str, conflict_id: str) -> None:
        """A conflict about this record was opened."""
        self._ids().setdefault(subject, []).append(conflict_id)

    def same_question(self, subject: str, rule: str, incoming: dict[str, Any]) -> str | None:
        """The id of the open conflict about a record that asks the same, if there is one."""
        for conflict in self._about(subject):
            if (conflict.row.rule, conflict.row.incoming) == (rule, incoming):
                return str(conflict.id)
        return None

    def lapse_ops(self, record: LoadedRecord, cause: Op) -> list[Op]:
        """M7: the ops that settle the questions about a record which are moot since this op."""
        return [
            replace(
                derive_op(
                    cause,
                    "merge.lapse",
                    conflict.id,
                    {"arrived": cause.kind, "rule": conflict.row.rule},
                ),
                by=SERVER_AUTHOR_ID,
            )
            for conflict in self._about(record.id)
            if _is_moot(record, conflict.row)
        ]

    def _about(self, subject: str) -> Iterable[Any]:
        ids = self._ids().get(subject, ())
        self.unit_of_work.load(ids)
        records = [self.unit_of_work.records[id_] for id_ in ids]
        return [record for record in records if record.row and not record.row.settled_at]

    def _ids(self) -> dict[str, list[str]]:
        if self.ids_by_subject is None:
            self.ids_by_subject = {}
            open_ones = select(Conflict.id, Conflict.subject).where(
                Conflict.site_id == self.unit_of_work.site_id, Conflict.settled_at.is_(None)
            )
            for row in db.session.execute(open_ones.order_by(Conflict.id)):
                self.ids_by_subject.setdefault(row.subject, []).append(row.id)
        return self.ids_by_subject


def _is_moot(record: LoadedRecord, conflict: Any) -> bool:
    """Whether every op that raised the question is in order by now."""
    if record.row is None:
        return False
    if conflict.rule not in MOOT_TESTS:
        return conflict.rule in CONTESTED_RULES and stands_already(conflict.incoming, record.row)
    ids = [conflict.op_id, *(conflict.more_op_ids or ())]
    return all(
        is_flag_moot(conflict.rule, record.type, record.row, id_, record.history) for id_ in ids
    )
