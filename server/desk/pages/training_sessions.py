"""Training: sessions with their answers and summary, and the readiness of people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.navigation import NavEntry
from server.desk.options import active_people
from server.desk.payload_form import form_number
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.models.cards import Card
from server.models.categories import CaseCategory
from server.models.people import Person
from server.models.training_sessions import ReadinessAttestation, TrainingSession
from server.oplog.directory import directory_of
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.training.curriculum import DEFAULT_VALID_MONTHS, TRAINING_ITEMS
from sync.training.readiness import readiness_matrix
from sync.training.training_sessions import approach_counts

bp = Blueprint("training_sessions", __name__, url_prefix="/desk/training")
NAVIGATION = [
    NavEntry(
        "training_sessions.index",
        _l("Training"),
        "people",
        60,
        about=_l("Training held and signed, and who still needs which."),
    )
]

MAX_LISTED = 50


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    """Training sessions, and the readiness of everybody in every skill."""
    site = current_user().site_id
    sessions = db.session.scalars(TrainingSession.for_site(site)).all()
    people = active_people(site)
    attests = db.session.scalars(ReadinessAttestation.for_site(site)).all()
    today = datetime.now(UTC).astimezone(SITE_ZONE).date()
    return render_template(
        "desk/training_sessions/index.html",
        sessions=[(session, approach_counts(session.answers)) for session in sessions[:MAX_LISTED]],
        people=people,
        items=TRAINING_ITEMS,
        standings=readiness_matrix([session.id for session in people], attests, sessions, today),
        months=DEFAULT_VALID_MONTHS,
        names=directory_of(site),
    )


@bp.get("/<id>")
@allow(*DESK_ROLES)
def show(id: str) -> str:
    """One session: questions, answers, counts, summary and signatures."""
    session = get_or_404(TrainingSession, id)
    covered = {card.partition(":")[2] for card in session.cards} | {session.case}
    cards = db.session.scalars(Card.for_site(session.site_id)).all()
    return render_template(
        "desk/training_sessions/show.html",
        session=session,
        tally=approach_counts(session.answers),
        cards=[card for card in cards if card.id in covered],
        people=active_people(session.site_id),
        names=directory_of(session.site_id),
        image_category=db.session.scalar(CaseCategory.of_clause(session.site_id, "G6")),
        told=story_about(session.site_id, session.id),
    )


@bp.post("/<id>/join")
@allow(*DESK_ROLES)
def join(id: str) -> Any:
    """Z12: somebody came late, also after the training ended."""
    session = get_or_404(TrainingSession, id)
    person = get_or_404(Person, request.form.get("person", "")).id
    back = url_for("training_sessions.show", id=session.id)
    return submit_and_redirect("session.join", session.id, {"person": person}, back)


@bp.post("/<id>/close")
@allow(*DESK_ROLES)
def close(id: str) -> Any:
    """End what nobody ended on a phone; the current user is recorded."""
    session = get_or_404(TrainingSession, id)
    return submit_and_redirect(
        "session.close", session.id, {}, url_for("training_sessions.show", id=session.id)
    )


@bp.post("/attest")
@allow(*DESK_ROLES)
def attest() -> Any:
    """Z8: confirm that a person has a skill."""
    form = request.form
    payload = {
        "person": get_or_404(Person, form.get("person", "")).id,
        "item": form.get("item", ""),
        "months": form_number(form, "months", DEFAULT_VALID_MONTHS),
        "note": form.get("note", "").strip() or None,
    }
    return submit_and_redirect(
        "readiness.attest", str(uuid4()), payload, url_for("training_sessions.index")
    )
