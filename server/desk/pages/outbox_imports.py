"""Taking in a file at the desk: what a phone that cannot send any more has still on it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge

from server.auth.access import allow, here
from server.desk import labels, verdict_labels
from server.desk.outbox_imports import Taken, sender_of, take_in
from server.desk.post import who, word
from server.i18n.locale import moment
from server.oplog.directory import names_of
from sync.protocol.clock import parse
from sync.protocol.digest import DESK
from sync.review.outbox_imports import MOST_BYTES, Parcel, Wrong, unpacked

bp = Blueprint("imports", __name__, url_prefix="/desk/import")

ENVELOPE = 64 * 1024
"""What a form takes beside its file."""


@dataclass(frozen=True, slots=True)
class Told:
    """One op of the file with its answer, as a person reads it."""

    who: str
    did: str
    at: str
    state: str
    status: str
    reason: str


@bp.get("/")
@allow(*DESK)
def index() -> str:
    return render_template("desk/imports/index.html", fault="")


@bp.post("/")
@allow(*DESK)
def take() -> Any:
    """The file goes through the one door; a second time changes nothing and answers the same."""
    site, parcel = here().site_id, _uploaded()
    phone = parcel if isinstance(parcel, Wrong) else sender_of(site, parcel)
    if isinstance(parcel, Wrong) or isinstance(phone, Wrong):
        code = parcel.code if isinstance(parcel, Wrong) else getattr(phone, "code", "")
        fault = word(labels.PARCEL_FAULTS, code)
        return render_template("desk/imports/index.html", fault=fault), 422
    taken = take_in(site, parcel, phone, here().person_id)
    return render_template("desk/imports/taken.html", taken=taken, told=_told(taken))


def _uploaded() -> Parcel | Wrong:
    request.max_content_length = MOST_BYTES + ENVELOPE
    try:
        file = request.files.get("file")
    except RequestEntityTooLarge:
        return Wrong("too-big")
    if file is None:
        return Wrong("no-outbox")
    with closing(file):  # a large one lies on the disk meanwhile
        return unpacked(file.stream.read(MOST_BYTES + 1))


def _told(taken: Taken) -> list[Told]:
    names = names_of(here().site_id)
    return [
        Told(
            who=who(op["by"], names) if isinstance(op.get("by"), str) else "",
            did=word(labels.KINDS, str(op.get("kind", ""))[:50]),
            at=_when(op.get("at")),
            state=answer["status"],
            status=word(verdict_labels.STATUSES, answer["status"]),
            reason=word(verdict_labels.REASONS, answer["code"]) if answer.get("code") else "",
        )
        for op, answer in taken.answers
    ]


def _when(said: Any) -> str:
    try:
        return moment(parse(said))
    except (TypeError, ValueError, OverflowError):
        return str(said or "")[:40]
