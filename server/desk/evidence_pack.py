"""What the police get of a case: one archive, the same bytes each time it is made from one state.

Nothing in it tells when or by whom it was made: times are fixed, names are sorted, texts are
canonical, so whoever has it can hold it against a later one.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from sqlalchemy import select

from server.db.engine import db
from server.models.directory import Directory
from server.models.home_entries import HomeEntry
from server.models.home_entries import phone_body as entry_body
from server.models.lost_property import LostProperty
from server.models.oplog import LoggedOp
from server.oplog.directory import directory_of
from server.oplog.receive import ops_about
from server.photos import uploads
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.json_codec import canonical_json
from sync.service.lost_property import case_timeline

ARCHIVE_TIME = (1980, 1, 1, 0, 0, 0)
"""The only time that an archive of ours knows: it says nothing."""

EXCLUDED_COLUMNS = ("photos_here", "site_id")
"""What of a record tells of our store, and not of the case."""


def pack(case: LostProperty) -> bytes:
    """Q9: timeline, entries, statements, photos and the hash of each, in one archive."""
    files = contents(case)
    sums = "".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files))
    return archive({**files, "SHA256SUMS": sums.encode()})


def contents(case: LostProperty) -> dict[str, bytes]:
    """Every file of the archive but the list of hashes."""
    names, ops = directory_of(case.site_id), ops_about(case.site_id, case.id)
    shots, absent = _photos(case)
    told = {
        "timeline.json": [_op_fields(op, names) for op in ops],
        "entries.json": {"lists": case.lists, "records": _entries(case, names)},
        "statements.json": _with_author_names(case.statements, names),
    }
    files = {name: canonical_json(to_json_value(value)) for name, value in told.items()} | shots
    hashes = {name: sha256(content) for name, content in files.items()}
    manifest = {"case": _record(case, names), "files": hashes, "photos_not_here": absent}
    return {**files, "manifest.json": canonical_json(to_json_value(manifest))}


def archive(files: Mapping[str, bytes]) -> bytes:
    """Files as one ZIP, sorted, stored as they are, without a time of making."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, ARCHIVE_TIME)
            entry.external_attr, entry.create_system = 0o644 << 16, 3
            packed.writestr(entry, files[name])
    return out.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _record(case: LostProperty, names: Directory) -> dict[str, Any]:
    """The case as it stands, with the names of those whose ids it holds."""
    columns = [
        column.key
        for column in LostProperty.__table__.columns
        if column.key not in EXCLUDED_COLUMNS
    ]
    return {
        **{name: getattr(case, name) for name in columns},
        "unit_label": names.unit_label(case.unit),
        "first_responder": names.person_name(case.first_responder_id),
        "contractor": names.contractor_name(case.contractor_id),
        "accountable": names.person_name(case.accountable_id),
        "story": _with_author_names(case_timeline(vars(case)), names),
    }


def _with_author_names(
    lines: Sequence[Mapping[str, Any]], names: Directory
) -> list[dict[str, Any]]:
    return [{**line, "by": names.person_name(line["by_id"])} for line in lines]


def _op_fields(op: LoggedOp, names: Directory) -> dict[str, Any]:
    """One op as it lies in the log: what was done, by whom, when, and what became of it."""
    return {
        "id": op.id,
        "kind": op.kind,
        "by": names.person_name(op.by) or op.by,
        "at": op.occurred_at,
        "received_at": op.received_at,
        "payload": op.payload,
        "hash": op.hash,
        "status": op.status,
        "place": op.place,
    }


def _entries(case: LostProperty, names: Directory) -> list[dict[str, Any]]:
    """The entries of the newest list, as they are known now."""
    listed = list(case.lists[-1].get("entries", {})) if case.lists else []
    mine = HomeEntry.site_id == case.site_id, HomeEntry.id.in_(listed)
    rows = db.session.scalars(
        select(HomeEntry).where(*mine).order_by(HomeEntry.in_at, HomeEntry.id)
    )
    columns = [column.key for column in HomeEntry.__table__.columns]
    return [entry_body({name: getattr(row, name) for name in columns}, names) for row in rows]


def _photos(case: LostProperty) -> tuple[dict[str, bytes], list[str]]:
    """Pictures that are here, by the name of their file, and the hashes of those that are not."""
    here = [name for name in case.photos if uploads.find_photo(case.site_id, name)]
    shots = {f"photos/{n}.jpg": uploads.read_photo(case.site_id, n) for n in here}
    return shots, sorted(set(case.photos) - set(here))
