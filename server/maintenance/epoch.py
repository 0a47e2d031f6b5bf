"""A database's first breath: its epoch."""

from __future__ import annotations

import secrets

from server.db.engine import db, write_transaction
from server.models.feed import ServerState

EPOCH_KEY = "epoch"


def new_epoch() -> str:
    """The name of a life that no database has had."""
    return secrets.token_hex(8)


def replace_epoch() -> None:
    """Another life of the database: every cursor and every phone notices."""
    with write_transaction():
        db.session.merge(ServerState(key=EPOCH_KEY, value=new_epoch()))


def ensure_epoch() -> None:
    """Give the database the name of its life, once; a restored one gets another."""
    with write_transaction():
        if db.session.get(ServerState, EPOCH_KEY) is None:
            db.session.add(ServerState(key=EPOCH_KEY, value=new_epoch()))
