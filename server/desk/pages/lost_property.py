"""Lost property at the desk: the files, what each still lacks, and what the police get."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, url_for
from sqlalchemy import select

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk import evidence_pack
from server.desk.history import lines
from server.desk.homes import at_site, homes, settled, time_of, unheard
from server.desk.post import ask
from server.models import Contractor, Entry, Lost, Names, Ticket
from server.oplog.directory import names_of
from server.oplog.receive import history
from sync.gate.home_entries import party
from sync.protocol.digest import DESK, FRONT
from sync.service.lost_property import ANSWERS, CHANNELS, OUTCOMES, missing, state, story, unasked

bp = Blueprint("lost", __name__, url_prefix="/desk/lost")

PAGE = 100
MOST = 200
FORMS = {
    "lost.ask": ("party",),
    "lost.state": ("party", "said"),
    "lost.offer_police": ("answer",),
    "lost.to_police": ("station", "officer", "receipt", "handed_by"),
    "lost.find": ("where", "note"),
    "lost.return": ("to", "note"),
    "lost.tell": ("said",),
    "lost.next": ("next_action", "next_action_at"),
    "lost.contract_out": ("contractor", "note"),
    "lost.close": ("outcome", "closing_note"),
    "lost.reopen": ("reason",),
}
"""What the desk may tell of a case, and the fields of each form."""


@bp.get("/")
@allow(*FRONT)
def index() -> str:
    """Open files, the most overdue next action first, and those that ended."""
    site_id = here().site_id
    return render_template(
        "desk/lost/index.html",
        cases=db.session.scalars(Lost.open(site_id)).all(),
        ended=db.session.scalars(Lost.ended(site_id).limit(PAGE)).all(),
        now=datetime.now(UTC),
        names=names_of(site_id),
        units=homes(site_id),
        channels=CHANNELS,
        state=lambda case: state(vars(case)),
        missing=lambda case: missing(vars(case)),
    )


@bp.post("/")
@allow(*FRONT)
def open_() -> Any:
    texts = ("item", "details", "last_seen_where", "unit", "channel", "contact", "next_action")
    payload = _said(*texts, "declined_because", "last_seen_at", "next_action_at")
    payload["holds_personal_data"] = "holds_personal_data" in request.form
    return ask("lost.open", None, payload, url_for("lost.index"))


@bp.get("/<id>")
@allow(*FRONT)
def show(id: str) -> str:
    case, site_id, now = mine(Lost, id), here().site_id, datetime.now(UTC)
    listed = case.lists[-1].get("entries", {}) if case.lists else {}
    since, before = _span(case, now)
    there = _there(case, since, before)
    return render_template(
        "desk/lost/show.html",
        case=case,
        state=state(vars(case)),
        lacks={outcome: missing(vars(case), outcome) for outcome in OUTCOMES},
        unasked=unasked(vars(case)),
        newer=[entry for entry in there if entry.id not in listed],
        span={"since": at_site(since), "before": at_site(before)},
        unheard=unheard(site_id, settled(before, now)),
        firms=_firms(site_id),
        ticket=db.session.get(Ticket, (site_id, case.ticket)),
        answers=ANSWERS,
        now=now,
        names=names_of(site_id),
        lines=lines(history(site_id, case.id)),
    )


@bp.post("/<id>/compile")
@allow(*FRONT)
def compile_(id: str) -> Any:
    """Q3: who was in the home, as known at this moment; with the phones that may know more."""
    case, names = mine(Lost, id), names_of(here().site_id)
    now = datetime.now(UTC)
    since, before = _span(case, now)
    since = time_of(request.form.get("since")) or since
    before = time_of(request.form.get("before")) or before
    there = _there(case, since, before)
    late = unheard(here().site_id, settled(before, now))
    payload = {
        "unit": case.unit,
        "since": since,
        "before": before,
        "entries": {entry.id: _in_words(entry, names) for entry in there},
        "parties": {party(vars(entry)): _who(entry, names) for entry in there},
        "unheard": [phone.label for phone in late][:99],
    }
    return ask("lost.compile", case.id, payload, url_for("lost.show", id=id))


@bp.post("/<id>/<what>")
@allow(*FRONT)
def tell(id: str, what: str) -> Any:
    """Everything else that is told or decided of a case: `lost.ask`, `lost.close` and the like."""
    kind = f"lost.{what}"
    payload, case = _said(*(FORMS.get(kind) or abort(404))), mine(Lost, id)
    if "party" in payload and case.lists:
        payload["name"] = case.lists[-1].get("parties", {}).get(payload["party"])
    if what == "state" and "declined" in request.form:
        payload["declined"] = True
    return ask(kind, case.id, payload, url_for("lost.show", id=id))


@bp.get("/<id>/summary")
@allow(*DESK)
def summary(id: str) -> str:
    """The file on paper, with the hash of the archive that belongs to it."""
    case = mine(Lost, id)
    packed = evidence_pack.pack(case)
    return render_template(
        "desk/lost/summary.html",
        case=case,
        state=state(vars(case)),
        story=story(vars(case)),
        names=names_of(here().site_id),
        sha256=evidence_pack.sha256(packed),
    )


@bp.get("/<id>/pack.zip")
@allow(*DESK)
def pack(id: str) -> Response:
    """Q9: what the police get; made twice, it is the same."""
    case = mine(Lost, id)
    answer = Response(evidence_pack.pack(case), mimetype="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="lost-{case.id[-8:]}.zip"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _span(case: Lost, now: datetime) -> tuple[datetime, datetime]:
    """From when it was last seen, or the last list, until now."""
    return case.last_seen_at or case.opened_at, case.closed_at or now


def _there(case: Lost, since: datetime, before: datetime) -> list[Entry]:
    """Everybody who was in that home then, the first one first; what was struck out is not."""
    if case.unit is None:
        return []
    query = Entry.found(case.site_id, unit=case.unit, since=since, before=before)
    rows = db.session.scalars(query.where(Entry.struck_at.is_(None)).limit(MOST)).all()
    return sorted(rows, key=lambda entry: (entry.in_at, entry.id))


def _firms(site_id: str) -> Any:
    firms = select(Contractor).where(Contractor.site_id == site_id, Contractor.ended_at.is_(None))
    return db.session.scalars(firms.order_by(Contractor.name)).all()


def _who(entry: Entry, names: Names) -> str:
    who = names.person(entry.worker_id) or entry.worker or "?"
    firm = names.contractor(entry.contractor)
    return f"{who} ({firm})"[:80] if firm else who[:80]


def _in_words(entry: Entry, names: Names) -> str:
    out = at_site(entry.out_at).replace("T", " ") if entry.out_at else "…"
    times = f"{at_site(entry.in_at).replace('T', ' ')} – {out}"
    return f"{times} · {_who(entry, names)} · {entry.purpose}"[:240]


def _said(*names: str) -> dict[str, Any]:
    """What a form says, times as times; what was left empty is left out."""
    texts = {n: t for n in names if (t := request.form.get(n, "").strip().replace("\r\n", "\n"))}
    return {n: (time_of(t) or t) if n.endswith("_at") else t for n, t in texts.items()}
