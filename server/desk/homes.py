"""Shared by searches over time: phones that may still send records, and paging."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import request
from flask_babel import gettext

from server.db.engine import db
from server.models.access import Device
from server.models.directory import Directory
from sync.protocol.normalise import home_key
from sync.work.board import active_phones, may_hold_unsent

RECENT_CONTACT = timedelta(minutes=10)
"""A phone with a contact this recent counts as up to date."""
MAX_PAGE = 100_000


def possibly_unsynced_phones(site_id: str, end: datetime) -> Sequence[Any]:
    """J6: phones that may still hold unsent records from before `end`."""
    phones = db.session.scalars(Device.for_site(site_id)).all()
    return [phone for phone in active_phones(phones) if may_hold_unsent(phone, end)]


def certain_until(before: datetime | None, now: datetime) -> datetime:
    """J6: until when the answer can be complete: `before`, at most RECENT_CONTACT ago."""
    return min(before or now, now - RECENT_CONTACT)


def find_home(names: Directory, typed: str) -> str | None:
    """The id of the home that is called so, however its number is written; None without one."""
    key = home_key(typed)
    for id_, label in names.units.items():
        if key in {home_key(text) for text in label.values()}:
            return id_
    return None


def no_such_home(typed: str) -> str:
    """What a form says of a home that does not exist."""
    return gettext("No home is called %(typed)s. Write it as on its door.", typed=typed)


def requested_page() -> int:
    """The page number of the request, between 1 and MAX_PAGE."""
    return min(max(request.args.get("page", 1, type=int), 1), MAX_PAGE)
