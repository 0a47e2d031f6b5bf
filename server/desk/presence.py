"""Who was in a home: the home entries, and the visitors whom the gate let in for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from server.db.engine import db
from server.desk.labels import value_label
from server.i18n.local_time import format_local_time
from server.models.directory import Directory
from server.models.home_entries import HomeEntry
from server.models.visits import Visit
from sync.gate.home_entries import party_key

MAX_PRESENCES = 200


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody was in a home, or on the way to it. `id` is that of the home entry or visit."""

    id: str
    since: datetime
    party: str
    person: str
    text: str
    purpose: str | None


def presences(
    site_id: str, unit: str | None, since: datetime, before: datetime, names: Directory
) -> list[Presence]:
    """Q3: who was in a home between two times, by time. Voided entries, purged visits, and visits
    that a home entry names are left out."""
    if unit is None:
        return []
    entries = HomeEntry.search(site_id, unit=unit, since=since, before=before)
    visits = Visit.search(site_id, unit=unit, since=since, before=before)
    entries = entries.where(HomeEntry.struck_at.is_(None))
    visits = visits.where(Visit.arrived_at.is_not(None))
    found = list(db.session.scalars(entries.limit(MAX_PRESENCES)))
    named = {entry.visit for entry in found}
    visitors = [v for v in db.session.scalars(visits.limit(MAX_PRESENCES)) if v.id not in named]
    listed = [_of_entry(entry, names) for entry in found]
    parties = {each.person: each.party for each in listed}
    both = [*listed, *(_of_visit(visit, parties) for visit in visitors)]
    return sorted(both, key=lambda each: (each.since, each.id))[:MAX_PRESENCES]


def listed_visits(site_id: str, ids: Iterable[str]) -> list[Visit]:
    """The visits with these ids, by their arrival."""
    query = select(Visit).where(Visit.site_id == site_id, Visit.id.in_(list(ids)))
    return list(db.session.scalars(query.order_by(Visit.arrived_at, Visit.id)))


def entry_texts(sheet: Mapping[str, Any]) -> list[str]:
    """The lines of a list of who was in a home, each with what the entry was for."""
    purposes = sheet.get("purposes") or {}
    return [
        " · ".join(filter(None, (text, value_label("lost", "purposes", purposes.get(id_, "")))))
        for id_, text in (sheet.get("entries") or {}).items()
    ]


def _of_entry(entry: HomeEntry, names: Directory) -> Presence:
    who = names.person_name(entry.worker_id) or entry.worker or "?"
    person = _with_firm(who, names.contractor_name(entry.contractor))
    text = f"{_span(entry.in_at, entry.out_at)} · {person}"[:240]
    party = party_key(vars(entry))
    return Presence(entry.id, entry.known_at, party, person, text, entry.purpose)


def _of_visit(visit: Visit, parties: Mapping[str, str]) -> Presence:
    """A visit. Whoever has the name and firm of a home entry's worker is the same party."""
    assert visit.arrived_at is not None
    person = _with_firm(visit.visitor, visit.firm)
    text = f"{_span(visit.arrived_at, visit.departed_at)} · {person}"[:240]
    party = parties.get(person, f"|{visit.visitor}")
    return Presence(visit.id, visit.arrived_at, party, person, text, visit.purpose)


def _with_firm(who: str, firm: str | None) -> str:
    return f"{who} ({firm})"[:80] if firm else who[:80]


def _span(since: datetime | None, until: datetime | None) -> str:
    """From when until when; "…" where that is not known."""
    times = (format_local_time(time).replace("T", " ") if time else "…" for time in (since, until))
    return " – ".join(times)
