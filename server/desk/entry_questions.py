"""What stands about the list of home entries: phones that may still send some, and exits that may
belong to an entry of another phone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from server.db.engine import db
from server.desk.homes import certain_until, possibly_unsynced_phones
from server.models.home_entries import HomeEntry
from server.oplog.directory import directory_of
from sync.gate.home_entries import possible_pairs

LOOKBACK = timedelta(days=7)
"""How long an exit is proposed to an entry, and joined ones are listed."""


def entry_questions(site_id: str, before: datetime | None, now: datetime) -> dict[str, Any]:
    """What the template of the list needs besides; `before` is the end of the period that is
    asked."""
    end = certain_until(before, now)
    return {
        "pairs": possible_pairs(db.session.scalars(HomeEntry.unpaired(site_id, now - LOOKBACK))),
        "joined": db.session.scalars(HomeEntry.joined_since(site_id, now - LOOKBACK)).all(),
        "unheard": possibly_unsynced_phones(site_id, end),
        "end": end,
        "names": directory_of(site_id),
    }
