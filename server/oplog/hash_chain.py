"""The seal of the log: each row is bound to the one before, so that no past is rewritten.

A row's link is a hash over the link before it, its place, and everything that was kept of it.
What a purge takes away is bound by its digest alone, so that forgetting a visitor leaves the
chain whole. Whoever notes the newest link elsewhere can tell later that the log contains it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from server.db.engine import db
from server.models.feed import SiteHead
from server.models.oplog import LoggedOp
from server.oplog.redaction import PURGED_FLAG
from sync.protocol.hash_chain import canonical_json

PERMANENT_COLUMNS = (
    *("id", "lineage", "n", "hash", "kind", "v", "subject", "subject_type", "by", "device_id"),
    *("at", "occurred_at", "received_at", "uncertainty_ms", "base", "after", "status", "code"),
    *("version", "fact", "merge_id"),
)
PURGEABLE_COLUMNS = ("body", "payload", "changes")
"""What a purge may blank."""

BATCH_SIZE = 500


def chain_rows(rows: Iterable[dict[str, Any]], link: str) -> str:
    """A14: rows that have their place now get digest and link; the newest link comes back."""
    for row in rows:
        row["digest"] = content_digest(row)
        row["link"] = link = next_link(link, row["place"], row_hash(row))
    return link


def content_digest(row: Mapping[str, Any]) -> str:
    """What an op says and did, as it was when it was logged."""
    return _hash([row[name] for name in PURGEABLE_COLUMNS])


def row_hash(row: Mapping[str, Any]) -> str:
    """All that stays of a row for ever."""
    frame = [_json_value(row[name]) for name in PERMANENT_COLUMNS]
    flags = [flag for flag in row["flags"] if flag != PURGED_FLAG]
    verdict = {name: said for name, said in row["verdict"].items() if name != "seq"}
    return _hash([*frame, flags, verdict, row["digest"]])


def next_link(link: str, place: int, seal_: str) -> str:
    """The link of a row, from the link before it."""
    return _hash([link, place, seal_])


def _json_value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()


def previous_positions(row: Mapping[str, Any]) -> list[list[Any]]:
    """The places that a row had while it waited: each with the seal and the link it had there."""
    return [*(row["moved"] or ()), [row["place"], row_hash(row), row["link"]]]


class ChainVerifier:
    """Goes along the log in the order of its places and says where the chain is broken."""

    def __init__(self, site_id: str) -> None:
        self.link = ""
        self.links: set[str] = set()
        self._moved = sorted(_moved_positions(site_id))

    def check_row(self, row: Mapping[str, Any]) -> Iterator[str]:
        """A14: one row of the log: what it says, and whether it follows from the one before."""
        if PURGED_FLAG not in row["flags"] and content_digest(row) != row["digest"]:
            yield f"op {row['id']}: what it says is not what was sealed"
        yield from self._check_moved_before(row["place"])
        yield from self._check_link(row["place"], row_hash(row), row["link"])

    def check_end(self, kept: str) -> Iterator[str]:
        """A14: the end of the log is where the site's newest link says."""
        yield from self._check_moved_before(None)
        if self.link != kept:
            yield "the end of the log is not the one that was sealed last"

    def _check_moved_before(self, place: int | None) -> Iterator[str]:
        while self._moved and (place is None or self._moved[0][0] < place):
            yield from self._check_link(*self._moved.pop(0))

    def _check_link(self, place: int, seal_: str, link: str) -> Iterator[str]:
        if next_link(self.link, place, seal_) != link:
            yield f"place {place} of the log does not follow from the one before it"
        self.link = link  # on from here, so that one break is told once
        self.links.add(link)


def contains_link(site_id: str, place: int, link: str) -> bool:
    """A15: whether the log still has the end that somebody was told once."""
    here = select(LoggedOp.link).where(LoggedOp.site_id == site_id, LoggedOp.place == place)
    if link in db.session.scalars(here).all():
        return True
    return any(entry[0] == place and entry[2] == link for entry in _moved_positions(site_id))


def _moved_positions(site_id: str) -> Iterator[list[Any]]:
    """The places that ops had while they waited."""
    moved = select(LoggedOp.moved).where(LoggedOp.site_id == site_id, LoggedOp.moved.is_not(None))
    for entries in db.session.scalars(moved):
        yield from entries


def chain_existing_log(site_id: str) -> None:
    """Seal a log that was written before there were seals, as it stands."""
    ops = LoggedOp.metadata.tables["op"]
    link, sealed = "", []
    for row in db.session.execute(
        select(ops).where(_of_site(site_id)).order_by(ops.c.place)
    ).mappings():
        known = dict(row)
        link = chain_rows([known], link)
        sealed.append({"which": known["id"], "its": known["digest"], "bound": known["link"]})
    values: dict[str, Any] = {"digest": bindparam("its"), "link": bindparam("bound")}
    anew = update(ops).where(_of_site(site_id), ops.c.id == bindparam("which")).values(values)
    for start in range(0, len(sealed), BATCH_SIZE):
        db.session.connection().execute(anew, sealed[start : start + BATCH_SIZE])
    db.session.execute(update(SiteHead).where(SiteHead.site_id == site_id).values(link=link))


def _of_site(site_id: str) -> Any:
    return LoggedOp.metadata.tables["op"].c.site_id == site_id
