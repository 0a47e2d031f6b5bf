"""Publishing: what changed gets the site's next numbers and its JSON, ready to send."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import bindparam, select, update

from server.db.engine import db
from server.db.prepared import SITE, Among, Read, insert_rows, replace_rows
from server.models import BODIES, RECORDS, FeedDigest, FeedRow, Names, SiteFeed
from sync import TYPES
from sync.protocol.digest import add, fingerprint, text
from sync.protocol.hash_chain import compact

FEED, HEADS = FeedRow.metadata.tables["feed"], SiteFeed.metadata.tables["site_feed"]
DIGESTS = FeedDigest.metadata.tables["feed_digest"]
KEPT = Read(
    select(DIGESTS.c.audience, DIGESTS.c.digest).where(
        DIGESTS.c.site_id == bindparam(SITE), Among(DIGESTS.c.audience, "audiences")
    )
)


class Shown(NamedTuple):
    """A record's row of the feed, without its body."""

    id: str
    type: str
    version: int
    audience: int
    seen_by: int


class Published(Protocol):
    """What the feed needs to know of a changed record."""

    type: str
    id: str
    row: Any
    version: int
    new: bool
    gone: bool
    before: Shown | None


def publish(
    site_id: str,
    records: Sequence[Published],
    names: Names,
    *,
    log: Mapping[str, Any],
    renamed: bool,
) -> dict[str, int]:
    """Give every changed record the next number of its site and replace its row of the feed.

    The head is raised last in the transaction and its row stays locked until the commit, so the
    order of the numbers is the order of the commits and no reader's cursor skips one. `log` is
    how far the site's log has come with this batch. Says which number each record was given.
    """
    rows = [_row(site_id, record, names) for record in records]
    before = {record.id: record.before for record in records if record.before}
    _raise_digests(site_id, rows, before.values())
    raised = {**log, "head": HEADS.c.head + len(rows)}
    if renamed:
        raised["names_seq"] = HEADS.c.head + len(rows)
    raising = update(HEADS).where(HEADS.c.site_id == site_id).values(raised)
    head = db.session.connection().execute(raising.returning(HEADS.c.head)).scalar_one()
    for seq, row in enumerate(rows, start=head - len(rows) + 1):
        row["seq"] = seq
    replace_rows(FEED, ("site_id", "id"), [row for row in rows if row["id"] in before])
    insert_rows(FEED, [row for row in rows if row["id"] not in before])
    return {row["id"]: row["seq"] for row in rows}


def _row(site_id: str, record: Published, names: Names) -> dict[str, Any]:
    columns = vars(record.row)
    type_ = TYPES[record.type]
    audience = type_.audience(columns, names.roles_of)
    return {
        "site_id": site_id,
        "type": record.type,
        "id": record.id,
        "version": record.version,
        "deleted": record.gone,
        "audience": 0 if record.gone else audience,
        "seen_by": audience | (record.before.seen_by if record.before else 0),
        "body": "null" if record.gone else body(record.type, columns, names),
    }


def body(type_: str, columns: Mapping[str, Any], names: Names) -> str:
    """A record as it goes out: JSON in ASCII, so that every database takes it."""
    shown = {
        **BODIES[type_](columns, names),
        "type": type_,
        "state": TYPES[type_].state(columns),
        "opens": TYPES[type_].opens(columns),
        "until": TYPES[type_].until(columns),
    }
    return compact(shown)


def _raise_digests(site_id: str, rows: list[dict[str, Any]], before: Iterable[Shown]) -> None:
    news: dict[int, int] = defaultdict(int)
    for row in rows:
        news[row["audience"]] += fingerprint(row["type"], row["id"], row["version"])
    for was in before:
        news[was.audience] -= fingerprint(was.type, was.id, was.version)
    connection = db.session.connection()
    kept = KEPT.rows(connection, **{SITE: site_id, "audiences": list(news)})
    sums = {audience: int(digest, 16) for audience, digest in kept}
    values = [
        {"site_id": site_id, "audience": a, "digest": text(add(sums.get(a, 0), new))}
        for a, new in news.items()
    ]
    replace_rows(DIGESTS, ("site_id", "audience"), [v for v in values if v["audience"] in sums])
    insert_rows(DIGESTS, [value for value in values if value["audience"] not in sums])


def digest_for(site_id: str, audience: int) -> str:
    """The digest of everything that a reader may see."""
    rows = select(FeedDigest.audience, FeedDigest.digest).where(FeedDigest.site_id == site_id)
    seen = (int(digest, 16) for mask, digest in db.session.execute(rows) if mask & audience)
    return text(add(0, *seen))


def redraw(site_id: str, names: Names) -> None:
    """Write every body anew, as this version shows it; phones start anew by `FEED_VERSION`."""
    for type_, model in RECORDS.items():
        table = model.metadata.tables[model.__tablename__]
        rows = db.session.execute(select(table).where(table.c.site_id == site_id)).mappings()
        drawn = [{"drawn": body(type_, dict(row), names), "which": row["id"]} for row in rows]
        mine = (FeedRow.site_id == site_id, FeedRow.id == bindparam("which"))
        anew = update(FeedRow.__table__).where(*mine, FeedRow.deleted.is_(False))  # type: ignore[arg-type]
        if drawn:
            db.session.connection().execute(anew.values(body=bindparam("drawn")), drawn)
