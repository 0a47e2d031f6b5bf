"""The epoch: an identifier of the database that changes when its history may have changed."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select

from server.db.engine import db, write_transaction
from server.models.feed import EPOCH_END, EPOCH_KEY, ServerState, SiteHead

STATE = ServerState.metadata.tables["server_state"]


def replace_epoch() -> None:
    """Begin a new epoch: phones load everything again and re-upload what the server lost."""
    with write_transaction():
        begin_epoch(db.session.connection())


def begin_epoch(connection: Connection) -> None:
    """The same, within a transaction of the caller. Where the log of each site ended in the old
    epoch is stored, because phones know its links."""
    old = connection.execute(select(STATE.c.value).where(STATE.c.key == EPOCH_KEY)).scalar()
    heads = connection.execute(select(SiteHead.site_id, SiteHead.judged))
    end = {
        "at": datetime.now(UTC).isoformat(),
        "places": {row.site_id: row.judged for row in heads},
    }
    values = {EPOCH_KEY: secrets.token_hex(8)}
    values |= {f"{EPOCH_END}{old}": json.dumps(end)} if old else {}
    connection.execute(delete(STATE).where(STATE.c.key.in_(values)))
    connection.execute(insert(STATE), [{"key": k, "value": v} for k, v in values.items()])


def epoch_ends() -> list[str]:
    """How each earlier epoch in which there were sites ended, the first one first: its name, and
    the SHA-256 of where the log of each site was."""
    rows = db.session.execute(
        select(STATE.c.key, STATE.c.value).where(STATE.c.key.startswith(EPOCH_END))
    )
    ends = [(json.loads(value), key.removeprefix(EPOCH_END), value) for key, value in rows]
    return [
        f"{epoch} {hashlib.sha256(value.encode()).hexdigest()}"
        for end, epoch, value in sorted(ends, key=lambda each: str(each[0]["at"]))
        if end["places"]
    ]


def ensure_epoch() -> None:
    """Set the first epoch of a new database; does nothing if there is one."""
    with write_transaction():
        if db.session.get(ServerState, EPOCH_KEY) is None:
            begin_epoch(db.session.connection())
