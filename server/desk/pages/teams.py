"""Teams: who leads them, who belongs to them and belonged to them, and cases about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, current_user, get_or_404
from server.desk.actions import Action
from server.desk.case_list import cases_about
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.options import active_people
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.desk.team_list import TEAMS
from server.models.teams import Team
from server.oplog.directory import directory_of
from sync.estate.teams import members_at
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("teams", __name__, url_prefix="/desk/teams")
NAVIGATION = [
    NavEntry(
        "teams.index",
        _l("Teams"),
        "people",
        40,
        about=_l("Who works together, and who leads them."),
    )
]
ACTIONS = [Action("teams.new", _l("Add team"))]
register_list(bp, TEAMS)


@bp.get("/new")
@allow(*DESK_ROLES)
def new() -> str:
    """The form for a new team."""
    return render_template("desk/teams/new.html", people=active_people(current_user().site_id))


@bp.get("/<id>")
@allow(*DESK_ROLES)
def show(id: str) -> str:
    """One team: its people now and over time, cases about it, and its history."""
    team = get_or_404(Team, id)
    return render_template(
        "desk/teams/show.html",
        team=team,
        members=members_at(team, datetime.now(UTC)),
        people=active_people(team.site_id),
        cases=cases_about(team.site_id, team.id),
        told=story_about(team.site_id, team.id),
        names=directory_of(team.site_id),
    )


@bp.post("/")
@allow(*DESK_ROLES)
def add() -> Any:
    return submit_and_redirect("team.add", None, _form_payload(), url_for("teams.index"))


@bp.post("/<id>")
@allow(*DESK_ROLES)
def change(id: str) -> Any:
    """The op has only the fields that changed."""
    team = get_or_404(Team, id)
    payload = {n: v for n, v in _form_payload().items() if v != getattr(team, n)}
    base, back = request.form.get("base", type=int), url_for("teams.show", id=team.id)
    return submit_and_redirect("team.change", team.id, payload, back, base=base)


@bp.post("/<id>/end")
@allow(*DESK_ROLES)
def end(id: str) -> Any:
    team = get_or_404(Team, id)
    back = url_for("teams.show", id=team.id)
    return submit_and_redirect("team.end", team.id, {}, back, base=team.version)


def _form_payload() -> dict[str, Any]:
    form = request.form
    leader_id = form.get("leader_id", "")
    members = [id_ for id_ in form.getlist("member_ids") if id_ != leader_id]
    return {"name": form.get("name", "").strip(), "leader_id": leader_id, "member_ids": members}
