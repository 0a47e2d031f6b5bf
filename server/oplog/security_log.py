"""Writes the security log: who did what that concerns access or personal data, and from where.

Each entry is an `access.*` op in the hash chain of its site. It is written in the transaction of
the caller where there is one, so that nothing happens without its entry.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from flask import g, has_request_context, request
from sqlalchemy import delete, func, select
from uuid_utils.compat import uuid7

from server.db.engine import db, write_transaction
from server.db.statements import chunks
from server.models.access import Device
from server.models.credentials import Credential
from server.models.feed import ServerState, SiteHead
from server.models.security_log import AccessCount
from server.oplog.receive import lock_site, make_op, submit_in_transaction
from server.oplog.sealed_rows import seal, seals_of_keys, sites_of_person, unsealed_rows
from sync.accountability.security_log import (
    ACTIONS,
    COUNTED_EVENTS,
    MAX_DETAIL_ITEMS,
    MAX_DETAIL_LENGTH,
    MAX_SEALS,
)
from sync.protocol.json_codec import canonical_json
from sync.protocol.message_fields import MAX_SAFE_INTEGER
from sync.protocol.op import SERVER_AUTHOR_ID

WINDOW = timedelta(minutes=10)
"""The same event again within this time is counted in one entry."""

SEALED_KEY = "rows_sealed"
"""Row of `server_state`: the accounts and phones of an earlier version have their digests."""

MAX_ENTRIES_PER_WINDOW = 20
"""So many entries of one counted event a window; what differs only in its address or account after
that is counted in one more entry, so that guessing from many addresses does not fill the log."""


def log_access(
    event: str,
    *,
    site_id: str | None,
    by: str | None,
    about: str | None = None,
    device: str | None = None,
    keys_at: datetime | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write an entry of the security log, within a `write_transaction` of the caller or its own.

    `event` is one of `sync.accountability.security_log.EVENTS`. `site_id` None: at every site where
    `about`, or else `by`, works, and at every site of the server if that is nobody. `by` is the
    person who did it, None if nobody signed in. `about` is the person whose account it concerns,
    `device` the phone: the digests of their rows are written too, so call this after the change.
    `keys_at`: of their keys too, as far as they were registered, activated or revoked at this time.
    `details` are short texts and numbers; never a password, PIN, code or what was searched for.
    An `action` among them is one of `sync.accountability.security_log.ACTIONS`; raises KeyError for
    another one, which no page could put into words.
    """
    if details and "action" in details:
        _ = ACTIONS[details["action"]]
    payload: dict[str, Any] = {
        "about_id": about,
        "device_id": device or _requesting_device(),
        **_origin(),
        "details": {name: _cleaned(value) for name, value in (details or {}).items()},
    }
    with write_transaction():
        seals = (
            about and seal("account", about),
            device and seal("device", device),
        )
        whose = [Credential.person_id == about, Credential.device_id == device]
        for site in [site_id] if site_id else _sites(about or by):
            keys = seals_of_keys(site, keys_at, *whose) if keys_at else []
            first, *more = list(chunks([*filter(None, seals), *keys], MAX_SEALS)) or [[]]
            _write(site, event, by, {**payload, "seals": first})
            for chunk in more:  # of a phone that many people have unlocked
                _write(site, "credential", by, {**payload, "seals": chunk})


def seal_older_rows() -> None:
    """Write the digests of accounts and phones of a version that wrote none. Once only: later, a
    row without a digest was added by hand."""
    if db.session.get(ServerState, SEALED_KEY) is None:
        seal_rows()


def seal_rows() -> None:
    """Write the digest of every account, phone and key that has none yet."""
    with write_transaction():
        by_site: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for present in unsealed_rows():
            name, key = present["row"].split("/", 1)
            device = db.session.get(Device, key) if name == "device" else None
            sites = [key.split("/")[0]] if name == "credential" else sites_of_person(key)
            for site_id in [device.site_id] if device else sites:
                by_site[site_id].append(present)
        for site_id, seals in by_site.items():
            for chunk in chunks(seals, MAX_SEALS):
                _write(site_id, "baseline", None, {**_origin(), "seals": chunk})
        db.session.merge(ServerState(key=SEALED_KEY, value="1"))


