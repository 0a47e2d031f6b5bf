"""Rebuild a site's feed after an upgrade: how this version shows each record, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from server.db.engine import db
from server.models import MODELS_BY_TYPE
from server.models.directory import Directory
from server.models.feed import FeedRow, SiteHead
from server.oplog.publish import record_json
from server.oplog.record_scopes import PastScope, ScopeColumns, scope_columns, site_scope

FEED, HEADS = FeedRow.metadata.tables["feed"], SiteHead.metadata.tables["site_feed"]

SCOPE_COLUMNS = tuple(ScopeColumns.__annotations__)
ONE_ROW = (FEED.c.site_id == bindparam("row_site"), FEED.c.id == bindparam("row_id"))
REWRITE = update(FEED).where(*ONE_ROW).values({FEED.c.body: bindparam("new_body")})
REWRITE = REWRITE.values({FEED.c[name]: bindparam(f"new_{name}") for name in SCOPE_COLUMNS})
NUMBER = update(FEED).where(*ONE_ROW).values(seq=bindparam("new_seq"))


def rebuild_feed(site_id: str, names: Directory) -> None:
    """Write body and scope of every record anew, within the caller's transaction.

    A row gets a new number, so that phones pull it, only where phones of the site get it that could
    not see it, or lose it. Changed bodies reach phones by `FEED_VERSION`.
    """
    connection, now = db.session.connection(), datetime.now(UTC)
    rows = select(FEED.c.id, *(FEED.c[name] for name in SCOPE_COLUMNS))
    present = connection.execute(rows.where(FEED.c.site_id == site_id, FEED.c.deleted.is_(False)))
    before = {row.id: row for row in present}
    site = site_scope(site_id, names, MODELS_BY_TYPE, now)
    seen, renumbered = names.audience, []
    for type_ in MODELS_BY_TYPE:
        written = []
        for columns in _records(site_id, type_):
            if (was := before.get(columns["id"])) is None:
                continue
            scope = scope_columns(
                type_, columns, site, now, PastScope(was.seen_by, was.past_readers)
            )
            body = record_json(type_, columns, names)
            written.append(
                {"row_site": site_id, "row_id": was.id, "new_body": body}
                | {f"new_{name}": value for name, value in scope.items()}
            )
            appears = scope["audience"] & seen != was.audience & seen
            if appears or scope["readers"] != was.readers:
                renumbered.append(was.id)
        if written:
            connection.execute(REWRITE, written)
    if renumbered:
        renumber(site_id, renumbered)


def _records(site_id: str, type_: str) -> Iterator[dict[str, Any]]:
    """Every record of a type."""
    model = MODELS_BY_TYPE[type_]
    table = model.metadata.tables[model.__tablename__]
    records = db.session.execute(select(table).where(table.c.site_id == site_id)).mappings()
    yield from map(dict, records)


def renumber(site_id: str, ids: list[str]) -> None:
    """Give these rows the next numbers of their site."""
    connection = db.session.connection()
    raised = update(HEADS).where(HEADS.c.site_id == site_id)
    raised = raised.values(head=HEADS.c.head + len(ids))
    head = connection.execute(raised.returning(HEADS.c.head)).scalar_one()
    numbered = enumerate(ids, start=head - len(ids) + 1)
    rows = [{"row_site": site_id, "row_id": id_, "new_seq": seq} for seq, id_ in numbered]
    connection.execute(NUMBER, rows)
