"""A database's first breath: its epoch."""

from __future__ import annotations

import secrets

from server.db.engine import db, writing
from server.models import ServerState

EPOCH = "epoch"


def new_life() -> str:
    """The name of a life that no database has had."""
    return secrets.token_hex(8)


def begin_anew() -> None:
    """Another life of the database: every cursor and every phone notices."""
    with writing():
        db.session.merge(ServerState(key=EPOCH, value=new_life()))


def begin_epoch() -> None:
    """Give the database the name of its life, once; a restored one gets another."""
    with writing():
        if db.session.get(ServerState, EPOCH) is None:
            db.session.add(ServerState(key=EPOCH, value=new_life()))
