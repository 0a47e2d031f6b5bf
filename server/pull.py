"""The feed as phones read it: what is new since a cursor, as text that is ready to send."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select

from server.db import db
from server.feed import digest_for
from server.names import names_of
from server.tables import Device, FeedRow, ServerState, SiteFeed
from sync.feed import mask

FEED_VERSION = 4
"""Raised when the shape of bodies changes, so that phones replace what they keep."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a phone has read, and under which circumstances.

    `floor`: below it, whoever began to read then has nothing that left the feed.
    """

    epoch: str
    site: str
    scope: str
    feed: int
    seq: int
    floor: int = 0

    def text(self) -> str:
        held = (self.epoch, self.site, self.scope, self.feed, self.seq, self.floor)
        return str(_signer().dumps(held))


def feed_page(site: str, phone: Device, token: str | None, limit: int) -> str:
    """One page, as JSON: changes, the next cursor, and a reset where the phone starts anew."""
    _one_snapshot()
    head, floor, names_seq, epoch = _head(site)
    seen = audience_of(phone, names_seq)
    now = Cursor(epoch, site, scope(seen), FEED_VERSION, head, floor)
    if is_cut_off(phone):
        return _told(replace(now, seq=0), [], seen, more=False, head=0, reset="scope")
    since, reset = _since(token, now)
    if since == head and reset is None:
        return _told(now, [], seen, more=False, head=head, digest=_digest(now, seen))
    rows = _rows(site, since, head, limit, seen, anew=reset is not None)
    more = len(rows) > limit
    cursor = replace(now, seq=rows[limit - 1].seq) if more else now
    digest = None if more else _digest(now, seen)
    return _told(cursor, rows[:limit], seen, more=more, head=head, reset=reset, digest=digest)


def _one_snapshot() -> None:
    """Head, rows and digest belong together; SQLite's readers have that by themselves."""
    if db.engine.dialect.name != "sqlite":
        db.session.rollback()
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _head(site: str) -> tuple[int, int, int, str]:
    """The one look that a poll costs when nothing has changed."""
    epoch = select(ServerState.value).where(ServerState.key == "epoch").scalar_subquery()
    standing = select(SiteFeed.head, SiteFeed.floor, SiteFeed.names_seq, epoch)
    row = db.session.execute(standing.where(SiteFeed.site_id == site)).one()
    return row[0], row[1], row[2], row[3]


def audience_of(phone: Device, names_seq: int | None = None) -> int:
    """Whose records a phone may see: those of everybody who may work on it."""
    if is_cut_off(phone):
        return 0
    names = names_of(phone.site_id, names_seq)
    working = (roles for id_, roles in names.roles.items() if id_ not in names.left)
    return mask(role for roles in working for role in roles)


def scope(seen: int) -> str:
    """A word for what a phone may see; another word makes it start anew."""
    return f"{seen:x}"


def is_cut_off(phone: Device) -> bool:
    """Revoked, or declared lost."""
    return bool(phone.revoked_at or phone.lost_at)


def _since(token: str | None, now: Cursor) -> tuple[int, str | None]:
    """Where to read on, and why the phone has to start anew, if it has to."""
    if token is None:
        return 0, "new"
    try:
        was = Cursor(*_signer().loads(token))
    except (BadSignature, TypeError, ValueError):
        return 0, "epoch"
    if was.epoch != now.epoch or was.seq > now.seq:
        return 0, "epoch"
    if was.site != now.site or was.scope != now.scope:
        return 0, "scope"
    if was.feed != now.feed:
        return 0, "schema"
    missed = was.seq < now.floor and was.floor < now.floor
    return (0, "floor") if missed else (was.seq, None)


def _rows(site: str, since: int, head: int, limit: int, seen: int, *, anew: bool) -> list[Any]:
    visible = FeedRow.audience if anew else FeedRow.seen_by
    rows = select(
        FeedRow.seq, FeedRow.type, FeedRow.id, FeedRow.version, FeedRow.audience, FeedRow.body
    )
    mine = rows.where(
        FeedRow.site_id == site,
        FeedRow.seq > since,
        FeedRow.seq <= head,
        visible.op("&")(seen) != 0,
    )
    return list(db.session.execute(mine.order_by(FeedRow.seq).limit(limit + 1)).all())


def _told(
    cursor: Cursor,
    rows: list[Any],
    seen: int,
    *,
    more: bool,
    head: int,
    reset: str | None = None,
    digest: str | None = None,
) -> str:
    """A page of the feed: bodies are JSON already, so the answer is a join of texts."""
    changes = ",".join(_change(row, seen) for row in rows)
    rest: dict[str, Any] = {"sync": "1", "epoch": cursor.epoch, "cursor": cursor.text()}
    rest |= {"more": more, "head": head}
    rest |= {"reset": reset} if reset else {}
    rest |= {"digest": digest} if digest else {}
    text = current_app.json.dumps(rest)
    return f'{text[:-1]},"changes":[{changes}]}}'


def _change(row: Any, seen: int) -> str:
    gone = not row.audience & seen
    record = "null" if gone else row.body
    return (
        f'{{"type":"{row.type}","id":"{row.id}","version":{row.version},'
        f'"deleted":{"true" if gone else "false"},"record":{record}}}'
    )


def _digest(now: Cursor, seen: int) -> str:
    """The digest at this head, computed once for all phones that may see the same."""
    kept: dict[Any, Any] = current_app.extensions.setdefault("lodge-digests", {})
    key = (now.site, now.scope)
    if kept.get(key, ("", 0, ""))[:2] != (now.epoch, now.seq):
        kept[key] = (now.epoch, now.seq, digest_for(now.site, seen))
    return str(kept[key][2])


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(
        current_app.config["SECRET_KEY"],
        salt="cursor",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
