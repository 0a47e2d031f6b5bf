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
from sync.review.moot import (
    ANSWERED_BY_ANOTHER,
    MOOT_TESTS,
    answers_another,
    question_of,
    stands_already,
)

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
            same_rule = question_of(conflict.row.rule) == question_of(rule)
            if same_rule and conflict.row.incoming == incoming:
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
            for conflict in [*self._about(record.id), *self._about_others(record)]
            if _is_moot(record, conflict.row) or self._is_answered(record, conflict.row)
        ]

    def _about_others(self, record: LoadedRecord) -> Iterable[Any]:
        """Open conflicts about what people said of themselves, which this record may answer."""
        if record.row is None or getattr(record.row, "of_self", True):
            return []
        ids = [
            conflict
            for subject, conflicts in self._ids().items()
            if subject != record.id
            for conflict in conflicts
        ]
        self.unit_of_work.load(ids)
        found = (self.unit_of_work.records[id_].row for id_ in ids)
        return [
            self.unit_of_work.records[row.id]
            for row in found
            if row and not row.settled_at and self._is_answered(record, row)
        ]

    def _is_answered(self, record: LoadedRecord, conflict: Any) -> bool:
        if conflict.subject_type != record.type or conflict.rule not in ANSWERED_BY_ANOTHER:
            return False
        self.unit_of_work.load([conflict.subject])
        flagged = self.unit_of_work.records.get(conflict.subject)
        return bool(
            flagged
            and flagged.row
            and flagged.id != record.id
            and answers_another(conflict.rule, record.row, flagged.row)
        )

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
    if record.row is None or conflict.subject != record.id:
        return False
    if conflict.rule not in MOOT_TESTS:
        return conflict.rule in CONTESTED_RULES and stands_already(conflict.incoming, record.row)
    ids = [conflict.op_id, *(conflict.more_op_ids or ())]
    return all(
        is_flag_moot(conflict.rule, record.type, record.row, id_, record.history) for id_ in ids
    )
