"""What pages about homes share: which homes there are, who was inside, which phones may know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import request
from sqlalchemy import select

from server.db.engine import db
from server.i18n.locale import localize
from server.models.access import Device
from server.models.places import Unit
from sync.work.board import active_phones, may_hold_unsent

RECENT_CONTACT = timedelta(minutes=10)
"""A phone that spoke within this has spoken, as far as anybody can tell."""
MAX_PAGE = 100_000


def possibly_unsynced_phones(site_id: str, end: datetime) -> Sequence[Any]:
    """J6: phones that may still hold something from before that moment."""
    phones = db.session.scalars(Device.for_site(site_id)).all()
    return [phone for phone in active_phones(phones) if may_hold_unsent(phone, end)]


def certain_until(before: datetime | None, now: datetime) -> datetime:
    """J6: until when it can be known who was there: the end asked for, or just before now."""
    return min(before or now, now - RECENT_CONTACT)


def list_homes(site_id: str) -> Any:
    """Homes of a site by what they are called."""
    rows = db.session.execute(select(Unit.id, Unit.label).where(Unit.site_id == site_id)).all()
    return sorted(rows, key=lambda unit: localize(unit.label))


def requested_page() -> int:
    """The page that the reader asked for; no number is too large to be asked for."""
    return min(max(request.args.get("page", 1, type=int), 1), MAX_PAGE)
