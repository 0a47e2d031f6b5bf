"""Training at the desk: sessions with tally and summary, and who knows what until when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk.history import lines
from server.desk.post import ask
from server.models import Card, Person, Readiness, Training
from server.oplog.directory import names_of
from server.oplog.receive import history
from sync.protocol.digest import DESK
from sync.training.curriculum import ITEMS, MONTHS, ZONE
from sync.training.readiness import matrix
from sync.training.training_sessions import tally

bp = Blueprint("training", __name__, url_prefix="/desk/training")

SHOWN = 50


@bp.get("/")
@allow(*DESK)
def index() -> str:
    """Sessions, and everybody beside everything that one should know."""
    site = here().site_id
    sessions = db.session.scalars(Training.at(site)).all()
    people = db.session.scalars(
        select(Person)
        .where(Person.site_id == site, Person.active_to.is_(None))
        .order_by(Person.name, Person.id)
    ).all()
    attests = db.session.scalars(Readiness.at(site)).all()
    today = datetime.now(UTC).astimezone(ZONE).date()
    return render_template(
        "desk/training/index.html",
        sessions=[(one, tally(one.answers)) for one in sessions[:SHOWN]],
        people=people,
        items=ITEMS,
        standings=matrix([one.id for one in people], attests, sessions, today),
        months=MONTHS,
        names=names_of(site),
    )


@bp.get("/<id>")
@allow(*DESK)
def show(id: str) -> str:
    """One session: what was asked, who answered what, the tally, the summary, who signed."""
    session = mine(Training, id)
    covered = {card.partition(":")[2] for card in session.cards} | {session.case}
    cards = db.session.scalars(Card.at(session.site_id)).all()
    return render_template(
        "desk/training/show.html",
        session=session,
        tally=tally(session.answers),
        cards=[card for card in cards if card.id in covered],
        names=names_of(session.site_id),
        lines=lines(history(session.site_id, session.id)),
    )


@bp.post("/<id>/close")
@allow(*DESK)
def close(id: str) -> Any:
    """What nobody closed in the field is closed at the desk, by name."""
    session = mine(Training, id)
    return ask("session.close", session.id, {}, url_for("training.show", id=session.id))


@bp.post("/attest")
@allow(*DESK)
def attest() -> Any:
    """Z8: what somebody has seen a person know."""
    form = request.form
    said = {
        "person": mine(Person, form.get("person", "")).id,
        "item": form.get("item", ""),
        "months": form.get("months", default=MONTHS, type=int),
        "note": form.get("note", "").strip() or None,
    }
    return ask("readiness.attest", str(uuid4()), said, url_for("training.index"))
