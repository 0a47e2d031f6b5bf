"""Purging: visitors are forgotten after the site's time of keeping, everywhere, and only counted.

A purged record loses what is somebody's: in its row, in the text of every op about it, in merges,
in photos; phones let go of it at their next pull. What a case holds is left out. Purging again
changes nothing; the log stays explainable, because what is left is judged anew and written back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update

from server.db.engine import db, writing
from server.db.prepared import chunks, replace_rows
from server.models import (
    FeedRow,
    LoggedOp,
    Merge,
    Photo,
    PhotoLink,
    Purge,
    Regular,
    Release,
    Site,
    Visit,
)
from server.models.oplog import STANDING
from server.models.photos import GONE, LEAVING
from server.oplog import receive
from server.oplog.directory import names_of
from server.oplog.publish import body
from server.oplog.redaction import EMPTY, aside, scrubbed
from server.oplog.replay import replayed
from server.oplog.unit_of_work import Held, table_of
from server.photos import uploads
from sync import Accepted, Merged
from sync.protocol.conflict_resolution import plain

AT_ONCE = 50
KEPT_ASIDE = ("quarantined", "held", "refused")


@dataclass(slots=True)
class Counts:
    """How much a run has forgotten; what it left because a case holds it."""

    visits: int = 0
    releases: int = 0
    regulars: int = 0
    photos: int = 0
    asides: int = 0
    held: int = 0

    @property
    def any(self) -> bool:
        return bool(self.visits or self.releases or self.regulars or self.photos or self.asides)


def run(site_id: str, now: datetime) -> Counts:
    """V12, V13: forget what is over time at a site; note by count that it was forgotten."""
    days = db.session.scalar(select(Site.retention_days).where(Site.site_id == site_id)) or 30
    before, counts = now - timedelta(days=days), Counts()
    counts.held = _held(site_id, before)
    for type_, ids in _over(site_id, before).items():
        for chunk in chunks(ids, AT_ONCE):
            forgotten, gone = _forget(site_id, type_, chunk)
            setattr(counts, f"{type_}s", getattr(counts, f"{type_}s") + forgotten)
            counts.photos += gone
    counts.asides = _forget_asides(site_id, before)
    _burn(site_id)
    if counts.any:
        with writing():
            row = {"site_id": site_id, "at": now, "before": before, **asdict(counts)}
            db.session.execute(insert(Purge), [row])
    return counts


def _held(site_id: str, before: datetime) -> int:
    late = Visit.kept(site_id).where(Visit.retained_from < before, Visit.held_at.is_not(None))
    return db.session.scalar(select(func.count()).select_from(late.subquery())) or 0


def _over(site_id: str, before: datetime) -> dict[str, list[str]]:
    """Ids of what is over its time, by type; what belongs to a held visit stays with it."""
    held = select(Visit.id).where(Visit.site_id == site_id, Visit.held_at.is_not(None))
    over: dict[Any, tuple[ColumnElement[bool], ...]] = {
        Visit: (Visit.retained_from < before, Visit.held_at.is_(None)),
        Release: (
            func.coalesce(Release.passed_at, Release.recorded_at) < before,
            or_(Release.visit.is_(None), Release.visit.not_in(held)),
        ),
        Regular: (Regular.last_at < before,),
    }
    found: dict[str, list[str]] = {}
    for table, conditions in over.items():
        mine = table.site_id == site_id, table.purged_at.is_(None)
        found[table.__tablename__] = list(
            db.session.scalars(select(table.id).where(*mine, *conditions).order_by(table.id))
        )
    return found


def _forget(site_id: str, type_: str, ids: list[str]) -> tuple[int, int]:
    """Records of one type, with all that was ever said of them, in one transaction."""
    with writing():
        merges = _merges(site_id, ids)
        ops = [*_settled(merges), *(_purged(type_, id_) for id_ in ids)]
        answers = receive.post_within(site_id, ops)[-len(ids) :]
        done = [id_ for id_, told in zip(ids, answers, strict=True) if told["status"] == "applied"]
        for id_ in done:
            _rewrite(site_id, type_, id_, type_)
        for merge in merges:
            if merge.subject in done:
                _show(site_id, _rewrite(site_id, "merge", merge.id, type_))
        return len(done), _loosen(site_id, done)


def _merges(site_id: str, ids: list[str]) -> list[Any]:
    about = select(Merge.id, Merge.subject, Merge.settled_at)
    mine = about.where(Merge.site_id == site_id, Merge.subject.in_(ids))
    return list(db.session.execute(mine.order_by(Merge.id)).all())


def _settled(merges: Iterable[Any]) -> Iterable[dict[str, Any]]:
    """What waited for the desk is over as well: what stood, stands."""
    for merge in merges:
        if merge.settled_at is None:
            id_ = str(uuid5(UUID(merge.id), "purge"))
            yield receive.own("merge.settle", merge.id, {"take": "theirs"}, id=id_)


def _purged(type_: str, id_: str) -> dict[str, Any]:
    return receive.own(f"{type_}.purge", id_, {})


def _rewrite(site_id: str, type_: str, id_: str, of: str) -> Held:
    """The history of a record without what is somebody's, judged anew so that it explains it."""
    ops = LoggedOp.metadata.tables["op"]
    mine = select(ops).where(ops.c.site_id == site_id, ops.c.subject == id_)
    records: dict[str, Held] = {}
    rows = []
    for row in db.session.execute(mine.order_by(ops.c.place)).mappings():
        clean = {**row, **scrubbed(row, of)}
        if row["status"] in STANDING:
            verdict = replayed(site_id, records, SimpleNamespace(**clean))
            if not isinstance(verdict, Accepted | Merged):
                raise RuntimeError(f"op {row['id']} does not stand without what was purged")
            clean["changes"] = plain(verdict.changes)
        rows.append(clean)
    replace_rows(ops, ("site_id", "id"), rows)
    held = records[id_]
    row_ = {**vars(held.row), "version": held.version}
    replace_rows(table_of(type_), ("site_id", "id"), [row_])
    return held


