"""The server's feed in the simulation: numbers in the order of commits, pages, digests."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sync import RECORD_TYPES
from sync.protocol.digest import add_to_digest
from sync.protocol.digest import record_fingerprint as made_fingerprint
from sync.protocol.roles import role_mask

fingerprint = lru_cache(maxsize=20_000)(made_fingerprint)
masked_roles = lru_cache(maxsize=500)(role_mask)


class FeedRow(NamedTuple):
    """The newest state of a record, ready to send."""

    seq: int
    type: str
    version: int
    audience: int
    seen_by: int
    body: dict[str, Any] | None


class Cursor(NamedTuple):
    """How far a phone has read, and under which circumstances."""

    epoch: int
    scope: int
    seq: int
    started_at_seq: int = 0
    """The head when this round began: what was gone before that, the reader never had."""


class FeedModel:
    """What phones may see of one site; the mother of Central."""

    NEVER_LEFT = datetime(9999, 1, 1, tzinfo=UTC)
    roles: dict[str, frozenset[str]]
    left: dict[str, datetime]
    loaded: dict[str, Any]

    def init_feed(self) -> None:
        """Nothing is there yet."""
        self.epoch, self.head, self.floor = 1, 0, 0
        self.rows: dict[str, FeedRow] = {}
        self.changed: dict[str, Any] = {}

    def publish(self) -> None:
        """Last in every transaction: what changed gets the next numbers of the site."""
        for id_, held in self.changed.items():
            self.rows[id_] = self.feed_row(id_, held, self.next_seq())
        self.changed = {}

    def next_seq(self) -> int:
        """The head's row is locked until the commit: the order of numbers is that of commits."""
        self.head += 1
        return self.head

    def feed_row(self, id_: str, held: Any, seq: int) -> FeedRow:
        """A record as it goes out."""
        columns, before = vars(held.row), self.rows.get(id_)
        type_ = RECORD_TYPES[held.type]
        people = [id_ for id_ in type_.people(columns) if id_]
        audience = type_.audience(columns, self.roles_of)
        audience |= masked_roles(frozenset().union(*map(self.roles_of, people)))
        seen_by = audience | (before.seen_by if before else 0)
        if held.is_deleted:
            return FeedRow(seq, held.type, held.version, 0, seen_by, None)
        return FeedRow(seq, held.type, held.version, audience, seen_by, dict(columns))

    def roles_of(self, person: str) -> frozenset[str]:
        """The posts of somebody."""
        return self.roles.get(person, frozenset())

    def is_revoked(self, device: str) -> bool:
        """Whether a phone may see nothing any more."""
        raise NotImplementedError

    def audience_of(self, device: str) -> int:
        """Whose records a phone may see: those of everybody who may work on it."""
        if self.is_revoked(device):
            return 0
        working = [roles for id_, roles in self.roles.items() if id_ not in self.left]
        return masked_roles(frozenset().union(*working))

    def pull(self, request: Any) -> dict[str, Any]:
        """One page: changes, the next cursor, and a reset where the phone starts anew."""
        seen, head = self.audience_of(request.device), self.head
        if not seen and self.is_revoked(request.device):
            return self.make_page(Cursor(self.epoch, 0, 0), [], seen, 0, "scope", more=False)
        since, reset = self.resume_position(request.cursor, seen)
        if since == head and reset is None:
            return self.make_page(Cursor(self.epoch, seen, head), [], seen, head, None, more=False)
        rows = self.rows_since(since, seen, anew=reset is not None)
        more = len(rows) > request.limit
        seq = rows[request.limit - 1][1].seq if more else head
        began = head if reset or not request.cursor else request.cursor.started_at_seq
        cursor = Cursor(self.epoch, seen, seq, began if more else 0)
        return self.make_page(cursor, rows[: request.limit], seen, head, reset, more=more)

    def resume_position(self, was: Cursor | None, seen: int) -> tuple[int, str | None]:
        """Where to read on, and why the phone has to start anew, if it has to."""
        if was is None:
            return 0, "new"
        if was.epoch != self.epoch or was.seq > self.head:
            return 0, "epoch"
        if was.scope != seen:
            return 0, "scope"
        return (0, "floor") if self.is_below_floor(was) else (was.seq, None)

    def is_below_floor(self, was: Cursor) -> bool:
        """Whether something was forgotten that this reader still has to be told to drop."""
        return max(was.seq, was.started_at_seq) < self.floor

    def rows_since(self, since: int, seen: int, *, anew: bool) -> list[tuple[str, FeedRow]]:
        """What is new to a reader; somebody who begins is not told of what is gone."""
        found = [
            (id_, row)
            for id_, row in self.rows.items()
            if row.seq > since and (row.audience if anew else row.seen_by) & seen
        ]
        return sorted(found, key=lambda pair: pair[1].seq)

    def make_page(
        self,
        cursor: Cursor,
        rows: list[tuple[str, FeedRow]],
        seen: int,
        head: int,
        reset: str | None,
        *,
        more: bool,
    ) -> dict[str, Any]:
        """What goes out."""
        changes = [
            (id_, row.type, row.version, row.body if row.audience & seen else None)
            for id_, row in rows
        ]
        return {
            **{"epoch": cursor.epoch, "changes": changes, "cursor": cursor, "head": head},
            **{"more": more, "reset": reset, "digest": None if more else self.digest(seen)},
        }

    def digest(self, seen: int) -> int:
        """The digest of everything that a reader may see."""
        visible = (pair for pair in self.rows.items() if pair[1].audience & seen)
        return add_to_digest(0, *(fingerprint(row.type, id_, row.version) for id_, row in visible))

    def compact(self) -> None:
        """What is gone for everybody is forgotten; who is further behind begins anew."""
        for id_ in [id_ for id_, row in self.rows.items() if not row.audience]:
            del self.rows[id_]
        self.floor = self.head
