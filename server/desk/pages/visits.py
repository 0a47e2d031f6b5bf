"""Visits: pre-registration, one visit with its legal hold, the privacy notice; three lists."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.actions import Action
from server.desk.gate_lists import FREQUENT_VISITORS, GATE_PASSES
from server.desk.label_form import form_label
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.payload_form import PayloadForm
from server.desk.related import entries_of, gate_passes_of, linked_records, without_empty
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.desk.visit_list import HOLD_FORM, VISITS
from server.models.places import Site
from server.models.visits import Visit
from server.oplog.directory import directory_of
from sync.estate.places import MASTER_DATA_ROLES
from sync.gate import visits as rules
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("visits", __name__, url_prefix="/desk/visits")
register_list(bp, VISITS)
register_list(bp, GATE_PASSES, "/releases", "gate_passes")
register_list(bp, FREQUENT_VISITORS, "/frequent", "frequent")
NAVIGATION = [
    NavEntry(
        "visits.index",
        _l("Visitors"),
        "gate",
        10,
        "overdue",
        about=_l("Who is inside, who is expected, and who came before."),
    ),
    NavEntry(
        "visits.gate_passes",
        _l("Gate passes"),
        "gate",
        20,
        about=_l("What was carried out of the gate, and who approved it."),
    ),
    NavEntry(
        "visits.frequent",
        _l("Frequent visitors"),
        "gate",
        30,
        about=_l("Who comes most often; the gate lets them in with two taps."),
    ),
]
ACTIONS = [Action("visits.new", _l("Pre-register visitor"))]

EXPECT_FORM = PayloadForm(
    "visit.expect",
    *("visitor", "purpose", "host_unit", "host_person", "firm", "plate", "party_size"),
    *("expected_from", "expected_until"),
)


@bp.get("/new")
@allow(*FRONT_DESK_ROLES)
def new() -> str:
    """The form that pre-registers a visitor."""
    inputs = EXPECT_FORM.inputs(
        labels={
            "host_person": gettext("Or host name"),
            "firm": gettext("Visitor's company"),
            "party_size": gettext("Number of people"),
        },
    )
    return render_template("desk/visits/new.html", inputs=inputs)


@bp.get("/notice")
@allow(*FRONT_DESK_ROLES)
def notice() -> str:
    """The privacy notice for the gate, to be printed; phones show it too."""
    site = db.session.get_one(Site, (current_user().site_id, current_user().site_id))
    may_set = current_user().has_role(*MASTER_DATA_ROLES)
    return render_template("desk/visits/notice.html", site=site, may_set=may_set)


@bp.post("/notice")
@allow(*MASTER_DATA_ROLES)
def set_notice() -> Any:
    """Whom to ask, and what the site wants to say besides."""
    payload = {name: form_label(request.form, name) for name in ("notice_contact", "notice_text")}
    site_id = current_user().site_id
    return submit_and_redirect("site.retain", site_id, payload, url_for("visits.notice"))


@bp.post("/expect")
@allow(*FRONT_DESK_ROLES)
def expect() -> Any:
    payload = EXPECT_FORM.payload(request.form)
    return submit_and_redirect("visit.expect", None, payload, url_for("visits.index"))


@bp.get("/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    visit, site_id = get_or_404(Visit, id), current_user().site_id
    return render_template(
        "desk/visits/show.html",
        visit=visit,
        state=rules.state(vars(visit)),
        related=without_empty(
            [entries_of(visit=visit.id), gate_passes_of(visit.id), linked_records(visit)]
        ),
        names=directory_of(site_id),
        told=story_about(site_id, visit.id),
        hold_inputs=HOLD_FORM.inputs(labels={"reason": gettext("Reason for legal hold")}),
        may_hold=current_user().has_role(*DESK_ROLES),
    )


@bp.post("/<id>/depart")
@allow(*FRONT_DESK_ROLES)
def depart(id: str) -> Any:
    return submit_and_redirect(
        "visit.depart", get_or_404(Visit, id).id, {}, url_for("visits.index")
    )


@bp.post("/<id>/admit")
@allow(*FRONT_DESK_ROLES)
def admit(id: str) -> Any:
    return submit_and_redirect("visit.admit", get_or_404(Visit, id).id, {}, url_for("visits.index"))


@bp.post("/<id>/hold")
@allow(*DESK_ROLES)
def hold(id: str) -> Any:
    payload = HOLD_FORM.payload(request.form)
    return submit_and_redirect(
        "visit.hold", get_or_404(Visit, id).id, payload, url_for("visits.show", id=id)
    )


@bp.post("/<id>/release-hold")
@allow(*DESK_ROLES)
def release_hold(id: str) -> Any:
    return submit_and_redirect(
        "visit.release_hold", get_or_404(Visit, id).id, {}, url_for("visits.show", id=id)
    )
