"""Lost items: cases, what each still needs, and the police handover pack."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404, recent_sign_in
from server.db.engine import db
from server.desk import evidence_pack
from server.desk.actions import Action
from server.desk.homes import certain_until, possibly_unsynced_phones
from server.desk.lists import register_list
from server.desk.lost_property_forms import (
    OPEN_FORM,
    STEP_FORMS,
    listed_parties,
    next_step,
    open_inputs,
    step_inputs,
)
from server.desk.lost_property_list import LOST_PROPERTY
from server.desk.navigation import NavEntry
from server.desk.payload_form import form_moment
from server.desk.presence import entry_texts, presences
from server.desk.related import linked_records, without_empty
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.i18n.local_time import format_local_time
from server.models.cards import Card
from server.models.lost_property import LostProperty
from server.oplog.directory import directory_of
from server.oplog.security_log import log_access
from sync.protocol.clock import FOREVER, format_time
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.service.lost_property import (
    OUTCOMES,
    missing_steps,
    open_requests,
    state,
    unasked_parties,
)
from sync.training.cards import card_id

bp = Blueprint("lost_property", __name__, url_prefix="/desk/lost")
NAVIGATION = [
    NavEntry(
        "lost_property.index",
        _l("Lost items"),
        "matters",
        20,
        about=_l("Losses that residents report, and the inquiry into each."),
    )
]
ACTIONS = [Action("lost_property.new", _l("Report a lost item"))]
register_list(bp, LOST_PROPERTY)

ADVICE_CARD = "LP-01"
"""The card with what to do first when personal data is lost."""


@bp.get("/new")
@allow(*FRONT_DESK_ROLES)
def new() -> str:
    """The form that reports a lost item."""
    inputs = open_inputs(current_user().site_id)
    return render_template("desk/lost_property/new.html", inputs=inputs)


@bp.post("/")
@allow(*FRONT_DESK_ROLES)
def create() -> Any:
    payload = OPEN_FORM.payload(request.form)
    return submit_and_redirect("lost.open", None, payload, url_for("lost_property.index"))


@bp.get("/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    case, site_id, now = get_or_404(LostProperty, id), current_user().site_id, datetime.now(UTC)
    listed = case.lists[-1].get("entries", {}) if case.lists else {}
    since, before = _default_span(case, now)
    names = directory_of(site_id)
    found = presences(site_id, case.unit, since, before, names)
    newer = [presence for presence in found if presence.id not in listed]
    unasked = unasked_parties(vars(case))
    lacks = {outcome: missing_steps(vars(case), outcome) for outcome in OUTCOMES}
    return render_template(
        "desk/lost_property/show.html",
        case=case,
        entry_texts=entry_texts,
        state=state(vars(case)),
        lacks=lacks,
        closable=[outcome for outcome, codes in lacks.items() if not codes],
        unasked=unasked,
        step=next_step(case, unasked, has_newer=bool(newer)),
        requests=[
            (line, (line.get("answer_until") or FOREVER) < format_time(now))
            for line in open_requests(vars(case))
        ],
        newer=newer,
        span={"since": format_local_time(since), "before": format_local_time(before)},
        unheard=possibly_unsynced_phones(site_id, certain_until(before, now)),
        forms=step_inputs(case),
        advice=db.session.get(Card, (site_id, card_id(site_id, ADVICE_CARD))),
        now=now,
        names=names,
        told=story_about(site_id, case.id),
        related=without_empty([linked_records(case, ("unit",))]),
    )


@bp.post("/<id>/compile")
@allow(*FRONT_DESK_ROLES)
def compile_list(id: str) -> Any:
    """Q3: store a list of who was in the home, by home entries and visits, and of the phones that
    may still send some."""
    case, names = get_or_404(LostProperty, id), directory_of(current_user().site_id)
    now = datetime.now(UTC)
    since, before = _default_span(case, now)
    since = form_moment(request.form, "since") or since
    before = form_moment(request.form, "before") or before
    found = presences(case.site_id, case.unit, since, before, names)
    phones = possibly_unsynced_phones(current_user().site_id, certain_until(before, now))
    payload = {
        "unit": case.unit,
        "since": since,
        "before": before,
        "entries": {presence.id: presence.text for presence in found},
        "purposes": {presence.id: presence.purpose for presence in found if presence.purpose},
        "parties": {presence.party: presence.person for presence in found},
        "unheard": [phone.label for phone in phones][:99],
    }
    return submit_and_redirect(
        "lost.compile", case.id, payload, url_for("lost_property.show", id=id)
    )


@bp.post("/<id>/<step>")
@allow(*FRONT_DESK_ROLES)
def record_step(id: str, step: str) -> Any:
    """Everything else that happens in a case: `lost.ask`, `lost.close` and the other kinds."""
    form, case = STEP_FORMS.get(step) or abort(404), get_or_404(LostProperty, id)
    payload = form.payload(request.form)
    if "party" in payload:
        payload["name"] = listed_parties(case).get(payload["party"])
    back = url_for("lost_property.show", id=id)
    return submit_and_redirect(f"lost.{step}", case.id, payload, back)


@bp.get("/<id>/pack.zip")
@allow(*DESK_ROLES)
@recent_sign_in
def pack(id: str) -> Response:
    """Q9: the police handover pack, byte-identical as long as the case is unchanged."""
    case = get_or_404(LostProperty, id)
    _log_export(case)
    answer = Response(evidence_pack.pack(case), mimetype="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="lost-{case.id[-8:]}.zip"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _log_export(case: LostProperty) -> None:
    user, details = current_user(), {"about_type": "lost", "record": case.id}
    log_access("export", site_id=user.site_id, by=user.person_id, details=details)


def _default_span(case: LostProperty, now: datetime) -> tuple[datetime, datetime]:
    """From when the item was last seen, or reported, until the case was closed, or now."""
    return case.last_seen_at or case.opened_at, case.closed_at or now
