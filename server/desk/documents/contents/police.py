"""The handover of a lost item to the police: the pack for printing, with its hashes."""

from __future__ import annotations

from flask_babel import gettext

from server.auth.access import get_or_404
from server.desk import evidence_pack
from server.desk.documents.document_type import DocumentType
from server.desk.documents.lost_property import case_facts, entered, photos_of, statements
from server.desk.documents.model import Document, Section, Story, Table
from server.desk.documents.sources import (
    NOTHING,
    author,
    events,
    full_time,
    log_mark,
    site_label,
    words,
)
from server.models.lost_property import LostProperty
from server.oplog.receive import ops_about
from sync.protocol.roles import DESK_ROLES


def build(id_: str) -> Document:
    case = get_or_404(LostProperty, id_)
    ops = ops_about(case.site_id, case.id)
    return Document(
        words(gettext("Handover to the police"), case.item),
        subtitle=site_label(),
        facts=case_facts(case),
        sections=[
            entered(case),
            statements(case),
            Section(gettext("What happened"), [Story(events(ops))]),
            *photos_of(case, with_hash=True),
            _handed(case),
            _files(case),
        ],
        signatures=[gettext("Handed over by"), gettext("Police officer"), gettext("Date")],
        footer=log_mark(ops),
    )


def _handed(case: LostProperty) -> Section:
    columns = [
        gettext("Time"),
        gettext("Police station"),
        gettext("Police officer"),
        gettext("Police receipt number"),
        gettext("Handed over by"),
    ]
    rows = [
        [
            full_time(line["at"]),
            line["station"],
            line.get("officer") or NOTHING,
            line.get("receipt") or NOTHING,
            line.get("handed_by") or author(line["by_id"], case.id, line["at"]),
        ]
        for line in case.handed
    ]
    return Section(gettext("Handed over to the police"), [Table(columns, rows, gettext("not yet"))])


def _files(case: LostProperty) -> Section:
    """The files of the pack with their hashes, which show that both belong together."""
    files = evidence_pack.contents(case)
    whole = [gettext("The pack as a whole"), evidence_pack.sha256(evidence_pack.packed(files))]
    rows = [whole, *([name, evidence_pack.sha256(files[name])] for name in sorted(files))]
    return Section(gettext("Files of the pack"), [Table([gettext("File"), "SHA-256"], rows)])


DOCUMENT = DocumentType("police", "/desk/lost/<id>/police", DESK_ROLES, build, logged_as="lost")
