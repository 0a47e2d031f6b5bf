"""The epoch: an identifier of the database that changes when its history may have changed."""

from __future__ import annotations

import secrets

from server.db.engine import db, write_transaction
from server.models.feed import ServerState

EPOCH_KEY = "epoch"


def new_epoch() -> str:
    """A random epoch."""
    return secrets.token_hex(8)


def replace_epoch() -> None:
    """Begin a new epoch: phones load everything again and re-upload what the server lost."""
    with write_transaction():
        db.session.merge(ServerState(key=EPOCH_KEY, value=new_epoch()))


def ensure_epoch() -> None:
    """Set the first epoch of a new database; does nothing if there is one."""
    with write_transaction():
        if db.session.get(ServerState, EPOCH_KEY) is None:
            db.session.add(ServerState(key=EPOCH_KEY, value=new_epoch()))
