"""The police handover pack of a case: a ZIP archive, byte-identical for the same state.

Nothing in it depends on when or by whom it was made: times are fixed, names sorted, JSON canonical.
So an archive can be compared with a later one.
"""

from __future__ import annotations

import hashlib
import zipfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

from flask import render_template
from sqlalchemy import select

from server.db.engine import db
from server.desk.certainty import Certainties
from server.desk.presence import entry_texts, listed_visits
from server.i18n.languages import language_codes
from server.i18n.local_time import format_local_time
from server.i18n.locale import current_language, in_language
from server.models import PHONE_BODIES
from server.models.directory import Directory
from server.models.home_entries import HomeEntry
from server.models.lost_property import LostProperty
from server.models.oplog import LoggedOp
from server.models.visits import Visit
from server.oplog.certainty import certainty_of_op
from server.oplog.directory import directory_of
from server.oplog.receive import ops_about
from server.photos import uploads
from sync.protocol.clock import as_datetime
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.json_codec import canonical_json
from sync.service.lost_property import case_timeline, state

ARCHIVE_TIME = (1980, 1, 1, 0, 0, 0)
"""The modification time of every file in an archive: the earliest that ZIP can store."""

EXCLUDED_COLUMNS = ("photos_here", "site_id")
"""Columns that are about storage, not about the case."""


def pack(case: LostProperty) -> bytes:
    """Q9: timeline, home entries, visits, statements, photos, their hashes, and a report for
    printing in each language, as one ZIP archive."""
    return packed(contents(case))


def packed(files: Mapping[str, bytes]) -> bytes:
    """The archive of these contents, with the hash of each."""
    sums = "".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files))
    return archive({**files, "SHA256SUMS": sums.encode()})


def contents(case: LostProperty) -> dict[str, bytes]:
    """The files of the archive by name, without SHA256SUMS."""
    names, ops = directory_of(case.site_id), ops_about(case.site_id, case.id)
    shots, absent = _photos(case)
    entry = _newest_entry(ops)
    documents = {
        "timeline.json": [_op_fields(op, names) for op in ops],
        "entries.json": {"lists": case.lists, "records": _entries(case, names)},
        "visits.json": _visits(case, names),
        "statements.json": _with_authors(case, case.statements, names),
    }
    files = {
        name: canonical_json(to_json_value(value)) for name, value in documents.items()
    } | shots
    for code in language_codes():
        files[report_name(code)] = in_language(
            code, lambda: _report(case, names, shots, absent, entry)
        )
    hashes = {name: sha256(content) for name, content in files.items()}
    manifest = {
        "case": _record(case, names),
        "files": hashes,
        "photos_not_here": absent,
        "log": entry,
    }
    return {**files, "manifest.json": canonical_json(to_json_value(manifest))}


def _newest_entry(ops: Sequence[LoggedOp]) -> dict[str, Any] | None:
    """The newest entry of the log about the case: its place, and its link, with which it can be
    proven later that the log up to there is still the same."""
    newest = max(ops, key=lambda op: op.place, default=None)
    return {"place": newest.place, "link": newest.link} if newest else None


def report_name(language: str) -> str:
    """The name of the printable file in a language."""
    return f"report.{language}.html"


def _report(
    case: LostProperty,
    names: Directory,
    shots: Mapping[str, bytes],
    absent: Sequence[str],
    entry: Mapping[str, Any] | None,
) -> bytes:
    """The case as one HTML file for printing, in the current language: it loads nothing, so that it
    opens on any computer, and its bytes depend on the case alone."""
    listed = entry_texts(case.lists[-1]) if case.lists else []
    page = render_template(
        "desk/lost_property/report.html",
        case=case,
        state=state(vars(case)),
        names=names,
        certainty_of=Certainties(case.site_id).of,
        listed=listed,
        story=case_timeline(vars(case)),
        photos={name: b64encode(content).decode() for name, content in sorted(shots.items())},
        absent=absent,
        entry=entry,
        hashes={name: sha256(content) for name, content in sorted(shots.items())},
        time=_full_time,
        language=current_language(),
    )
    return page.encode()


def _full_time(time: datetime | str | None) -> str:
    """A local time with its date and year."""
    moment = as_datetime(time)
    return format_local_time(moment).replace("T", " ") if moment else ""


def archive(files: Mapping[str, bytes]) -> bytes:
    """A ZIP of these files: sorted by name, not compressed, with ARCHIVE_TIME."""
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
    """The case's current values, with names beside ids."""
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
        "story": _with_authors(case, case_timeline(vars(case)), names),
    }


def _with_authors(
    case: LostProperty, lines: Sequence[Mapping[str, Any]], names: Directory
) -> list[dict[str, Any]]:
    """These lines with the name of each author, and how sure it is that they wrote it."""
    known = Certainties(case.site_id)
    return [
        {
            **line,
            "by": names.person_name(line["by_id"]),
            "certainty": known.of(case.id, line["by_id"], line["at"]),
        }
        for line in lines
    ]


def _op_fields(op: LoggedOp, names: Directory) -> dict[str, Any]:
    """One op of the log: kind, author and how sure that is, times, payload, hash and status."""
    return {
        "id": op.id,
        "kind": op.kind,
        "by": names.person_name(op.by) or op.by,
        "certainty": certainty_of_op(op.by, op.proof, op.device_id),
        "at": op.occurred_at,
        "received_at": op.received_at,
        "payload": op.payload,
        "hash": op.hash,
        "status": op.status,
        "place": op.place,
    }


def _entries(case: LostProperty, names: Directory) -> list[dict[str, Any]]:
    """The home entries of the newest list, with their current values."""
    listed = list(case.lists[-1].get("entries", {})) if case.lists else []
    conditions = HomeEntry.site_id == case.site_id, HomeEntry.id.in_(listed)
    rows = db.session.scalars(
        select(HomeEntry).where(*conditions).order_by(HomeEntry.by_time(), HomeEntry.id)
    )
    columns = [column.key for column in HomeEntry.__table__.columns]
    return [
        PHONE_BODIES["entry"]({name: getattr(row, name) for name in columns}, names) for row in rows
    ]


def _visits(case: LostProperty, names: Directory) -> list[dict[str, Any]]:
    """The visits of the newest list, with their current values."""
    listed = list(case.lists[-1].get("entries", {})) if case.lists else []
    columns = [column.key for column in Visit.__table__.columns]
    rows = listed_visits(case.site_id, listed)
    body = PHONE_BODIES["visit"]
    return [body({name: getattr(row, name) for name in columns}, names) for row in rows]


def _photos(case: LostProperty) -> tuple[dict[str, bytes], list[str]]:
    """The received photos by file name, and the hashes of those not received."""
    received = [name for name in case.photos if uploads.find_photo(case.site_id, name)]
    files = {f"photos/{n}.jpg": uploads.read_photo(case.site_id, n) for n in received}
    return files, sorted(set(case.photos) - set(received))
