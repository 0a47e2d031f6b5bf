"""The sheet of a training: what was discussed, and a line to sign for everybody who was there."""

from __future__ import annotations

from flask_babel import gettext
from sqlalchemy import select

from server.auth.access import get_or_404
from server.db.engine import db
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Block, Document, Paragraph, Section, Table
from server.desk.documents.sources import (
    NOTHING,
    author,
    full_time,
    log_mark,
    person,
    said,
    site_label,
)
from server.i18n.locale import localize
from server.models.cards import Card
from server.models.training_sessions import TrainingSession
from server.oplog.receive import ops_about
from sync.protocol.roles import DESK_ROLES
from sync.training.training_sessions import approach_counts

ROOM_TO_SIGN = " " * 20


def build(id_: str) -> Document:
    session = get_or_404(TrainingSession, id_)
    return Document(
        gettext("Training sheet"),
        subtitle=site_label(),
        facts=said(
            [
                (gettext("Begun at"), full_time(session.begun_at)),
                (gettext("Ended at"), full_time(session.closed_at)),
                (gettext("Led by"), person(session.facilitator_id)),
                (gettext("Attended by"), str(len(session.attendees))),
                (gettext("Cards"), ", ".join(_cards(session))),
            ]
        ),
        sections=[*_approaches(session), *_answers(session), _summary(session), _signed(session)],
        signatures=[gettext("Led by"), gettext("Date")],
        footer=log_mark(ops_about(session.site_id, session.id)),
    )


def _cards(session: TrainingSession) -> list[str]:
    ids = {card.partition(":")[2] for card in session.cards} | {session.case}
    cards = select(Card).where(Card.site_id == session.site_id, Card.id.in_(filter(None, ids)))
    found = db.session.scalars(cards.order_by(Card.code))
    return [f"{card.code} {localize(card.title)}" for card in found]


def _approaches(session: TrainingSession) -> list[Section]:
    """How often each approach was chosen, without names."""
    if not session.approaches:
        return []
    counts = approach_counts(session.answers)
    rows = [
        [
            f"{approach['key']} {localize(approach['label'])}",
            gettext("recommended") if approach["endorsed"] else gettext("not acceptable"),
            str(counts[approach["key"]]),
            localize(approach["why"]),
        ]
        for approach in session.approaches
    ]
    columns = [gettext("Approach"), "", gettext("Answers"), gettext("Comment")]
    return [Section(gettext("Approaches"), [Table(columns, rows)])]


def _answers(session: TrainingSession) -> list[Section]:
    return [
        Section(prompt, _answers_to(session, str(place)))
        for place, prompt in enumerate(session.prompts)
    ]


def _answers_to(session: TrainingSession, place: str) -> list[Block]:
    answers = [
        (id_, session.answers[id_][place])
        for id_ in session.attendees
        if session.answers.get(id_, {}).get(place)
    ]
    return [
        Paragraph(f"{person(id_)}: {' '.join(filter(None, (one['approach'], one['text'])))}")
        for id_, one in answers
    ] or [Paragraph(NOTHING)]


def _summary(session: TrainingSession) -> Section:
    return Section(gettext("Summary"), [Paragraph(session.summary or NOTHING)])


def _signed(session: TrainingSession) -> Section:
    """Who signed on a phone, and a place to sign by hand for everybody."""
    rows = []
    for id_ in session.attendees:
        signed, late = session.acknowledged.get(id_), session.late.get(id_)
        state = full_time(signed["at"]) if signed else gettext("not signed yet")
        came = gettext("came late, %(time)s", time=full_time(late["at"])) if late else ""
        name = author(id_, session.id, signed["at"]) if signed else person(id_)
        rows.append([name, came, state, signed["refresh_on"] if signed else "", ROOM_TO_SIGN])
    columns = [
        gettext("Name"),
        gettext("Note"),
        gettext("Signed on the phone"),
        gettext("Refresh by"),
        gettext("Signature"),
    ]
    return Section(gettext("Signatures"), [Table(columns, rows)])


DOCUMENT = DocumentType("training", "/desk/training/<id>", DESK_ROLES, build)
