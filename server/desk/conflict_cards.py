"""Conflicts as questions: those that ask the same of several records stand on one card."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import load_only

from server.db.engine import db
from server.db.statements import chunks
from server.desk.history import record_places, record_title
from server.desk.story import Event, story_of
from server.models import MODELS_BY_TYPE
from server.models.conflicts import Conflict
from server.models.directory import Directory
from server.models.oplog import LoggedOp
from sync.review.moot import question_of

MAX_SAME = 60
"""So many records at most are decided with one answer; more are another card."""


@dataclass(frozen=True, slots=True)
class Question:
    """One open conflict, the record that it is about, and the op that raised it."""

    conflict: Conflict
    record: Mapping[str, Any]
    op: LoggedOp | None

    def title(self) -> Any:
        return record_title(self.conflict.subject_type, dict(self.record))

    def places(self, names: Directory) -> list[Any]:
        return record_places(self.record, names)


@dataclass(frozen=True, slots=True)
class Card:
    """A question, and others that ask the same of other records, the oldest first."""

    lead: Question
    same: list[Question] = field(default_factory=list)

    @property
    def count(self) -> int:
        return 1 + len(self.same)


def open_cards(site_id: str) -> list[Card]:
    """The cards of a site, the longest waiting first."""
    conflicts = db.session.scalars(Conflict.unsettled(site_id)).all()
    groups = defaultdict[Any, list[Question]](list)
    for question in with_records(site_id, conflicts):
        groups[_sameness(question)].append(question)
    cards = [
        Card(members[start], members[start + 1 : start + MAX_SAME])
        for members in groups.values()
        for start in range(0, len(members), MAX_SAME)
    ]
    return sorted(cards, key=lambda card: (card.lead.conflict.opened_at, card.lead.conflict.id))


def count_by_type(cards: Iterable[Card]) -> dict[str, int]:
    """How many cards there are about each type of record, the most frequent first."""
    return dict(Counter(card.lead.conflict.subject_type for card in cards).most_common())


def with_records(site_id: str, conflicts: Sequence[Conflict]) -> Iterator[Question]:
    """These conflicts with their records and the ops that raised them, with a query per table."""
    ids = defaultdict[str, set[str]](set)
    for conflict in conflicts:
        ids[conflict.subject_type].add(conflict.subject)
    records = {
        record["id"]: record for type_ in ids for record in _records(site_id, type_, ids[type_])
    }
    ops = {op.id: op for op in _raising_ops(site_id, [conflict.op_id for conflict in conflicts])}
    for conflict in conflicts:
        yield Question(conflict, records.get(conflict.subject, {}), ops.get(conflict.op_id))


def events_about(site_id: str, subjects: Iterable[str]) -> dict[str, list[Event]]:
    """Every op about these records with its sentence, in the order of judgement, by record."""
    events = defaultdict[str, list[Event]](list)
    about = LoggedOp.site_id == site_id, LoggedOp.subject.in_(set(subjects))
    ops = db.session.scalars(select(LoggedOp).where(*about)).all()
    told = story_of(ops, newest=len(ops)).shown
    for event in sorted(told, key=lambda event: event.line.op.place):
        events[event.line.op.subject or ""].append(event)
    return events


def _records(site_id: str, type_: str, ids: set[str]) -> Iterator[dict[str, Any]]:
    model: Any = MODELS_BY_TYPE[type_]
    for chunk in chunks(sorted(ids)):
        query = select(*model.__table__.columns).where(model.site_id == site_id)
        for row in db.session.execute(query.where(model.id.in_(chunk))):
            yield dict(row._mapping)


def _raising_ops(site_id: str, ids: Sequence[str]) -> Iterator[LoggedOp]:
    """What a list says of these ops: who made them, when, and when they came."""
    columns = LoggedOp.kind, LoggedOp.by, LoggedOp.occurred_at, LoggedOp.received_at
    for chunk in chunks(sorted(set(ids))):
        query = select(LoggedOp).where(LoggedOp.site_id == site_id, LoggedOp.id.in_(chunk))
        yield from db.session.scalars(query.options(load_only(*columns)))


def _sameness(question: Question) -> Any:
    """Conflicts with an equal key ask the same: of records of one standard or name, between the
    same two answers. Who answered and when may differ."""
    conflict, record = question.conflict, question.record
    name = (record.get("code") or "").partition("/")[0] or record.get("label")
    return (
        conflict.subject_type,
        question_of(conflict.rule),
        question.op.kind if question.op else "",
        json.dumps(name, sort_keys=True),
        _answer_key(conflict.theirs),
        _answer_key(conflict.incoming),
    )


def _answer_key(values: Mapping[str, Any]) -> str:
    """The values of a side, without who wrote them and when."""
    plain = {
        name: value is not None if name.endswith(("_at", "_by_id")) else value
        for name, value in values.items()
    }
    return json.dumps(plain, sort_keys=True, ensure_ascii=False)
