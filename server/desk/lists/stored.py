"""Stored filters: the words that stand in no address, and the views that people save."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import select

from server.db.engine import db, write_transaction
from server.desk.lists.context import ListContext
from server.models.list_filters import ListFilter
from sync.protocol.json_codec import canonical_json
from sync.protocol.normalise import plate_key

WEEK, MONTH = "week", "month"
"""How often a view is written to a file."""
ID_BYTES = 7
"""So much chance is in an id: it is short, and nobody guesses those of others."""


def find_filter(context: ListContext, list_name: str, id_: str) -> ListFilter | None:
    """The stored words or the saved view of a list under an id; None for a view of somebody else,
    and for what is gone."""
    found = db.session.get(ListFilter, (context.site_id, id_))
    if found is None or found.list_name != list_name:
        return None
    return found if found.owner_id in (None, context.person_id) else None


def store_words(context: ListContext, list_name: str, values: Mapping[str, str]) -> str:
    """The id under which these values are stored; "" if there are none."""
    said = {name: value for name, value in values.items() if value}
    if not said:
        return ""
    digest = sha256(canonical_json(said)).hexdigest()
    same = ListFilter.same(context.site_id, list_name, digest)
    with write_transaction():
        db.session.execute(ListFilter.expired(context.now))
        found: ListFilter | None = db.session.scalars(same.limit(1)).first()
        kept = found or _add(context, list_name, said, digest)
        kept.made_at = context.now
        return kept.id


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often a view is written to a file: `every` is "week" or "month"."""

    every: str
    format: str
    language: str


def save_view(
    context: ListContext,
    list_name: str,
    name: str,
    values: Mapping[str, str],
    *,
    for_site: bool,
    schedule: Schedule | None = None,
) -> ListFilter:
    """Save a view for the person, or for the site."""
    with write_transaction():
        view = _add(context, list_name, values, "")
        view.name, view.owner_id = name, None if for_site else context.person_id
        if schedule:
            view.every, view.format = schedule.every, schedule.format
            view.language = schedule.language
    return view


def delete_view(view: ListFilter) -> None:
    """Delete a saved view. Whoever has its address sees the list as it is by itself."""
    with write_transaction():
        db.session.delete(db.session.merge(view))


def delete_filters_naming(site_id: str, texts: Iterable[str]) -> None:
    """Delete the stored filters of a site that look for one of these texts, or for a part of it."""
    keys = {plate_key(text) for text in texts} - {""}
    with write_transaction():
        stored = select(ListFilter).where(ListFilter.site_id == site_id)
        for each in db.session.scalars(stored).all():
            words = [plate_key(word) for value in each.values.values() for word in value.split()]
            if any(
                len(word) > 1 and (word in key or key in word) for word in words for key in keys
            ):
                db.session.delete(each)


def list_views(context: ListContext, list_name: str) -> Sequence[ListFilter]:
    """The saved views of a list that a person sees."""
    query = ListFilter.views(context.site_id, list_name, context.person_id)
    return db.session.scalars(query).all()


def _add(
    context: ListContext, list_name: str, values: Mapping[str, str], digest: str
) -> ListFilter:
    added = ListFilter(
        site_id=context.site_id,
        id=secrets.token_urlsafe(ID_BYTES),
        list_name=list_name,
        values=dict(values),
        digest=digest,
        made_by_id=context.person_id,
        made_at=datetime.now(UTC),
    )
    db.session.add(added)
    return added
