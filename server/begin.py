"""A database's first breath: its epoch."""

from __future__ import annotations

import secrets

from server.db import db, writing
from server.tables import ServerState


def begin_epoch() -> None:
    """Give the database the name of its life, once; a restored one gets another."""
    with writing():
        if db.session.get(ServerState, "epoch") is None:
            db.session.add(ServerState(key="epoch", value=secrets.token_hex(8)))
