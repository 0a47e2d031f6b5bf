"""Publishes changed records to the feed: each gets the site's next number and its JSON body."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NotRequired, Protocol, TypedDict

from sqlalchemy import select, update

from server.db.engine import db
from server.db.statements import IDS_PARAM, SITE_PARAM, insert_rows, replace_rows, select_by_ids
from server.models import PHONE_BODIES
from server.models.directory import Directory
from server.models.feed import FeedDigest, FeedRow, SiteHead
from sync import RECORD_TYPES
from sync.protocol.digest import add_to_digest, digest_text, record_fingerprint
from sync.protocol.json_codec import dump_json

FEED_TABLE, SITE_FEED_TABLE = FeedRow.metadata.tables["feed"], SiteHead.metadata.tables["site_feed"]
FEED_DIGEST_TABLE = FeedDigest.metadata.tables["feed_digest"]
DIGESTS_BY_AUDIENCE = select_by_ids(
    FEED_DIGEST_TABLE, FEED_DIGEST_TABLE.c.audience, FEED_DIGEST_TABLE.c.digest, key="audience"
)


class FeedState(NamedTuple):
    """A record's row of the feed, without its body; `seen_by` joins all audiences it ever had."""

    id: str
    type: str
    version: int
    audience: int
    seen_by: int


class FeedValues(TypedDict):
    """A row of the feed to be written; it gets its number last."""

    site_id: str
    type: str
    id: str
    version: int
    deleted: bool
    audience: int
    seen_by: int
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
    rows = [_feed_row(site_id, record, names) for record in records]
    previous = {record.id: record.previous for record in records if record.previous}
    _update_digests(site_id, rows, previous.values())
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


def _feed_row(site_id: str, record: Publishable, names: Directory) -> FeedValues:
    columns = vars(record.row)
    audience = RECORD_TYPES[record.type].audience(columns, names.roles_of)
    return {
        "site_id": site_id,
        "type": record.type,
        "id": record.id,
        "version": record.version,
        "deleted": record.deleted,
        "audience": 0 if record.deleted else audience,
        "seen_by": audience | (record.previous.seen_by if record.previous else 0),
        "body": "null" if record.deleted else record_json(record.type, columns, names),
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


def _update_digests(
    site_id: str, rows: Iterable[FeedValues], previous: Iterable[FeedState]
) -> None:
    """Add new fingerprints to the digest of their audience, and subtract the replaced ones."""
    changes: dict[int, int] = defaultdict(int)
    for row in rows:
        changes[row["audience"]] += record_fingerprint(row["type"], row["id"], row["version"])
    for state in previous:
        changes[state.audience] -= record_fingerprint(state.type, state.id, state.version)
    params = {SITE_PARAM: site_id, IDS_PARAM: list(changes)}
    stored = db.session.connection().execute(DIGESTS_BY_AUDIENCE, params)
    digests = {audience: int(digest, 16) for audience, digest in stored}
    values = [
        {
            "site_id": site_id,
            "audience": audience,
            "digest": digest_text(add_to_digest(digests.get(audience, 0), change)),
        }
        for audience, change in changes.items()
    ]
    known = [value for value in values if value["audience"] in digests]
    replace_rows(FEED_DIGEST_TABLE, ("site_id", "audience"), known)
    insert_rows(FEED_DIGEST_TABLE, [value for value in values if value not in known])


def digest_for_audience(site_id: str, audience: int) -> str:
    """The digest of every record that a reader with this mask of roles may see."""
    rows = select(FeedDigest.audience, FeedDigest.digest).where(FeedDigest.site_id == site_id)
    visible = (int(digest, 16) for mask, digest in db.session.execute(rows) if mask & audience)
    return digest_text(add_to_digest(0, *visible))
