"""A batch in memory: every record that it touches, loaded at once, changed, written at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cache
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import Table, select

from server.db.engine import UTCDateTime, db
from server.db.prepared import IDS, SITE, Read, Row, insert_rows, of_site, replace_rows
from server.models import RECORDS, Account, FeedRow, LoggedOp, Names, PhotoLink
from server.models.oplog import STANDING
from server.models.photos import LEAVING
from server.oplog.directory import names_of
from server.oplog.hash_chain import bind, left_behind
from server.oplog.publish import Shown, publish
from sync import KINDS, Accepted, Entry, Merged, Op, entry, newest
from sync.protocol.clock import parse

LINKS = PhotoLink.metadata.tables[PhotoLink.__tablename__]
NAMED = {"area", "unit", "person", "site", "contractor"}
FEED, OPS = FeedRow.metadata.tables["feed"], LoggedOp.metadata.tables["op"]


class Remembered(NamedTuple):
    """What the log knows of an op about a record."""

    id: str
    subject: str
    kind: str
    v: int
    by: str | None
    occurred_at: datetime
    received_at: datetime
    version: int | None
    fact: bool
    changes: dict[str, Any]
    payload: dict[str, Any]
    status: str
    place: int


SHOWN = Read(of_site(FEED, *(FEED.c[name] for name in Shown._fields)))
REMEMBERED = Read(of_site(OPS, *(OPS.c[name] for name in Remembered._fields), key="subject"))


@dataclass(slots=True)
class Held:
    """One record of the batch, with the ops that stand in it."""

    type: str
    id: str
    row: SimpleNamespace | None = None
    version: int = 0
    history: list[Entry] = field(default_factory=list)
    changed: bool = False
    new: bool = True
    gone: bool = False
    before: Shown | None = None


@dataclass(frozen=True, slots=True)
class End:
    """Where the log of a site ends: its last place, and the link of that."""

    judged: int
    link: str


class Batch:
    """The records of one site that a batch of ops touches."""

    def __init__(self, site_id: str, end: End, subjects: Iterable[str]) -> None:
        self.site_id, self.end = site_id, end
        self.connection = db.session.connection()
        self.held: dict[str, Held] = {}
        self.logged: list[tuple[dict[str, Any], bool]] = []
        self.links: list[dict[str, str]] = []
        self.names: Names = names_of(site_id).copy()  # a batch learns names before they stand
        self.load(subjects)

    def load(self, ids: Iterable[str]) -> None:
        """Rows and histories of these records: one query a type, and one for the log."""
        wanted = [id_ for id_ in dict.fromkeys(ids) if id_ not in self.held]
        if not wanted:
            return
        shown = [Shown._make(row) for row in self._read(SHOWN, wanted)]
        by_type: dict[str, list[Shown]] = defaultdict(list)
        for one in shown:
            by_type[one.type].append(one)
        for type_, some in by_type.items():
            self._load_rows(type_, {one.id: one for one in some})
        if shown:
            self._load_histories([one.id for one in shown])

    def _read(self, what: Read, ids: list[str]) -> list[Row]:
        return what.rows(self.connection, **{SITE: self.site_id, IDS: ids})

    def _load_rows(self, type_: str, shown: dict[str, Shown]) -> None:
        names = table_of(type_).columns.keys()
        for row in self._read(whole(type_), list(shown)):
            columns = dict(zip(names, row, strict=True))
            version, id_ = columns.pop("version"), columns["id"]
            known = SimpleNamespace(**columns)
            self.held[id_] = Held(type_, id_, known, version, new=False, before=shown[id_])

    def _load_histories(self, ids: list[str]) -> None:
        """What stands is picked and sorted here: told to do it, SQLite reads the whole log."""
        about = [Remembered._make(row) for row in self._read(REMEMBERED, ids)]
        for op in sorted(about, key=attrgetter("place")):
            if op.status in STANDING:
                held = self.held[op.subject]
                held.history.append(remembered(op, held.type))

    def beside(self, op: Op) -> Op:
        """The op with the other records that its kind wants to see; none that are not there."""
        ids = KINDS[op.kind].wants(newest(op))
        self.load(ids)
        there = {id_: held.row for id_ in ids if (held := self.held.get(id_)) and held.row}
        return replace(op, beside=there) if ids else op

    def of(self, op: Op) -> Held:
        """The record that an op is about; an empty one of the kind's type if there is none."""
        if op.subject not in self.held:
            self.held[op.subject] = Held(KINDS[op.kind].type or "?", op.subject)
        return self.held[op.subject]

    def apply(self, held: Held, op: Op, verdict: Accepted | Merged) -> None:
        """Put an accepted op in force, in memory."""
        if held.row is None:
            held.row = SimpleNamespace(**blank(held.type, self.site_id, op.subject))
        self._link(held, verdict.changes.get("photos", ()))
        for name, value in verdict.changes.items():
            setattr(held.row, name, value)
        held.version += 1
        held.changed = True
        held.gone = is_gone(held.row, verdict)
        held.history.append(entry(op, held.version, verdict.changes))
        self._learn(held)

    def _link(self, held: Held, photos: Iterable[str]) -> None:
        about = {"subject": held.id, "subject_type": held.type, "site_id": self.site_id}
        for sha256 in photos:
            if held.row is None or sha256 not in (held.row.photos or ()):
                self.links.append({**about, "sha256": sha256})

    def let_go(self, held: Held, names: Iterable[str]) -> None:
        """Photos that come late for a purged record: known by name, so that no bytes are kept."""
        mine = PhotoLink.site_id == self.site_id, PhotoLink.subject == held.id
        known = set(db.session.scalars(select(PhotoLink.sha256).where(*mine)))
        known |= {link["sha256"] for link in self.links if link["subject"] == held.id}
        about = {"subject": held.id, "subject_type": LEAVING, "site_id": self.site_id}
        self.links += [{**about, "sha256": sha256} for sha256 in set(names) - known]

    def _learn(self, held: Held) -> None:
        if held.type == "person" and held.row:
            self.names.people[held.id] = held.row.name
            self.names.roles[held.id] = frozenset(held.row.roles)
            account = db.session.get(Account, held.id)
            if account and account.pin_check:
                self.names.pins[held.id] = account.pin_check
        elif held.type in ("area", "unit") and held.row:
            getattr(self.names, f"{held.type}s")[held.id] = held.row.label
        elif held.type == "contractor" and held.row:
            self.names.contractors[held.id] = held.row.name

    def log(self, row: dict[str, Any], *, again: bool = False) -> None:
        """Keep an op for ever; `again` gives one that waited its final answer."""
        self.logged.append((row, again))

    def log_anew(self, row: dict[str, Any]) -> None:
        """An op that waited is judged now: its place in the order is here."""
        fresh = [pair for pair in self.logged if pair[0] is row]
        if not fresh:
            row["moved"] = left_behind(row)
        self.logged = [pair for pair in self.logged if pair[0] is not row]
        self.log(row, again=not fresh)

    def write(self) -> End:
        """Everything at once: records, the feed with the site's head, and the log, which then
        ends where this says."""
        changed = [held for held in self.held.values() if held.changed and held.row]
        for type_ in dict.fromkeys(held.type for held in changed):
            self._write_rows(type_, [held for held in changed if held.type == type_])
        renamed = any(held.type in NAMED for held in changed)
        end = self._bind()
        seqs = publish(self.site_id, changed, self.names, log=asdict(end), renamed=renamed)
        for row, _ in self.logged:
            if row["version"] and row["subject"] in seqs:
                row["verdict"]["seq"] = seqs[row["subject"]]
        fresh = [row for row, again in self.logged if not again]
        answered = [row for row, again in self.logged if again]
        replace_rows(OPS, ("site_id", "id"), answered)
        insert_rows(OPS, fresh)
        insert_rows(LINKS, self.links)
        return end

    def _bind(self) -> End:
        """Every op gets its place and is bound to the one before it: no query for any of them."""
        rows = [row for row, _ in self.logged]
        for place, row in enumerate(rows, start=self.end.judged + 1):
            row["place"] = place
        return End(self.end.judged + len(rows), bind(rows, self.end.link))

    def _write_rows(self, type_: str, helds: list[Held]) -> None:
        table = table_of(type_)
        fresh = [{**vars(h.row), "version": h.version} for h in helds if h.new]
        known = [{**vars(h.row), "version": h.version} for h in helds if not h.new]
        insert_rows(table, fresh)
        replace_rows(table, ("site_id", "id"), known)


