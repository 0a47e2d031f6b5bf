"""What builders of documents read with: names, times, events of the log, and the foot of a page.

Nothing here depends on when a document is made: the same state gives the same document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import abort
from flask_babel import gettext
from sqlalchemy import select

from server.auth.access import current_user
from server.db.engine import db
from server.desk.certainty import certainties
from server.desk.documents.model import Event, Photo
from server.desk.labels import certainty_label
from server.desk.story import Event as StoryEvent
from server.desk.story import story_of
from server.i18n.local_time import format_local_time
from server.i18n.locale import duration_text, localize
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.models.places import Site
from server.oplog.directory import directory_of
from server.oplog.hash_chain import log_head
from sync.protocol.clock import SITE_ZONE, as_datetime
from sync.protocol.op import SERVER_AUTHOR_ID

NOTHING = "–"
LOGGED_ONLY = "access"
"""Ops of the security log change no record: taking a document is one of them."""

RECENT_OPS = 5_000
"""How many of the newest ops are looked through for one that changed a record."""


def full_time(time: datetime | str | None) -> str:
    """A local time with its date: 2026-11-24 09:05; "–" without one."""
    moment = as_datetime(time)
    return format_local_time(moment).replace("T", " ") if moment else NOTHING


def short_time(time: datetime | str | None) -> str:
    """A local time with month and day: 11-24 09:05; "" without one."""
    return full_time(time)[5:] if time else ""


def period(start: datetime, end: datetime) -> str:
    """From when to when: the day of the end is left out where it is the same."""
    first, last = full_time(start), full_time(end)
    return f"{first}–{last[11:] if last[:10] == first[:10] else last}"


def site_label() -> str:
    """The name of the current user's site."""
    site_id = current_user().site_id
    site = db.session.get(Site, (site_id, site_id)) or abort(404)
    return localize(site.label)


def person(id_: str | None) -> str:
    """The name of a person of the current user's site; "–" for nobody."""
    return directory_of(current_user().site_id).person_name(id_) or NOTHING


def area(id_: str | None) -> str:
    return localize(directory_of(current_user().site_id).area_label(id_)) or NOTHING


def home(id_: str | None) -> str:
    return localize(directory_of(current_user().site_id).unit_label(id_)) or NOTHING


def contractor(id_: str | None) -> str:
    return directory_of(current_user().site_id).contractor_name(id_) or NOTHING


def author(by: str | None, subject: str, at: datetime | str | None = None) -> str:
    """The name of somebody who did something to a record, and how sure it is that they did."""
    word = certainties().of(subject, by, at)
    return f"{person(by)} ({certainty_label(word)})" if word else person(by)


def words(*parts: str) -> str:
    """The parts that are not empty, with a blank between."""
    return " ".join(filter(None, parts))


def said(facts: Iterable[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """The facts that have a value."""
    return [(label, value) for label, value in facts if value and value != NOTHING]


def events(ops: Iterable[LoggedOp]) -> list[Event]:
    """What people did by ops that took effect, as sentences in the order in which it happened."""
    applied = [op for op in ops if op.status in APPLIED_STATUSES and op.by != SERVER_AUTHOR_ID]
    story = story_of(applied, newest=len(applied), times=full_time)
    return [_event(event) for event in story.shown]


def _event(event: StoryEvent) -> Event:
    """A sentence; then what else is said, how sure it is who did it, and if it arrived late."""
    line = event.line
    more = [f"{label}: {text}" for label, text in event.more]
    if line.certainty:
        more.append(certainty_label(line.certainty))
    if line.sync_delay:
        more.append(gettext("received %(span)s later", span=duration_text(line.sync_delay)))
    more.extend(line.flag_labels)
    shown = [Photo(name) for name in photos_named(line.op.payload)]
    sentence = event.sentence.striptags()
    return Event(
        full_time(line.op.occurred_at), sentence, [" · ".join(more)] if more else [], shown
    )


def photos_named(payload: Mapping[str, Any]) -> list[str]:
    """The hashes of the photos that a payload names, also those of single criteria."""
    shots, attached = payload.get("shots"), payload.get("sha256")
    by_criterion = shots.values() if isinstance(shots, dict) else ()
    named = [*(payload.get("photos") or ()), *(name for names in by_criterion for name in names)]
    return list(dict.fromkeys([*named, *([attached] if attached else [])]))


def newest_op() -> LoggedOp | None:
    """The newest op of the current user's site that changed a record, of the last RECENT_OPS."""
    site_id = current_user().site_id
    recent = LoggedOp.site_id == site_id, LoggedOp.place > log_head(site_id).judged - RECENT_OPS
    changed = LoggedOp.subject_type.is_distinct_from(LOGGED_ONLY)
    newest = select(LoggedOp).where(*recent, changed).order_by(LoggedOp.place.desc()).limit(1)
    found: LoggedOp | None = db.session.scalar(newest)
    return found


def as_of(op: LoggedOp | None) -> datetime:
    """The time for which a document holds whose newest op is this one."""
    return op.received_at if op else datetime.fromtimestamp(0, UTC)


def log_mark(ops: Sequence[LoggedOp]) -> str:
    """The foot of a document about these ops: the newest of them, its time, and its link in the
    log, with which it can be shown later that nothing before it was changed."""
    newest = max(ops, key=lambda op: op.place, default=None)
    if newest is None:
        return ""
    return gettext(
        "As of %(time)s · log entry %(place)s · %(link)s",
        time=full_time(newest.received_at),
        place=newest.place,
        link=newest.link,
    )


def site_mark() -> str:
    """The foot of a document about many records of the site."""
    newest = newest_op()
    return log_mark([newest] if newest else [])


def local_day(time: datetime) -> str:
    return time.astimezone(SITE_ZONE).date().isoformat()
