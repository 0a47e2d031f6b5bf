"""Publishing: what changed gets the site's next numbers and its JSON, ready to send."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import bindparam, select, update

from server.db.engine import db
from server.db.prepared import SITE_PARAM, InList, PreparedSelect, insert_rows, replace_rows
from server.models import PHONE_BODIES
from server.models.directory import Directory
from server.models.feed import FeedDigest, FeedRow, SiteHead
from sync import RECORD_TYPES
from sync.protocol.digest import add_to_digest, digest_text, record_fingerprint
from sync.protocol.hash_chain import dump_json

FEED_TABLE, SITE_FEED_TABLE = FeedRow.metadata.tables["feed"], SiteHead.metadata.tables["site_feed"]
FEED_DIGEST_TABLE = FeedDigest.metadata.tables["feed_digest"]
DIGESTS_BY_AUDIENCE = PreparedSelect(
    select(FEED_DIGEST_TABLE.c.audience, FEED_DIGEST_TABLE.c.digest).where(
        FEED_DIGEST_TABLE.c.site_id == bindparam(SITE_PARAM),
        InList(FEED_DIGEST_TABLE.c.audience, "audiences"),
    )
)


class FeedState(NamedTuple):
    """A record's row of the feed, without its body."""

    id: str
    type: str
    version: int
    audience: int
    seen_by: int


class Publishable(Protocol):
    """What the feed needs to know of a changed record."""

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

    The head is raised last in the transaction and its row stays locked until the commit, so the
    order of the numbers is the order of the commits and no reader's cursor skips one. `log` is
    how far the site's log has come with this batch. Says which number each record was given.
    """
    rows = [_feed_row(site_id, record, names) for record in records]
    before = {record.id: record.previous for record in records if record.previous}
    _update_digests(site_id, rows, before.values())
    raised = {**log_head, "head": SITE_FEED_TABLE.c.head + len(rows)}
    if names_changed:
        raised["names_seq"] = SITE_FEED_TABLE.c.head + len(rows)
    raising = update(SITE_FEED_TABLE).where(SITE_FEED_TABLE.c.site_id == site_id).values(raised)
    head = db.session.connection().execute(raising.returning(SITE_FEED_TABLE.c.head)).scalar_one()
    for seq, row in enumerate(rows, start=head - len(rows) + 1):
        row["seq"] = seq
    replace_rows(FEED_TABLE, ("site_id", "id"), [row for row in rows if row["id"] in before])
    insert_rows(FEED_TABLE, [row for row in rows if row["id"] not in before])
    return {row["id"]: row["seq"] for row in rows}


def _feed_row(site_id: str, record: Publishable, names: Directory) -> dict[str, Any]:
    columns = vars(record.row)
    type_ = RECORD_TYPES[record.type]
    audience = type_.audience(columns, names.roles_of)
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
    """A record as it goes out: JSON in ASCII, so that every database takes it."""
    shown = {
        **PHONE_BODIES[type_](columns, names),
        "type": type_,
        "state": RECORD_TYPES[type_].state(columns),
        "opens": RECORD_TYPES[type_].visible_from(columns),
        "until": RECORD_TYPES[type_].visible_until(columns),
    }
    return dump_json(shown)


def _update_digests(site_id: str, rows: list[dict[str, Any]], before: Iterable[FeedState]) -> None:
    news: dict[int, int] = defaultdict(int)
    for row in rows:
        news[row["audience"]] += record_fingerprint(row["type"], row["id"], row["version"])
    for was in before:
        news[was.audience] -= record_fingerprint(was.type, was.id, was.version)
    connection = db.session.connection()
    kept = DIGESTS_BY_AUDIENCE.fetch_all(
        connection, **{SITE_PARAM: site_id, "audiences": list(news)}
    )
    sums = {audience: int(digest, 16) for audience, digest in kept}
    values = [
        {
            "site_id": site_id,
            "audience": a,
            "digest": digest_text(add_to_digest(sums.get(a, 0), new)),
        }
        for a, new in news.items()
    ]
    replace_rows(
        FEED_DIGEST_TABLE, ("site_id", "audience"), [v for v in values if v["audience"] in sums]
    )
    insert_rows(FEED_DIGEST_TABLE, [value for value in values if value["audience"] not in sums])


def digest_for_audience(site_id: str, audience: int) -> str:
    """The digest of everything that a reader may see."""
    rows = select(FeedDigest.audience, FeedDigest.digest).where(FeedDigest.site_id == site_id)
    seen = (int(digest, 16) for mask, digest in db.session.execute(rows) if mask & audience)
    return digest_text(add_to_digest(0, *seen))
