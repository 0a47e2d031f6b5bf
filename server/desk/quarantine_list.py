"""The ops that need a decision: by reason, person, phone and words, in pages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext, pgettext
from sqlalchemy import ColumnElement, Select, func, select

from server.db.engine import db
from server.desk.history import OpLine, op_lines, record_title
from server.desk.quarantine import next_step
from server.i18n.local_time import format_local_time
from server.models.feed import FeedRow
from server.models.oplog import LoggedOp
from server.models.quarantine import QuarantinedOp
from sync.review.quarantine import REASON_GROUPS, reason_group

PAGE_SIZE = 25
MAX_FILTER_LENGTH = 40
MAX_SEARCHED = 5_000
MAX_IN_FILE = 2_000


@dataclass(frozen=True, slots=True)
class WaitingOp:
    """An op that waits for a decision, and the record that it is about, if that is here."""

    line: OpLine
    group: str
    record_type: str | None
    title: Any
    next_step: str


@dataclass(frozen=True, slots=True)
class WaitingList:
    """One page of the list. `groups` has how many wait for each reason, `total` how many fit."""

    ops: list[WaitingOp]
    groups: Mapping[str, int]
    total: int
    page: int
    pages: int
    people: list[str]
    phones: list[str]


def read_filters(args: Mapping[str, str]) -> dict[str, str]:
    """The filters of a request, each "" if it is not set."""
    names = ("group", "person", "phone", "words", "order")
    return {name: args.get(name, "").strip()[:MAX_FILTER_LENGTH] for name in names}


def waiting_list(site_id: str, filters: Mapping[str, str], page: int) -> WaitingList:
    """The ops that fit the filters: the oldest first, unless the newest are asked for."""
    query = _matching(site_id, filters)
    total = _count(query)
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(page, pages)
    ops = db.session.scalars(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all()
    return WaitingList(
        ops=_with_records(site_id, op_lines(ops)),
        groups=_groups(site_id),
        total=total,
        page=page,
        pages=pages,
        people=_distinct(site_id, LoggedOp.by),
        phones=_distinct(site_id, LoggedOp.device_id),
    )


def waiting_table(site_id: str, filters: Mapping[str, str]) -> list[list[str]]:
    """The ops that fit the filters, at most MAX_IN_FILE, as rows of text with their headings."""
    ops = db.session.scalars(_matching(site_id, filters).limit(MAX_IN_FILE)).all()
    headings = [
        *(gettext("What"), gettext("Recorded by"), gettext("Time"), pgettext("device", "Phone")),
        *(gettext("Content"), gettext("Reason"), gettext("Next step")),
    ]
    return [headings, *map(_table_row, _with_records(site_id, op_lines(ops)))]


def _table_row(waiting: WaitingOp) -> list[str]:
    line = waiting.line
    return [
        line.action_label,
        line.author,
        format_local_time(line.occurred_at).replace("T", " "),
        line.device_label,
        "; ".join(f"{name}: {said}" for name, said in line.fields),
        line.reason_label,
        waiting.next_step,
    ]


def _matching(site_id: str, filters: Mapping[str, str]) -> Select[Any]:
    conditions = _conditions(filters)
    undecided = QuarantinedOp.undecided(site_id)
    if filters["words"]:
        ids = _ids_with_words(undecided.where(*conditions), filters["words"])
        conditions = [LoggedOp.id.in_(ids)]
    order = LoggedOp.in_order()
    query = undecided.where(*conditions).order_by(None)
    return query.order_by(order.desc() if filters["order"] == "newest" else order)


def _conditions(filters: Mapping[str, str]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if codes := REASON_GROUPS.get(filters["group"]):
        conditions.append(LoggedOp.code.in_(codes))
    elif filters["group"]:
        named = [code for group in REASON_GROUPS.values() for code in group]
        conditions.append(LoggedOp.code.not_in(named))
    if filters["person"]:
        conditions.append(LoggedOp.by == filters["person"])
    if filters["phone"]:
        conditions.append(LoggedOp.device_id == filters["phone"])
    return conditions


def _ids_with_words(query: Any, words: str) -> list[str]:
    """The ops of a query in whose payload these words stand, of its first MAX_SEARCHED."""
    rows = db.session.execute(
        query.with_only_columns(LoggedOp.id, LoggedOp.body).limit(MAX_SEARCHED)
    )
    wanted = words.casefold()
    return [row.id for row in rows if wanted in _payload_text(row.body).casefold()]


def _payload_text(body: str) -> str:
    return json.dumps(json.loads(body).get("payload"), ensure_ascii=False)


def _count(query: Any) -> int:
    found = db.session.scalar(query.order_by(None).with_only_columns(func.count()))
    return int(found or 0)


def _groups(site_id: str) -> dict[str, int]:
    """How many ops wait for each reason, the most frequent first."""
    query = QuarantinedOp.undecided(site_id).order_by(None)
    rows = db.session.execute(
        query.with_only_columns(LoggedOp.code, func.count()).group_by(LoggedOp.code)
    )
    counts: Counter[str] = Counter()
    for code, number in rows:
        counts[reason_group(code)] += number
    return dict(counts.most_common())


def _distinct(site_id: str, column: Any) -> list[str]:
    query = QuarantinedOp.undecided(site_id).order_by(None).with_only_columns(column).distinct()
    return [value for value in db.session.scalars(query) if value]


def _with_records(site_id: str, lines: Iterable[OpLine]) -> list[WaitingOp]:
    listed = list(lines)
    ids = {line.op.subject for line in listed if line.op.subject}
    rows = db.session.execute(
        select(FeedRow.id, FeedRow.type, FeedRow.body).where(
            FeedRow.site_id == site_id, FeedRow.id.in_(ids)
        )
    )
    records = {row.id: (row.type, row.body) for row in rows}
    waiting = []
    for line in listed:
        type_, body = records.get(line.op.subject or "", (None, None))
        title = record_title(type_, json.loads(body) or {}) if type_ and body else None
        waiting.append(
            WaitingOp(
                line, reason_group(line.op.code), type_, title, next_step(line.op, line.author)
            )
        )
    return waiting
