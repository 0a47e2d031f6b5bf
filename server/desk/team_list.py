"""The list of teams: who leads them, and who belongs to them."""

from __future__ import annotations

from typing import Any

from server.desk.lists import (
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    day_column,
    person_column,
    text_column,
)
from server.models.teams import Team
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp

STATES = {
    "there": Choice(label=_lp("teams", "current"), condition=lambda _: Team.ended_at.is_(None)),
    "ended": Choice(label=_lp("teams", "ended"), condition=lambda _: Team.ended_at.is_not(None)),
}


def members(row: Any, context: ListContext) -> str:
    """The names of the members, without the leader."""
    return ", ".join(context.person(id_) for id_ in row.member_ids)


TEAMS = RecordList(
    name="teams",
    title=_l("Teams"),
    roles=DESK_ROLES,
    site=Team.site_id,
    id=Team.id,
    show="teams.show",
    empty=_l("No teams yet."),
    order="name",
    columns=(
        text_column("name", _lp("team", "Team name"), Team.name),
        person_column("leader", _l("Team leader"), Team.leader_id),
        Column("members", _l("Members"), members, (Team.member_ids,), css="cut"),
        Column("size", _lp("teams", "People"), lambda row, _: 1 + len(row.member_ids), css="num"),
        day_column("ended_at", _l("Ended on"), Team.ended_at, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Team or leader"),
            columns=(Team.name,),
            people=(Team.leader_id,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="there"),
        PersonFilter(name="leader", label=_l("Team leader"), columns=(Team.leader_id,)),
    ),
    views=[
        *(View(name=n, label=c.label, values={"state": n}) for n, c in STATES.items()),
        View(name="all", label=_l("All"), values={"state": "any"}),
    ],
    template="desk/teams/index.html",
)
