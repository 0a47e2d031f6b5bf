"""What the file of a lost item and its handover to the police have in common."""

from __future__ import annotations

from flask_babel import gettext

from server.desk.documents.model import Block, Facts, Paragraph, Photo, Photos, Section
from server.desk.documents.sources import (
    NOTHING,
    author,
    contractor,
    full_time,
    home,
    person,
    said,
)
from server.desk.labels import state_label, value_label
from server.desk.presence import entry_texts
from server.models.lost_property import LostProperty
from sync.service.lost_property import state


def case_facts(case: LostProperty) -> Facts:
    outcome = value_label("lost", "outcome", case.outcome) if case.outcome else None
    progress = state_label("lost", state(vars(case)))
    seen = " ".join(filter(None, (full_time(case.last_seen_at), case.last_seen_where)))
    return said(
        [
            (gettext("Item lost"), case.item),
            (gettext("Progress"), f"{progress}: {outcome}" if outcome else progress),
            (gettext("Home"), home(case.unit)),
            (gettext("Last seen"), seen),
            (gettext("Contact details"), case.contact or case.declined_because),
            (gettext("Opened at"), full_time(case.opened_at)),
            (
                gettext("First responder"),
                author(case.first_responder_id, case.id, case.opened_at),
            ),
            (gettext("Contractor"), contractor(case.contractor_id)),
            (gettext("Accountable manager"), person(case.accountable_id)),
            (gettext("Contains personal data"), _yes(case.holds_personal_data)),
            (gettext("Details"), case.details),
        ]
    )


def _yes(is_so: bool) -> str:
    return gettext("Yes") if is_so else ""


def entered(case: LostProperty) -> Section:
    """Who was in the home, by the newest list."""
    texts = entry_texts(case.lists[-1]) if case.lists else []
    blocks: list[Block] = [Paragraph(text) for text in texts]
    unheard = case.lists[-1].get("unheard") if case.lists else None
    if unheard:
        phones = ", ".join(unheard)
        text = gettext("Phones that may still send entries: %(phones)s", phones=phones)
        blocks.append(Paragraph(text, is_warning=True))
    blocks = blocks or [Paragraph(gettext("No home entries known."))]
    return Section(gettext("People who entered the home"), blocks)


def statements(case: LostProperty) -> Section:
    declined = gettext("declined to give a statement")
    blocks: list[Block] = [
        Paragraph(
            f"{line.get('name') or '?'}: "
            f"{declined if line.get('declined') else line['said']}"
            f" ({full_time(line['at'])}, {author(line['by_id'], case.id, line['at'])})"
        )
        for line in case.statements
    ]
    return Section(gettext("Statements"), blocks or [Paragraph(NOTHING)])


def photos_of(case: LostProperty, *, with_hash: bool = False) -> list[Section]:
    """The photos of a case; `with_hash`: each with its SHA-256."""
    if not case.photos:
        return []
    shown = [Photo(name, f"SHA-256 {name}" if with_hash else "") for name in case.photos]
    return [Section(gettext("Photos"), [Photos(shown)])]
