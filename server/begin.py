"""A database's first breath: its epoch."""

from __future__ import annotations

import secrets

from server.db import db, writing
from server.tables import ServerState

EPOCH = "epoch"


def begin_anew() -> None:
    """Another life of the database: every cursor and every phone notices."""
    with writing():
        row = db.session.get(ServerState, EPOCH)
        if row is not None:
            db.session.delete(row)
    begin_epoch()


def begin_epoch() -> None:
    """Give the database the name of its life, once; a restored one gets another."""
    with writing():
        if db.session.get(ServerState, EPOCH) is None:
            db.session.add(ServerState(key=EPOCH, value=secrets.token_hex(8)))
