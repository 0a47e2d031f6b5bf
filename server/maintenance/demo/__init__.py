"""Demo data in two sizes. All people, places and records are invented.

small: two sites, their people, schedules and planned work; built in seconds.
large: one site with 2,592 homes, 81 people and 32 days of history; built in minutes.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import current_app

from server.db.engine import db, write_transaction
from server.maintenance.demo import large, small
from server.maintenance.demo.ids import PASSWORD, demo_id
from server.models.feed import ServerState

__all__ = ["PASSWORD", "SIZES", "build", "demo_id", "demo_size", "main_site_id", "pins"]

SIZES = ("small", "large")
SIZE_KEY = "demo"
"""Row of `server_state` with the size of the demo; databases without demo data have no such row."""


def build(now: datetime | None = None, size: str = "small") -> None:
    """Build the demo sites of a size as of `now`. Building again changes nothing."""
    now = now or datetime.now(UTC)
    with write_transaction():  # first: from here on there are accounts with a public password
        db.session.merge(ServerState(key=SIZE_KEY, value=size))
    if size == "large":
        large.build(now)
    else:
        small.build(now)


def demo_size() -> str | None:
    """The size of the demo data in this database; None if it has none."""
    row = db.session.get(ServerState, SIZE_KEY)
    if row is None:
        return None
    return row.value if row.value in SIZES else "small"  # databases of earlier versions: "1"


def main_site_id() -> str:
    """The demo site that the front page offers a setup code for."""
    return large.SITE_ID if demo_size() == "large" else small.MAIN_SITE_ID


def pins() -> dict[str, str]:
    """PINs, by person id, of those whom the front page of a demo lists; else empty."""
    size = current_app.config.get("DEMO")
    if not size:
        return {}
    return large.listed_pins() if size == "large" else small.pins()
