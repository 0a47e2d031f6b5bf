"""Packs what is held about somebody, to be given to them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from io import StringIO

from flask_babel import gettext

from server.desk.evidence_pack import archive
from server.desk.personal_search import Found
from server.desk.spreadsheets import neutral
from server.oplog.hash_chain import log_head
from server.photos import uploads

Row = Mapping[str, str]


def pack(site_id: str, found: Sequence[Found], lists: Mapping[str, Sequence[Row]]) -> bytes:
    """A ZIP of what was found: everything as JSON, a table for each type, further lists by the name
    of their file, the photos, and where the log ended."""
    records = [
        {"type": each.type, "label": each.label, "state": each.state, "values": each.values}
        | {"fields": [{"label": label, "text": text} for label, text in each.fields]}
        for each in found
    ]
    content = json.dumps(records, ensure_ascii=False, indent=1, sort_keys=True)
    head = log_head(site_id)
    log = json.dumps({"place": head.judged, "link": head.link})
    files = {"records.json": content.encode(), "log.json": log.encode()}
    for type_ in dict.fromkeys(each.type for each in found):
        files[f"{type_}.csv"] = _table(
            [
                {gettext("State"): each.state, **dict(each.fields)}
                for each in found
                if each.type == type_
            ]
        )
    files |= {f"{name}.csv": _table(rows) for name, rows in lists.items() if rows}
    for sha256 in {name for each in found for name in each.photos}:
        if uploads.find_photo(site_id, sha256):
            files[f"photos/{sha256}.jpg"] = uploads.read_photo(site_id, sha256)
    return archive(files)


def _table(rows: Sequence[Row]) -> bytes:
    """One line a record, one column a field. A cell that a spreadsheet would compute is text."""
    headings = list(dict.fromkeys(heading for row in rows for heading in row))
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(headings)
    writer.writerows([neutral(row.get(heading, "")) for heading in headings] for row in rows)
    return out.getvalue().encode("utf-8-sig")
