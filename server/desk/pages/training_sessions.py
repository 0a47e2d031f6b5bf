"""Training: sessions with their answers and summary, and the readiness of people."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.actions import Action
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.options import active_people
from server.desk.payload_form import form_number
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.desk.training_list import READINESS, TRAININGS
from server.models.cards import Card
from server.models.categories import CaseCategory
from server.models.people import Person
from server.models.training_sessions import TrainingSession
from server.oplog.directory import directory_of
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.training.curriculum import DEFAULT_VALID_MONTHS
from sync.training.training_sessions import approach_counts

bp = Blueprint("training_sessions", __name__, url_prefix="/desk/training")
NAVIGATION = [
    NavEntry(
        "training_sessions.index",
        _l("Training"),
        "people",
        60,
        about=_l("Training held and signed."),
    ),
    NavEntry(
        "training_sessions.readiness",
        _l("Readiness"),
        "people",
        61,
        about=_l("Who knows what, and who still needs which training."),
    ),
]

ACTIONS = [Action("training_sessions.new_attestation", _l("Confirm a skill"))]
register_list(bp, TRAININGS)
register_list(bp, READINESS, "/readiness", "readiness")


@bp.get("/attest")
@allow(*DESK_ROLES)
def new_attestation() -> str:
    """The form that confirms that somebody has a skill."""
    return render_template(
        "desk/training_sessions/attest.html",
        people=active_people(current_user().site_id),
        months=DEFAULT_VALID_MONTHS,
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
        "readiness.attest", str(uuid4()), payload, url_for("training_sessions.readiness")
    )
