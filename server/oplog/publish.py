"""Publishes changed records to the feed: each gets the site's next number and its JSON body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, NotRequired, Protocol

from sqlalchemy import update

from server.db.engine import db
from server.db.statements import insert_rows, replace_rows
from server.models import PHONE_BODIES
from server.models.directory import Directory
from server.models.feed import FeedRow, SiteHead
from server.oplog.record_scopes import (
    NOBODY,
    PastScope,
    ScopeColumns,
    deleted_columns,
    scope_columns,
    site_scope,
)
from sync import RECORD_TYPES
from sync.protocol.json_codec import dump_json
from sync.protocol.scope import SiteScope

FEED_TABLE, SITE_FEED_TABLE = FeedRow.metadata.tables["feed"], SiteHead.metadata.tables["site_feed"]


class FeedState(NamedTuple):
    """What a record's row of the feed says about who ever held it."""

    id: str
    type: str
    seen_by: int
    past_readers: str


class FeedValues(ScopeColumns):
    """A row of the feed to be written; it gets its number last."""

    site_id: str
    type: str
    id: str
    version: int
    deleted: bool
    body: str
    seq: NotRequired[int]


class Publishable(Protocol):
    """What publishing needs of a changed record; `previous` is its feed row until now."""

    type: str
    id: str
    row: Any
    version: int
    is_new: bool
    deleted: bool
    previous: FeedState | None


def publish_records(
    site_id: str,
    records: Sequence[Publishable],
    names: Directory,
    *,
    log_head: Mapping[str, Any],
    names_changed: bool,
) -> dict[str, int]:
    """Give every changed record the next number of its site and replace its row of the feed.

    The site's head is raised last in the transaction and its row stays locked until the commit, so
    the order of the numbers is the order of the commits and no reader's cursor skips one.
    `log_head` are the head's new columns of the log. Returns the number of each record by id.
    """
    now = datetime.now(UTC)
    site = site_scope(site_id, names, {record.type for record in records}, now)
    rows = [_feed_row(site_id, record, names, site, now) for record in records]
    previous = {record.id for record in records if record.previous}
    new_head = SITE_FEED_TABLE.c.head + len(rows)
    values = {**log_head, "head": new_head, **({"names_seq": new_head} if names_changed else {})}
    raise_head = update(SITE_FEED_TABLE).where(SITE_FEED_TABLE.c.site_id == site_id).values(values)
    returned = db.session.connection().execute(raise_head.returning(SITE_FEED_TABLE.c.head))
    head = returned.scalar_one()
    for seq, row in enumerate(rows, start=head - len(rows) + 1):
        row["seq"] = seq
    replace_rows(FEED_TABLE, ("site_id", "id"), [row for row in rows if row["id"] in previous])
    insert_rows(FEED_TABLE, [row for row in rows if row["id"] not in previous])
    return {row["id"]: row["seq"] for row in rows}


def _feed_row(
    site_id: str, record: Publishable, names: Directory, site: SiteScope, now: datetime
) -> FeedValues:
    columns, past = vars(record.row), NOBODY
    if record.previous:
        past = PastScope(record.previous.seen_by, record.previous.past_readers)
    if record.deleted:
        scope, body = deleted_columns(past), "null"
    else:
        scope = scope_columns(record.type, columns, site, now, past)
        body = record_json(record.type, columns, names)
    return {
        "site_id": site_id,
        "type": record.type,
        "id": record.id,
        "version": record.version,
        "deleted": record.deleted,
        "body": body,
        "audience": scope["audience"],
        "seen_by": scope["seen_by"],
        "readers": scope["readers"],
        "past_readers": scope["past_readers"],
        "changes_at": scope["changes_at"],
    }


def record_json(type_: str, columns: Mapping[str, Any], names: Directory) -> str:
    """The JSON body of a record as phones get it, with its type, state and time of visibility."""
    body = {
        **PHONE_BODIES[type_](columns, names),
        "type": type_,
        "state": RECORD_TYPES[type_].state(columns),
        "opens": RECORD_TYPES[type_].visible_from(columns),
        "until": RECORD_TYPES[type_].visible_until(columns),
    }
    return dump_json(body)
