"""Pages of the feed: the changes since a phone's cursor, as JSON text that is ready to send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import BigInteger, Column, Select, bindparam, select

from server.auth.devices import DeviceIdentity
from server.db.engine import db
from server.db.statements import SITE_PARAM
from server.models.feed import FeedRow, SiteHead
from server.oplog.directory import directory_of
from server.oplog.publish import digest_for_audience
from server.sync_api.cursor import FEED_VERSION, Cursor, resume_position

DIGESTS_KEY = "lodge-digests"

SITE_FEED_TABLE, FEED_TABLE = SiteHead.metadata.tables["site_feed"], FeedRow.metadata.tables["feed"]
SITE_POSITION = select(
    SITE_FEED_TABLE.c.head, SITE_FEED_TABLE.c.floor, SITE_FEED_TABLE.c.names_seq
).where(SITE_FEED_TABLE.c.site_id == bindparam(SITE_PARAM))


class FeedEntry(NamedTuple):
    """The columns of a feed row that a page needs."""

    seq: int
    type: str
    id: str
    version: int
    audience: int
    body: str


def _entries_query(by: Column[int]) -> Select[Any]:
    """Entries between two numbers that the mask `audience` matches in the column `by`."""
    return (
        select(*(FEED_TABLE.c[name] for name in FeedEntry._fields))
        .where(FEED_TABLE.c.site_id == bindparam(SITE_PARAM))
        .where(FEED_TABLE.c.seq > bindparam("since"), FEED_TABLE.c.seq <= bindparam("head"))
        .where(by.op("&")(bindparam("audience", type_=BigInteger)) != 0)
        .order_by(FEED_TABLE.c.seq)
        .limit(bindparam("limit"))
    )


CHANGES_SINCE = _entries_query(FEED_TABLE.c.seen_by)
"""Includes records that this audience could see once and cannot any more."""
VISIBLE_SINCE = _entries_query(FEED_TABLE.c.audience)
"""Only records that this audience can see: for a phone that starts with none."""


def feed_page(
    phone: DeviceIdentity, token: str | None, limit: int, *, digest_mismatch: bool = False
) -> str:
    """One page as JSON: changes, the next cursor, and a reset where the phone must start again.

    `token` is the cursor of the last page, `limit` the most changes of this one. With
    `digest_mismatch` the phone's records differ from the feed, so it gets all of them again.
    """
    phone = _in_snapshot(phone)
    site, audience = phone.site_id, audience_of(phone)
    now = Cursor(phone.epoch, site, scope_token(audience), FEED_VERSION, phone.head, phone.floor)
    if phone.is_revoked:
        return _page_json(replace(now, seq=0), [], audience, more=False, head=0, reset="scope")
    since, reset = (0, "digest") if digest_mismatch else resume_position(token, now)
    if since == now.seq and reset is None:
        digest = _cached_digest(now, audience)
        return _page_json(now, [], audience, more=False, head=now.seq, digest=digest)
    rows = _rows(now, since, limit, audience, from_start=reset is not None)
    more = len(rows) > limit
    return _page_json(
        replace(now, seq=rows[limit - 1].seq) if more else now,
        rows[:limit],
        audience,
        more=more,
        head=now.seq,
        reset=reset,
        digest=None if more else _cached_digest(now, audience),
    )


def _in_snapshot(phone: DeviceIdentity) -> DeviceIdentity:
    """Read head, rows and digest from one snapshot, which SQLite's read transactions always do.
    Returns the phone with the site's position in that snapshot."""
    if db.engine.dialect.name != "sqlite":
        db.session.rollback()
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    asked = {SITE_PARAM: phone.site_id}
    head, floor, names_seq = db.session.connection().execute(SITE_POSITION, asked).one()
    return phone._replace(head=head, floor=floor, names_seq=names_seq)


def audience_of(phone: DeviceIdentity) -> int:
    """The mask of roles whose records a phone may see: those of everybody who may work on it."""
    if phone.is_revoked:
        return 0
    return directory_of(phone.site_id, phone.names_seq).audience


def scope_token(audience: int) -> str:
    """The audience as text; a phone whose scope changes starts again."""
    return f"{audience:x}"


def _rows(
    now: Cursor, since: int, limit: int, audience: int, *, from_start: bool
) -> list[FeedEntry]:
    """Entries up to the head of the snapshot; one more than the limit if there are more."""
    query = VISIBLE_SINCE if from_start else CHANGES_SINCE
    bounds = {"since": since, "head": now.seq, "audience": audience, "limit": limit + 1}
    rows = db.session.connection().execute(query, {SITE_PARAM: now.site, **bounds})
    return [FeedEntry._make(row) for row in rows]


def _page_json(
    cursor: Cursor,
    rows: Sequence[FeedEntry],
    audience: int,
    *,
    more: bool,
    head: int,
    reset: str | None = None,
    digest: str | None = None,
) -> str:
    """A page as JSON text. Bodies are stored as JSON, so they are joined and not encoded again."""
    changes = ",".join(_change_json(row, audience) for row in rows)
    fields = {"sync": "1", "epoch": cursor.epoch, "cursor": cursor.encode()}
    fields |= {"reset": reset} if reset else {}
    fields |= {"digest": digest} if digest else {}
    text = current_app.json.dumps({**fields, "more": more, "head": head})
    return f'{text[:-1]},"changes":[{changes}]}}'


def _change_json(row: FeedEntry, audience: int) -> str:
    is_hidden = not row.audience & audience
    record = "null" if is_hidden else row.body
    return (
        f'{{"type":"{row.type}","id":"{row.id}","version":{row.version},'
        f'"deleted":{"true" if is_hidden else "false"},"record":{record}}}'
    )


def _cached_digest(now: Cursor, audience: int) -> str:
    """The digest at this head, computed once for all phones of the same scope."""
    cache: dict[tuple[str, str], tuple[str, int, str]]
    cache = current_app.extensions.setdefault(DIGESTS_KEY, {})
    epoch, seq, digest = cache.get((now.site, now.scope), ("", 0, ""))
    if (epoch, seq) != (now.epoch, now.seq):
        digest = digest_for_audience(now.site, audience)
        cache[now.site, now.scope] = (now.epoch, now.seq, digest)
    return digest
