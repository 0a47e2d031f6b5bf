"""The hash chain of the log: each row's link depends on the row before it, so that editing,
deleting, inserting or reordering rows is detected.

A link is a hash of the previous link, the row's place, and everything that is stored of the row
for good. Columns that a purge may erase are included by their digest only, so that a purge leaves
the chain intact. Whoever notes the newest link elsewhere can check later that the log contains it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import bindparam, select, update

from server.db.engine import db
from server.models.feed import EPOCH_END, EPOCH_KEY, ServerState, SiteHead
from server.models.oplog import LoggedOp
from server.oplog.op_row import OpRow
from server.oplog.redaction import PURGED_FLAG
from sync.protocol.json_codec import canonical_json

PERMANENT_COLUMNS = (
    *("id", "lineage", "n", "hash", "kind", "v", "subject", "subject_type", "by", "device_id"),
    *("at", "occurred_at", "received_at", "uncertainty_ms", "base", "after", "status", "code"),
    *("version", "fact", "merge_id"),
)
PURGEABLE_COLUMNS = ("body", "payload", "changes")
"""Columns that a purge may erase."""

BATCH_SIZE = 500
OP_TABLE = LoggedOp.metadata.tables["op"]


@dataclass(frozen=True, slots=True)
class LogHead:
    """Where the log of a site ends: its last place, and the link of the row there."""

    judged: int
    link: str


def chain_rows(rows: Iterable[OpRow], link: str) -> str:
    """A14. Set digest and link of rows that have their place, continuing after `link`. Returns the
    newest link."""
    for row in rows:
        row["digest"] = content_digest(row)
        row["link"] = link = next_link(link, row["place"], row_hash(row))
    return link


def content_digest(row: OpRow) -> str:
    """The hash of the columns that a purge may erase."""
    columns: Mapping[str, Any] = row
    return _hash([columns[name] for name in PURGEABLE_COLUMNS])


def row_hash(row: OpRow) -> str:
    """The hash of everything that is stored of a row for good. It stays the same after a purge."""
    columns: Mapping[str, Any] = row
    permanent = [_json_value(columns[name]) for name in PERMANENT_COLUMNS]
    flags = [flag for flag in row["flags"] if flag != PURGED_FLAG]
    verdict = {name: value for name, value in row["verdict"].items() if name != "seq"}
    values = [*permanent, flags, verdict, row["digest"]]
    # an op of a version that did not know who signed it keeps the hash that it had
    return _hash([*values, row["proof"], row["credential"]] if row["proof"] else values)


def next_link(previous_link: str, place: int, row_hash_: str) -> str:
    """The link of the row at a place."""
    return _hash([previous_link, place, row_hash_])


def _json_value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()


def previous_positions(row: OpRow) -> list[list[Any]]:
    """What `moved` of a row becomes when it moves: `[place, row hash, link]` of each place that it
    had while it waited."""
    return [*(row["moved"] or ()), [row["place"], row_hash(row), row["link"]]]


class ChainVerifier:
    """Checks the rows of a site's log, given in the order of their places."""

    def __init__(self, site_id: str) -> None:
        self.link = ""
        self.links: set[str] = set()
        self._moved = sorted(_moved_positions(site_id))

    def check_row(self, row: OpRow) -> Iterator[str]:
        """A14. The faults of one row: changed content, or a link that does not follow."""
        if PURGED_FLAG not in row["flags"] and content_digest(row) != row["digest"]:
            yield f"op {row['id']}: its content does not match its digest"
        yield from self._check_moved_before(row["place"])
        yield from self._check_link(row["place"], row_hash(row), row["link"])

    def check_end(self, head_link: str) -> Iterator[str]:
        """A14. The fault of a log that does not end at the link that the site's head names."""
        yield from self._check_moved_before(None)
        if self.link != head_link:
            yield "the last link of the log is not the newest link of the site"

    def _check_moved_before(self, place: int | None) -> Iterator[str]:
        while self._moved and (place is None or self._moved[0][0] < place):
            yield from self._check_link(*self._moved.pop(0))

    def _check_link(self, place: int, row_hash_: str, link: str) -> Iterator[str]:
        if next_link(self.link, place, row_hash_) != link:
            yield f"the link at place {place} does not follow from the one before it"
        self.link = link  # go on from here, so that one break is reported once
        self.links.add(link)


def log_head(site_id: str) -> LogHead:
    """Where the log of a site ends now."""
    head = select(SiteHead.judged, SiteHead.link).where(SiteHead.site_id == site_id)
    place, link = db.session.execute(head).one()
    return LogHead(place, link)


def contains_link(site_id: str, place: int, link: str) -> bool:
    """A15. Whether the log has this link at this place, or had it there while an op waited."""
    links = select(LoggedOp.link).where(LoggedOp.site_id == site_id, LoggedOp.place == place)
    if link in db.session.scalars(links).all():
        return True
    return any(entry[0] == place and entry[2] == link for entry in _moved_positions(site_id))


def shared_length(site_id: str, epoch: str) -> int | None:
    """A27. Up to which place the log of an earlier epoch and this one are the same: the least place
    at which that epoch or one after it ended. None for an epoch that this database never had, or in
    which it did not have the site."""
    rows = select(ServerState.key, ServerState.value).where(ServerState.key.startswith(EPOCH_END))
    ends = {key: json.loads(value) for key, value in db.session.execute(rows)}
    end = ends.get(f"{EPOCH_END}{epoch}")
    if end is None:
        return None
    later = [each["places"] for each in ends.values() if each["at"] >= end["at"]]
    if not all(site_id in places for places in later):
        return None
    return min(int(places[site_id]) for places in later)


def is_known_epoch(epoch: str) -> bool:
    """Whether this is the epoch of this database, or an earlier one of it."""
    current = db.session.scalar(select(ServerState.value).where(ServerState.key == EPOCH_KEY))
    return epoch == current or db.session.get(ServerState, f"{EPOCH_END}{epoch}") is not None


def _moved_positions(site_id: str) -> Iterator[list[Any]]:
    """`[place, row hash, link]` of every place that an op had while it waited."""
    moved = select(LoggedOp.moved).where(LoggedOp.site_id == site_id, LoggedOp.moved.is_not(None))
    for entries in db.session.scalars(moved):
        yield from entries


def chain_existing_log(site_id: str) -> None:
    """Chain a log that was written before there was a chain, as it is now."""
    link, values = "", []
    log = select(OP_TABLE).where(OP_TABLE.c.site_id == site_id).order_by(OP_TABLE.c.place)
    for columns in db.session.execute(log).mappings():
        row = cast(OpRow, dict(columns))
        link = chain_rows([row], link)
        values.append({"row_id": row["id"], "new_digest": row["digest"], "new_link": row["link"]})
    one_row = update(OP_TABLE).where(
        OP_TABLE.c.site_id == site_id, OP_TABLE.c.id == bindparam("row_id")
    )
    chained = one_row.values(digest=bindparam("new_digest"), link=bindparam("new_link"))
    for start in range(0, len(values), BATCH_SIZE):
        db.session.connection().execute(chained, values[start : start + BATCH_SIZE])
    db.session.execute(update(SiteHead).where(SiteHead.site_id == site_id).values(link=link))
