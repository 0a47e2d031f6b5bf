"""Teams: who led them and belonged to them, now and at any time before."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from sync import Refused, judge
from sync.estate.teams import members_at
from tests.sync.builders import ANA, BEN, CHU, NOON, make_op

STAFF = {id_: SimpleNamespace(active_to=None) for id_ in (ANA, BEN, CHU)}
GONE = str(uuid4())


def send(kind, row=None, *, minutes=0, **payload):
    op = make_op(kind, by=BEN, minutes=minutes, payload=payload)
    left = {GONE: SimpleNamespace(active_to=NOON)}
    return judge("team", row, replace(op, related={**STAFF, **left}))


def new_team():
    verdict = send("team.add", name="Night watch", leader_id=ANA, member_ids=[BEN, ANA])
    return SimpleNamespace(**verdict.changes, ended_at=None)


@pytest.mark.rule("Y3")
@pytest.mark.clause("G1")
def test_a_team_knows_who_belonged_to_it_when():
    team = new_team()
    assert team.member_ids == [BEN], "the leader is no second time a member"
    change = send("team.change", team, minutes=60, leader_id=BEN, member_ids=[CHU])
    vars(team).update(change.changes)
    assert (team.leader_id, team.member_ids) == (BEN, [CHU])
    before = members_at(team, NOON + timedelta(minutes=59))
    assert [(one["person_id"], one["leads"]) for one in before] == [(ANA, True), (BEN, False)]
    after = members_at(team, NOON + timedelta(minutes=60))
    assert [(one["person_id"], one["leads"]) for one in after] == [(BEN, True), (CHU, False)]
    vars(team).update(send("team.end", team, minutes=90).changes)
    assert members_at(team, NOON + timedelta(minutes=90)) == []
    assert members_at(team, NOON + timedelta(minutes=70)) == after[:0] + [
        {**one, "until": team.memberships[-1]["until"]} for one in after
    ]


@pytest.mark.rule("Y3")
def test_a_team_has_only_people_who_work_here_and_ends_once():
    assert send("team.add", name="x", leader_id=GONE) == Refused("no-such-person")
    assert send("team.add", name="x", leader_id=ANA, member_ids=[GONE]) == Refused("no-such-person")
    team = new_team()
    assert send("team.change", team, name="Night watch") == Refused("nothing-changed")
    team.ended_at = NOON
    assert send("team.end", team) == send("team.change", team, name="y") == Refused("team-ended")
