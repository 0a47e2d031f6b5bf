"""The file of a lost item: what is missing, who was in the home, and what was done."""

from __future__ import annotations

from flask_babel import gettext

from server.auth.access import get_or_404
from server.desk.documents.document_type import DocumentType
from server.desk.documents.lost_property import case_facts, entered, photos_of, statements
from server.desk.documents.model import Block, Document, Paragraph, Section, Story
from server.desk.documents.sources import events, log_mark, site_label, words
from server.desk.labels import value_label
from server.models.lost_property import LostProperty
from server.oplog.receive import ops_about
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.service.lost_property import missing_steps


def build(id_: str) -> Document:
    case = get_or_404(LostProperty, id_)
    ops = ops_about(case.site_id, case.id)
    missing: list[Block] = [
        Paragraph(value_label("lost", "requirement", step), is_warning=True)
        for step in ([] if case.closed_at else missing_steps(vars(case)))
    ]
    sections = [
        entered(case),
        statements(case),
        Section(gettext("What happened"), [Story(events(ops))]),
        *photos_of(case),
    ]
    if missing:
        sections.insert(0, Section(gettext("Still to do before closing"), missing))
    return Document(
        words(gettext("Lost item"), case.item),
        subtitle=site_label(),
        facts=case_facts(case),
        sections=sections,
        signatures=[gettext("First responder"), gettext("Resident"), gettext("Date")],
        footer=log_mark(ops),
    )


DOCUMENT = DocumentType(
    "lost_property", "/desk/lost/<id>", FRONT_DESK_ROLES, build, logged_as="lost"
)
