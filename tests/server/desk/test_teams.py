"""Teams and contractors as subjects of accountability cases, each with a page and a history."""

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models.cases import Case
from server.models.teams import Team
from server.oplog.replay import find_faults
from sync.accountability.categories import category_id
from sync.accountability.categories_content import CATEGORIES
from tests.seed_data import ANA, BEN, CHU, EVE, HOME_SITE, fixed_id
from tests.server.conftest import is_refused

EN = {"Accept-Language": "en"}
CATEGORY = category_id(HOME_SITE, "AC-4")


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture(autouse=True)
def category(desk_op):
    desk_op("category.add", CATEGORY, CATEGORIES[3], by=EVE)
    desk_op("category.publish", CATEGORY, by=EVE)


def open_case(ben, subject_kind, subject_id, answers_id):
    form = {"category": f"{CATEGORY}|", "subject_kind": subject_kind, "subject_id": subject_id}
    form |= {"answers_id": answers_id, "text": "Shouted", "at": "2026-11-01T10:00"}
    return ben.post("/desk/raise/case", form)


def stored(app, table):
    with app.app_context():
        return db.session.scalars(select(table)).all()


@pytest.mark.rule("A3", "Y3")
@pytest.mark.clause("G1")
def test_a_case_is_about_a_team_that_tells_its_history(app, ben):
    ben.post("/desk/teams/", {"name": "Night watch", "leader_id": CHU, "member_ids": [ANA]})
    (team,) = stored(app, Team)
    assert open_case(ben, "team", team.id, CHU).status_code == 303
    form = {"name": "Day watch", "leader_id": ANA, "member_ids": [CHU], "base": team.version}
    assert ben.post(f"/desk/teams/{team.id}", form).status_code == 303
    page = ben.get(f"/desk/teams/{team.id}", headers=EN).text
    assert (
        "Day watch" in page
        and "Members over time" in page
        and "</b> changed Team name: Day watch" in page
    )
    (case,) = stored(app, Case)
    assert (case.subject_id, case.subject_name) == (team.id, "Night watch"), "its name at the time"
    assert f"/desk/cases/{case.id}" in page
    assert f"/desk/teams/{team.id}" in ben.get(f"/desk/cases/{case.id}").text
    assert ben.post(f"/desk/teams/{team.id}/end").status_code == 303
    assert is_refused(ben.post(f"/desk/teams/{team.id}/end"), "team-ended")


@pytest.mark.rule("A3")
@pytest.mark.clause("G1")
def test_a_case_is_about_a_contractor_that_is_a_record(app, ben, desk_op):
    firm = {"name": "Lift Ltd", "service": "Lifts", "accountable_id": EVE}
    desk_op("contractor.add", fixed_id("firm"), firm)
    assert open_case(ben, "contractor", fixed_id("firm"), EVE).status_code == 303
    (case,) = stored(app, Case)
    page = ben.get(f"/desk/contractors/{fixed_id('firm')}", headers=EN).text
    assert f"/desk/cases/{case.id}" in page and "</b> added the contractor; <b>" in page
    for kind, id_ in (("team", fixed_id("firm")), ("contractor", fixed_id("nobody"))):
        assert is_refused(open_case(ben, kind, id_, EVE), "no-such-subject")
    assert is_refused(open_case(ben, "team", "", EVE), "malformed")


def test_only_the_desk_of_the_site_sees_and_changes_teams(app, ben, dao, desk_op, phone):
    team = {"name": "Night watch", "leader_id": CHU}
    assert desk_op("team.add", fixed_id("team"), team, by=ANA)["code"] == "not-allowed"
    assert desk_op("team.add", fixed_id("team"), team)["status"] == "applied"
    for kind in ("team.change", "team.end"):
        verdict = phone.send_op(kind, fixed_id("team"), {}, by=BEN)
        assert verdict["code"] == "not-for-phones"
    assert ("team", fixed_id("team")) not in phone.pull_all()
    assert dao.get(f"/desk/teams/{fixed_id('team')}").status_code == 404
    assert "Night watch" not in dao.get("/desk/teams/").text
