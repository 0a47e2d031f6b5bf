"""Pages of the feed: the changes since a phone's cursor, as JSON text that is ready to send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import BigInteger, Column, Select, bindparam, or_, select

from server.auth.devices import DeviceIdentity
from server.db.engine import db
from server.db.statements import SITE_PARAM
from server.models.feed import FeedRow
from server.oplog.certainty import acts_on, certainties_for_phones
from server.sync_api.cursor import FEED_VERSION, Cursor, resume_position
from server.sync_api.phone_scope import PhoneScope, fresh_digest, in_snapshot, phone_scope
from sync import RECORD_TYPES

FEED_TABLE = FeedRow.metadata.tables["feed"]


class FeedEntry(NamedTuple):
    """The columns of a feed row that a page needs."""

    seq: int
    type: str
    id: str
    version: int
    deleted: bool
    audience: int
    seen_by: int
    readers: str
    past_readers: str
    body: str


def _entries_query(roles: Column[int], people: Column[str]) -> Select[Any]:
    """Entries between two numbers that the mask `audience` matches in the column `roles`, or that
    concern somebody in person."""
    return (
        select(*(FEED_TABLE.c[name] for name in FeedEntry._fields))
        .where(FEED_TABLE.c.site_id == bindparam(SITE_PARAM))
        .where(FEED_TABLE.c.seq > bindparam("since"), FEED_TABLE.c.seq <= bindparam("head"))
        .where(or_(roles.op("&")(bindparam("audience", type_=BigInteger)) != 0, people != ""))
        .order_by(FEED_TABLE.c.seq)
        .limit(bindparam("limit"))
    )


CHANGES_SINCE = _entries_query(FEED_TABLE.c.seen_by, FEED_TABLE.c.past_readers)
"""Includes records that a phone of this scope held once and does not hold any more."""
VISIBLE_SINCE = _entries_query(FEED_TABLE.c.audience, FEED_TABLE.c.readers)
"""Only records that a phone of this scope holds: for a phone that starts with none."""


def feed_page(
    phone: DeviceIdentity, token: str | None, limit: int, *, digest_mismatch: bool = False
) -> str:
    """One page as JSON: changes, the next cursor, and a reset where the phone must start again.

    `token` is the cursor of the last page, `limit` the most changes of this one. With
    `digest_mismatch` the phone's records differ from the feed, so it gets all of them again.
    """
    phone = in_snapshot(phone)
    site, scope = phone.site_id, phone_scope(phone)
    now = Cursor(phone.epoch, site, scope.token, FEED_VERSION, phone.head, phone.floor)
    if phone.is_revoked:
        return _page_json(replace(now, seq=0), [], scope, more=False, head=0, reset="scope")
    since, reset = (0, "digest") if digest_mismatch else resume_position(token, now)
    if since == now.seq and reset is None:
        return _page_json(now, [], scope, more=False, head=now.seq, digest=fresh_digest(now, scope))
    rows = _rows(now, since, limit, scope, from_start=reset is not None)
    more = len(rows) > limit
    return _page_json(
        replace(now, seq=rows[limit - 1].seq) if more else now,
        rows[:limit],
        scope,
        more=more,
        head=now.seq,
        reset=reset,
        digest=None if more else fresh_digest(now, scope),
    )


def _rows(
    now: Cursor, since: int, limit: int, scope: PhoneScope, *, from_start: bool
) -> list[FeedEntry]:
    """Entries up to the head of the snapshot that concern a phone of this scope; one more than the
    limit if there are more."""
    query, people_in = CHANGES_SINCE, FeedEntry._fields.index("past_readers")
    if from_start:
        query, people_in = VISIBLE_SINCE, FeedEntry._fields.index("readers")
    roles_in = "audience" if from_start else "seen_by"
    found: list[FeedEntry] = []
    while len(found) <= limit:
        bounds = {"since": since, "head": now.seq, "audience": scope.roles, "limit": limit + 1}
        page = db.session.connection().execute(query, {SITE_PARAM: now.site, **bounds}).all()
        found += [
            FeedEntry._make(row)
            for row in page
            if row._mapping[roles_in] & scope.roles or scope.includes(row[people_in])
        ]
        if len(page) <= limit:
            break
        since = page[-1].seq
    return found[: limit + 1]


def _page_json(
    cursor: Cursor,
    rows: Sequence[FeedEntry],
    scope: PhoneScope,
    *,
    more: bool,
    head: int,
    reset: str | None = None,
    digest: str | None = None,
) -> str:
    """A page as JSON text. Bodies are stored as JSON, so they are joined and not encoded again."""
    known = _certainties(cursor.site, rows, scope)
    changes = ",".join(_change_json(row, scope, known.get(row.id)) for row in rows)
    fields = {"sync": "1", "epoch": cursor.epoch, "cursor": cursor.encode()}
    fields |= {"reset": reset} if reset else {}
    fields |= {"digest": digest} if digest else {}
    text = current_app.json.dumps({**fields, "more": more, "head": head})
    return f'{text[:-1]},"changes":[{changes}]}}'


def _certainties(
    site_id: str, rows: Sequence[FeedEntry], scope: PhoneScope
) -> dict[str, dict[str, str]]:
    """How sure it is who did something to the records whose phones show it, by their id."""
    shown = [
        row.id
        for row in rows
        if RECORD_TYPES[row.type].shows_authors and scope.holds(row.audience, row.readers)
    ]
    acts = acts_on(site_id, shown) if shown else {}
    return {id_: certainties_for_phones(each) for id_, each in acts.items()}


def _change_json(row: FeedEntry, scope: PhoneScope, certainty: dict[str, str] | None) -> str:
    key = f'{{"type":"{row.type}","id":"{row.id}","version":{row.version},'
    if row.deleted:
        return f'{key}"deleted":true,"record":null}}'
    if not scope.holds(row.audience, row.readers):
        return f'{key}"drop":true}}'
    sure = f',"certainty":{current_app.json.dumps(certainty)}' if certainty else ""
    return f'{key}"deleted":false,"record":{row.body}{sure}}}'