def _show(site_id: str, merge: Held) -> None:
    """A merge stays at the desk, and no phone ever had it: its text is replaced in place."""
    text = body("merge", vars(merge.row), names_of(site_id))
    mine = FeedRow.site_id == site_id, FeedRow.id == merge.id
    db.session.execute(update(FeedRow).where(*mine).values(body=text))


def _loosen(site_id: str, ids: list[str]) -> int:
    """Photos of purged records that nothing else shows lose their row; their files go next."""
    mine = PhotoLink.site_id == site_id, PhotoLink.subject.in_(ids)
    names = set(db.session.scalars(select(PhotoLink.sha256).where(*mine)))
    db.session.execute(update(PhotoLink).where(*mine).values(subject_type=LEAVING))
    shown = select(PhotoLink.sha256).where(
        PhotoLink.site_id == site_id,
        PhotoLink.sha256.in_(names),
        PhotoLink.subject_type.not_in((LEAVING, GONE)),
    )
    free = names - set(db.session.scalars(shown))
    gone = delete(Photo).where(Photo.site_id == site_id, Photo.sha256.in_(free))
    db.session.execute(gone.execution_options(synchronize_session=False))
    return len(free)


def _burn(site_id: str) -> None:
    """Files after the commit: a crash between leaves links that say what is still to go."""
    leaving = PhotoLink.site_id == site_id, PhotoLink.subject_type == LEAVING
    names = set(db.session.scalars(select(PhotoLink.sha256).where(*leaving)))
    for sha256 in names:
        if uploads.here(site_id, sha256) is None or uploads.let_go(site_id, sha256):
            uploads.delete(site_id, sha256)
    if names:
        with writing():
            db.session.execute(update(PhotoLink).where(*leaving).values(subject_type=GONE))


def _forget_asides(site_id: str, before: datetime) -> int:
    """Ops about visitors that were never put in force: no record of theirs is purged."""
    ops = LoggedOp.metadata.tables["op"]
    records = select(FeedRow.id).where(FeedRow.site_id == site_id, FeedRow.id == ops.c.subject)
    old = (
        select(ops)
        .where(ops.c.site_id == site_id, ops.c.status.in_(KEPT_ASIDE))
        .where(ops.c.received_at < before, ops.c.body != EMPTY)
        .where(or_(ops.c.kind.like("visit.%"), ops.c.kind.like("release.%")))
        .where(or_(ops.c.subject.is_(None), ~records.exists()))
    )
    with writing():
        rows = [{**row, **aside(row)} for row in db.session.execute(old).mappings()]
        if rows:
            replace_rows(ops, ("site_id", "id"), rows)
    return len(rows)
