"""The scope of a phone: the records that it may hold, by its people."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import bindparam, select

from server.auth.device_people import active_people
from server.auth.devices import DeviceIdentity
from server.db.engine import db
from server.db.statements import SITE_PARAM
from server.models.access import Device
from server.models.feed import FeedRow, SiteHead
from server.oplog.directory import directory_of
from server.sync_api.cursor import Cursor
from sync.protocol.digest import add_to_digest, digest_text, record_fingerprint
from sync.protocol.roles import role_mask

SCOPES_KEY, DIGESTS_KEY = "lodge-scopes", "lodge-digests"
MAX_SCOPES = 2000
"""Scopes and digests that are kept: more than there are phones."""


SITE_POSITION = (
    select(SiteHead.head, SiteHead.floor, SiteHead.names_seq, Device.people_key)
    .join(Device, Device.site_id == SiteHead.site_id)
    .where(SiteHead.site_id == bindparam(SITE_PARAM), Device.id == bindparam("device"))
)

_cache_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class PhoneScope:
    """`roles` is the mask of the roles of a phone's people, `people` are their ids, `readers` these
    and the keys of their groups. A phone whose `token` changes starts again."""

    roles: int
    people: frozenset[str]
    readers: frozenset[str]
    token: str

    def includes(self, ids: str) -> bool:
        """Whether one of the phone's people or groups is among those that a column of the feed
        holds."""
        return not self.readers.isdisjoint(ids.split())

    def holds(self, audience: int, readers: str) -> bool:
        """Whether the phone holds a record with these columns."""
        return bool(audience & self.roles) or self.includes(readers)


def in_snapshot(phone: DeviceIdentity) -> DeviceIdentity:
    """Read everything that follows from one snapshot, which SQLite's read transactions always do.
    Returns the phone with its people and the site's position in that snapshot."""
    if db.engine.dialect.name != "sqlite":
        db.session.rollback()
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    asked = {SITE_PARAM: phone.site_id, "device": phone.id}
    head, floor, names_seq, people_key = db.session.execute(SITE_POSITION, asked).one()
    return phone._replace(head=head, floor=floor, names_seq=names_seq, people_key=people_key)


def phone_scope(phone: DeviceIdentity) -> PhoneScope:
    """The scope of a phone that was read `in_snapshot`; a revoked one holds nothing."""
    if phone.is_revoked:
        return PhoneScope(0, frozenset(), frozenset(), "0")
    key = phone.site_id, phone.people_key, phone.names_seq
    scope: PhoneScope | None = _cache(SCOPES_KEY).get(key)
    if scope is None:
        names = directory_of(phone.site_id, phone.names_seq)
        people = active_people(phone.site_id, phone.id, phone.people_key)
        roles = role_mask(role for id_ in people for role in names.roles_of(id_))
        readers = names.groups_of(people).union(people)
        text = f"{roles:x} {' '.join(sorted(readers))}"
        token = hashlib.sha256(text.encode()).hexdigest()[:16]
        scope = PhoneScope(roles, frozenset(people), readers, token)
        _store(SCOPES_KEY, key, scope)
    return scope


def fresh_digest(now: Cursor, scope: PhoneScope) -> str | None:
    """The digest of every record that phones of a scope hold, at this head of the feed.

    It reads all rows, so it is computed for each scope at most once in `DIGEST_SECONDS`; None while
    the feed has moved since.
    """
    key, clock = (now.site, scope.token), time.monotonic()
    position, made_at, digest = _cache(DIGESTS_KEY).get(key, (None, 0.0, ""))
    if position == (now.epoch, now.seq):
        return str(digest)
    if position and clock - made_at < current_app.config["DIGEST_SECONDS"]:
        return None
    digest = digest_of(now.site, scope)
    _store(DIGESTS_KEY, key, ((now.epoch, now.seq), clock, digest))
    return digest


def digest_of(site_id: str, scope: PhoneScope) -> str:
    """The digest of the rows of the feed that phones of a scope hold."""
    rows = select(FeedRow.type, FeedRow.id, FeedRow.version, FeedRow.audience, FeedRow.readers)
    total = 0
    for type_, id_, version, audience, readers in db.session.execute(
        rows.where(FeedRow.site_id == site_id, FeedRow.deleted.is_(False))
    ):
        if scope.holds(audience, readers):
            total = add_to_digest(total, record_fingerprint(type_, id_, version))
    return digest_text(total)


def _cache(name: str) -> dict[Any, Any]:
    """A cache of this application; only `_store` changes it."""
    cache: dict[Any, Any] = current_app.extensions.setdefault(name, {})
    return cache


def _store(name: str, key: Any, value: Any) -> None:
    """Remember a value; the oldest one goes where there are too many."""
    with _cache_lock:
        cache = _cache(name)
        cache[key] = value
        if len(cache) > MAX_SCOPES:
            del cache[next(iter(cache))]