def flush_counts(site_id: str, now: datetime) -> int:
    """Write the final count of every event whose window is over; returns how many were."""
    over = AccessCount.site_id == site_id, AccessCount.since <= now - WINDOW
    if not db.session.execute(select(AccessCount.key).where(*over).limit(1)).first():
        return 0
    with write_transaction():
        counters = db.session.scalars(select(AccessCount).where(*over)).all()
        for counter in counters:
            _write_count(counter)
        db.session.execute(delete(AccessCount).where(*over))
        return len(counters)


def _write(site_id: str, event: str, by: str | None, payload: dict[str, Any]) -> None:
    entry_id = str(uuid7())
    if event in COUNTED_EVENTS:
        lock_site(site_id)
        payload = _uncounted(site_id, event, by, {**payload, "seals": []}, entry_id)
        if not payload:
            return
    op = make_op(f"access.{event}", entry_id, payload, by=by or SERVER_AUTHOR_ID)
    answer = submit_in_transaction(site_id, [op])[0]
    if answer["status"] != "applied":
        raise ValueError(f"access.{event} was {answer['status']}: {answer.get('text')}")


def _uncounted(
    site_id: str, event: str, by: str | None, payload: dict[str, Any], entry_id: str
) -> dict[str, Any]:
    """The payload of a new entry, or nothing where an entry of this window counts the event.

    Beyond MAX_ENTRIES_PER_WINDOW, without what tells the entries apart.
    """
    now = datetime.now(UTC)
    if _is_repetition(site_id, _count_key(event, by, payload), now):
        return {}
    recent = AccessCount.since > now - WINDOW
    entries = select(func.count()).where(
        AccessCount.site_id == site_id, AccessCount.event == event, recent
    )
    if (db.session.scalar(entries) or 0) >= MAX_ENTRIES_PER_WINDOW:
        payload |= {"about_id": None, "address": None, "details": {"many": True}}
        if _is_repetition(site_id, _count_key(event, by, payload), now):
            return {}
    key = _count_key(event, by, payload)
    former = db.session.get(AccessCount, (site_id, key))
    if former:
        _write_count(former)
        former.entry_id, former.since, former.count = entry_id, now, 1
    else:
        new = {"key": key, "event": event, "entry_id": entry_id, "since": now, "count": 1}
        db.session.add(AccessCount(site_id=site_id, **new))
    return payload


def _count_key(event: str, by: str | None, payload: Mapping[str, Any]) -> str:
    """A hash of what is the same in all events of one entry."""
    return hashlib.sha256(canonical_json([event, by, dict(payload)])).hexdigest()


def _is_repetition(site_id: str, key: str, now: datetime) -> bool:
    """Count the event if an entry of this window has it; whether one has."""
    counter = db.session.get(AccessCount, (site_id, key))
    if counter is None or now - counter.since >= WINDOW:
        return False
    counter.count += 1
    return True


def _write_count(counter: AccessCount) -> None:
    if counter.count > 1:
        op = make_op("access.count", counter.entry_id, {"count": counter.count})
        submit_in_transaction(counter.site_id, [op])


def _sites(person: str | None) -> Sequence[str]:
    if person:
        return sites_of_person(person)
    return db.session.scalars(select(SiteHead.site_id)).all()


def _origin() -> dict[str, str | None]:
    """Through what this is done, and the network address of the request."""
    if has_request_context():
        origin = "phone" if request.path.startswith("/sync/") else "desk"
        return {"origin": origin, "address": (request.remote_addr or "")[:64] or None}
    in_command = click.get_current_context(silent=True)
    return {"origin": "command_line" if in_command else "server", "address": None}


def _requesting_device() -> str | None:
    phone = g.get("device") if has_request_context() else None
    return phone.id if phone else None


def _cleaned(value: Any) -> Any:
    """A number as it is; a text short, in one line, without control characters."""
    if isinstance(value, int | None) and abs(value or 0) <= MAX_SAFE_INTEGER:
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(str(inner)) for inner in list(value)[:MAX_DETAIL_ITEMS]]
    text = "".join(char if char.isprintable() else "?" for char in str(value))
    return text[:MAX_DETAIL_LENGTH]