def is_gone(row: Any, verdict: Accepted | Merged) -> bool:
    """V12: what was purged stays away from phones, whatever comes late."""
    leaves = isinstance(verdict, Accepted) and verdict.gone
    return leaves or getattr(row, "purged_at", None) is not None


def table_of(type_: str) -> Table:
    """The table that keeps records of a type."""
    model = RECORDS[type_]
    return model.metadata.tables[model.__tablename__]


@cache
def whole(type_: str) -> Read:
    """Records of a type, every column."""
    return Read(of_site(table_of(type_)))


def blank(type_: str, site_id: str, id_: str) -> dict[str, Any]:
    """A record before its first op: every column empty."""
    row: dict[str, Any] = {}
    for column in table_of(type_).columns:
        default = column.default
        made = default.arg if default is not None and hasattr(default, "arg") else None
        row[column.key] = made({}) if callable(made) else made
    row.pop("version")
    return {**row, "site_id": site_id, "id": id_}


def remembered(op: Remembered, type_: str) -> Entry:
    """A logged op as an entry of its record's history; times are times again."""
    columns = table_of(type_).columns
    changes = {
        name: parse(value) if value and isinstance(columns[name].type, UTCDateTime) else value
        for name, value in op.changes.items()
        if name in columns  # an earlier version had others
    }
    return Entry(
        id=op.id,
        kind=op.kind,
        by=op.by or "",
        occurred_at=op.occurred_at,
        received_at=op.received_at,
        version=op.version or 0,
        fact=op.fact,
        changes=changes,
        payload=KINDS[op.kind].newest(op.v, op.payload),
    )
