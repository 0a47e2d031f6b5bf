"""The feed as phones read it: what is new since a cursor, as text that is ready to send."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import BigInteger, Column, Select, bindparam, select

from server.auth.devices import DeviceIdentity
from server.db.engine import db
from server.db.statements import SITE_PARAM
from server.models.feed import FeedRow, SiteHead
from server.oplog.directory import directory_of
from server.oplog.publish import digest_for_audience

FEED_VERSION = 4
"""Raised when the shape of bodies changes, so that phones replace what they keep."""


SITE_FEED_TABLE, FEED_TABLE = SiteHead.metadata.tables["site_feed"], FeedRow.metadata.tables["feed"]
SITE_POSITION = select(
    SITE_FEED_TABLE.c.head, SITE_FEED_TABLE.c.floor, SITE_FEED_TABLE.c.names_seq
).where(SITE_FEED_TABLE.c.site_id == bindparam(SITE_PARAM))


class FeedEntry(NamedTuple):
    """A row of the feed."""

    seq: int
    type: str
    id: str
    version: int
    audience: int
    body: str


def _entries_query(by: Column[int]) -> Select[Any]:
    columns = [FEED_TABLE.c[name] for name in FeedEntry._fields]
    new = (FEED_TABLE.c.seq > bindparam("since"), FEED_TABLE.c.seq <= bindparam("head"))
    mine = (
        FEED_TABLE.c.site_id == bindparam(SITE_PARAM),
        by.op("&")(bindparam("seen", type_=BigInteger)) != 0,
    )
    return select(*columns).where(*mine, *new).order_by(FEED_TABLE.c.seq).limit(bindparam("most"))


CHANGES_SINCE, VISIBLE_SINCE = (
    _entries_query(FEED_TABLE.c.seen_by),
    _entries_query(FEED_TABLE.c.audience),
)
"""What changed, also where it went out of sight; and what there is to see for who starts anew."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a phone has read, and under which circumstances.

    `floor`: below it, whoever began to read then has nothing that left the feed.
    """

    epoch: str
    site: str
    scope: str
    feed_version: int
    seq: int
    floor: int = 0

    def encode(self) -> str:
        held = (self.epoch, self.site, self.scope, self.feed_version, self.seq, self.floor)
        return str(_cursor_signer().dumps(held))


def feed_page(
    phone: DeviceIdentity, token: str | None, limit: int, *, digest_mismatch: bool = False
) -> str:
    """One page, as JSON: changes, the next cursor, and a reset where the phone starts anew.

    `differs`: the phone holds something else than it was told, and gets all of it again.
    """
    phone = _in_snapshot(phone)
    site, seen = phone.site_id, audience_of(phone)
    now = Cursor(phone.epoch, site, scope_token(seen), FEED_VERSION, phone.head, phone.floor)
    if phone.is_revoked:
        return _page_json(replace(now, seq=0), [], seen, more=False, head=0, reset="scope")
    since, reset = (0, "digest") if digest_mismatch else _resume_position(token, now)
    if since == now.seq and reset is None:
        return _page_json(now, [], seen, more=False, head=now.seq, digest=_cached_digest(now, seen))
    rows = _rows(site, since, now.seq, limit, seen, from_start=reset is not None)
    more = len(rows) > limit
    cursor = replace(now, seq=rows[limit - 1].seq) if more else now
    digest = None if more else _cached_digest(now, seen)
    return _page_json(
        cursor, rows[:limit], seen, more=more, head=now.seq, reset=reset, digest=digest
    )


def _in_snapshot(phone: DeviceIdentity) -> DeviceIdentity:
    """Head, rows and digest belong together; SQLite's readers have that by themselves."""
    if db.engine.dialect.name != "sqlite":
        db.session.rollback()
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    asked = {SITE_PARAM: phone.site_id}
    head, floor, names_seq = db.session.connection().execute(SITE_POSITION, asked).one()
    return phone._replace(head=head, floor=floor, names_seq=names_seq)


def audience_of(phone: DeviceIdentity) -> int:
    """Whose records a phone may see: those of everybody who may work on it."""
    if phone.is_revoked:
        return 0
    return directory_of(phone.site_id, phone.names_seq).audience


def scope_token(seen: int) -> str:
    """A word for what a phone may see; another word makes it start anew."""
    return f"{seen:x}"


def _resume_position(token: str | None, now: Cursor) -> tuple[int, str | None]:
    """Where to read on, and why the phone has to start anew, if it has to."""
    if token is None:
        return 0, "new"
    try:
        was = Cursor(*_cursor_signer().loads(token))
    except (BadSignature, TypeError, ValueError):
        return 0, "epoch"
    if was.epoch != now.epoch or was.seq > now.seq:
        return 0, "epoch"
    if was.site != now.site or was.scope != now.scope:
        return 0, "scope"
    if was.feed_version != now.feed_version:
        return 0, "schema"
    missed = was.seq < now.floor and was.floor < now.floor
    return (0, "floor") if missed else (was.seq, None)


def _rows(
    site: str, since: int, head: int, limit: int, seen: int, *, from_start: bool
) -> list[FeedEntry]:
    asked = {"site": site, "since": since, "head": head, "seen": seen, "most": limit + 1}
    query = VISIBLE_SINCE if from_start else CHANGES_SINCE
    found = db.session.connection().execute(query, asked)
    return [FeedEntry._make(row) for row in found]


def _page_json(
    cursor: Cursor,
    rows: Sequence[FeedEntry],
    seen: int,
    *,
    more: bool,
    head: int,
    reset: str | None = None,
    digest: str | None = None,
) -> str:
    """A page of the feed: bodies are JSON already, so the answer is a join of texts."""
    changes = ",".join(_change(row, seen) for row in rows)
    rest: dict[str, Any] = {"sync": "1", "epoch": cursor.epoch, "cursor": cursor.encode()}
    rest |= {"more": more, "head": head}
    rest |= {"reset": reset} if reset else {}
    rest |= {"digest": digest} if digest else {}
    text = current_app.json.dumps(rest)
    return f'{text[:-1]},"changes":[{changes}]}}'


def _change(row: FeedEntry, seen: int) -> str:
    gone = not row.audience & seen
    record = "null" if gone else row.body
    return (
        f'{{"type":"{row.type}","id":"{row.id}","version":{row.version},'
        f'"deleted":{"true" if gone else "false"},"record":{record}}}'
    )


def _cached_digest(now: Cursor, seen: int) -> str:
    """The digest at this head, computed once for all phones that may see the same."""
    kept: dict[Any, Any] = current_app.extensions.setdefault("lodge-digests", {})
    key = (now.site, now.scope)
    if kept.get(key, ("", 0, ""))[:2] != (now.epoch, now.seq):
        kept[key] = (now.epoch, now.seq, digest_for_audience(now.site, seen))
    return str(kept[key][2])


def _cursor_signer() -> URLSafeSerializer:
    kept = current_app.extensions
    if "lodge-cursors" not in kept:
        kept["lodge-cursors"] = URLSafeSerializer(
            current_app.config["SECRET_KEY"],
            salt="cursor",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )
    signer: URLSafeSerializer = kept["lodge-cursors"]
    return signer
