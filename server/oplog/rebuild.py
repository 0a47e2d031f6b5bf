"""Rebuild a site's feed after an upgrade: how this version shows each record, and to whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from server.db.engine import db
from server.models import MODELS_BY_TYPE
from server.models.directory import Directory
from server.models.feed import FeedDigest, FeedRow, SiteHead
from server.oplog.publish import record_json
from sync import RECORD_TYPES
from sync.protocol.digest import digest_text, record_fingerprint

FEED, HEADS = FeedRow.metadata.tables["feed"], SiteHead.metadata.tables["site_feed"]
DIGESTS = FeedDigest.metadata.tables["feed_digest"]

ONE_ROW = (FEED.c.site_id == bindparam("row_site"), FEED.c.id == bindparam("row_id"))
SHOW = (
    update(FEED)
    .where(*ONE_ROW)
    .values(
        body=bindparam("new_body"),
        audience=bindparam("new_audience"),
        seen_by=FEED.c.seen_by.op("|")(bindparam("new_audience", type_=FEED.c.seen_by.type)),
    )
)
NUMBER = update(FEED).where(*ONE_ROW).values(seq=bindparam("new_seq"))


def rebuild_feed(site_id: str, names: Directory) -> None:
    """Write body, audience and digests of every record anew, within the caller's transaction.

    A row gets a new number, so that phones pull it, only where its new audience shows it to phones
    of the site that could not see it, or hides it from those that could. Changed bodies reach
    phones by `FEED_VERSION`.
    """
    connection = db.session.connection()
    rows = select(FEED.c.id, FEED.c.audience).where(FEED.c.site_id == site_id)
    present = connection.execute(rows.where(FEED.c.deleted.is_(False)))
    before = {row.id: row.audience for row in present}
    seen, renumbered = names.audience, []
    for type_ in MODELS_BY_TYPE:
        shown = [row for row in _shown(site_id, type_, names) if row["row_id"] in before]
        if shown:
            connection.execute(SHOW, shown)
        renumbered += [
            row["row_id"]
            for row in shown
            if bool(row["new_audience"] & seen) != bool(before[row["row_id"]] & seen)
        ]
    if renumbered:
        _renumber(site_id, renumbered)
    _sum_digests(site_id)


def _shown(site_id: str, type_: str, names: Directory) -> Iterator[dict[str, Any]]:
    """Every record of a type as parameters of `SHOW`."""
    model = MODELS_BY_TYPE[type_]
    table = model.metadata.tables[model.__tablename__]
    records = db.session.execute(select(table).where(table.c.site_id == site_id)).mappings()
    for columns in map(dict, records):
        yield {
            "row_site": site_id,
            "row_id": columns["id"],
            "new_body": record_json(type_, columns, names),
            "new_audience": RECORD_TYPES[type_].audience(columns, names.roles_of),
        }


def _renumber(site_id: str, ids: list[str]) -> None:
    """Give these rows the next numbers of their site."""
    connection = db.session.connection()
    raised = update(HEADS).where(HEADS.c.site_id == site_id)
    raised = raised.values(head=HEADS.c.head + len(ids))
    head = connection.execute(raised.returning(HEADS.c.head)).scalar_one()
    numbered = enumerate(ids, start=head - len(ids) + 1)
    rows = [{"row_site": site_id, "row_id": id_, "new_seq": seq} for seq, id_ in numbered]
    connection.execute(NUMBER, rows)


def _sum_digests(site_id: str) -> None:
    """Replace the digests of a site: one for each audience that a row has now."""
    connection = db.session.connection()
    rows = select(FEED.c.audience, FEED.c.type, FEED.c.id, FEED.c.version)
    sums: dict[int, int] = defaultdict(int)
    for audience, *record in connection.execute(rows.where(FEED.c.site_id == site_id)):
        sums[audience] += record_fingerprint(*record)
    connection.execute(delete(DIGESTS).where(DIGESTS.c.site_id == site_id))
    values = [
        {"site_id": site_id, "audience": audience, "digest": digest_text(total)}
        for audience, total in sums.items()
    ]
    if values:
        connection.execute(insert(DIGESTS), values)
