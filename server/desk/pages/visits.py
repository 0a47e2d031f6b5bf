"""Visits: who is inside or expected, search, gate passes, legal hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk.actions import Action
from server.desk.homes import requested_page
from server.desk.label_form import form_label
from server.desk.navigation import NavEntry
from server.desk.options import home_options
from server.desk.payload_form import PayloadForm
from server.desk.related import entries_of, gate_passes_of, linked_records, without_empty
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.i18n.local_time import parse_local_time
from server.models.gate_passes import GatePass
from server.models.places import Site
from server.models.visits import Visit
from server.oplog.directory import directory_of
from sync.estate.places import MASTER_DATA_ROLES
from sync.gate import visits as rules
from sync.protocol.clock import SITE_ZONE
from sync.protocol.normalise import visible
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("visits", __name__, url_prefix="/desk/visits")
NAVIGATION = [
    NavEntry(
        "visits.index",
        _l("Visitors"),
        "gate",
        10,
        "overdue",
        about=_l("Who is inside, who is expected, and who came before."),
    )
]
ACTIONS = [Action("visits.index", _l("Pre-register visitor"))]

PAGE_SIZE = 50
EXPECT_FORM = PayloadForm(
    "visit.expect",
    *("visitor", "purpose", "host_unit", "host_person", "firm", "plate", "party_size"),
    *("expected_from", "expected_until"),
)
HOLD_FORM = PayloadForm("visit.hold", "reason")


@bp.get("/")
@allow(*FRONT_DESK_ROLES)
def index() -> str:
    site_id, now = current_user().site_id, datetime.now(UTC)
    start = now.astimezone(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    today = db.session.scalars(Visit.not_purged(site_id).where(Visit.arrived_at >= start)).all()
    flags = [
        rules.missing_farewell_flag(visit.steps, visit.departed_at is not None) for visit in today
    ]
    return render_template(
        "desk/visits/index.html",
        visits=db.session.scalars(Visit.inside(site_id)).all(),
        expected=db.session.scalars(Visit.expected(site_id).limit(PAGE_SIZE)).all(),
        no_farewell=flags.count("no-farewell"),
        not_seen_out=flags.count("not-seen-out"),
        names=directory_of(site_id),
        inputs=EXPECT_FORM.inputs(
            options={"host_unit": home_options(site_id)},
            labels={
                "host_person": gettext("Or host name"),
                "firm": gettext("Visitor's company"),
                "party_size": gettext("Number of people"),
            },
        ),
        now=now,
    )


@bp.get("/search")
@allow(*FRONT_DESK_ROLES)
def search() -> str:
    """Search by number plate, person, home and time, in any combination, in pages."""
    filters = {name: visible(request.args.get(name, "")) for name in ("plate", "who", "unit")}
    page = requested_page()
    since, before = (
        parse_local_time(request.args.get("since")),
        parse_local_time(request.args.get("before")),
    )
    query = Visit.search(current_user().site_id, **filters, since=since, before=before)
    visits = db.session.scalars(query.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE + 1)).all()
    return render_template(
        "desk/visits/search.html",
        visits=visits[:PAGE_SIZE],
        more=len(visits) > PAGE_SIZE,
        page=page,
        filters={**filters, **{n: request.args.get(n, "") for n in ("since", "before")}},
        names=directory_of(current_user().site_id),
        homes=home_options(current_user().site_id),
    )


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


@bp.get("/releases")
@allow(*FRONT_DESK_ROLES)
def gate_passes() -> str:
    notes = db.session.scalars(GatePass.newest(current_user().site_id).limit(PAGE_SIZE)).all()
    names = directory_of(current_user().site_id)
    return render_template("desk/visits/gate_passes.html", notes=notes, names=names)


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
