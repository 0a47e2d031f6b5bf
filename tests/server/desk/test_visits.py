"""Visits at the desk: pre-registration, search, legal hold, retention, gate passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.jobs import retention
from tests.seed_data import BEN, CHU, EVE, FLAT, HOME_SITE, fixed_id

EN = {"Accept-Language": "en"}
WANG, LI = fixed_id("wang"), fixed_id("li")


@pytest.fixture
def expected_visits(desk_op):
    wang = {"visitor": "Mr Wang", "purpose": "service", "plate": "沪A12345", "host_unit": FLAT}
    desk_op("visit.arrive", WANG, {**wang, "expected_minutes": 1}, by=CHU)
    desk_op("visit.arrive", LI, {"visitor": "Ms_Li", "purpose": "family", "plate": "京B"}, by=CHU)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("plate=沪a12", {"Mr Wang"}),
        ("plate=2345", {"Mr Wang"}),
        ("plate=沪Ａ·１２３%E2%80%8B", {"Mr Wang"}),
        ("who=Mr%C2%A0wa%E2%80%8Bng%00", {"Mr Wang"}),
        ("unit=%00", {"Mr Wang", "Ms_Li"}),
        ("plate=·", set()),
        ("who=Wang", {"Mr Wang"}),
        ("who=_", {"Ms_Li"}),
        ("plate=%25", set()),
        (f"unit={FLAT}", {"Mr Wang"}),
        ("since=2020-01-01T00:00", {"Mr Wang", "Ms_Li"}),
        ("before=2020-01-01T00:00", set()),
        ("since=nonsense", {"Mr Wang", "Ms_Li"}),
        ("page=2", set()),
    ],
)
def test_visits_are_searched_by_plate_person_home_and_time(ben, expected_visits, asked, found):
    text = ben.get(f"/desk/visits/search?{asked}").text
    assert {name for name in ("Mr Wang", "Ms_Li") if f">{name}</a>" in text} == found


def test_pre_register_and_let_in_a_visitor(ben):
    form = {"visitor": "Ms Zhou", "purpose": "business", "expected_from": "2026-11-24T10:00"}
    assert ben.post("/desk/visits/expect", form).location == "/desk/visits/"
    page = ben.get("/desk/visits/", headers=EN).text
    assert "Ms Zhou" in page and "0 visitors inside now" in page
    visit = page.split("/admit")[0].rsplit("/", 1)[1]
    ben.post(f"/desk/visits/{visit}/admit")
    assert "1 visitor inside now" in ben.get("/desk/visits/", headers=EN).text


@pytest.mark.clause("A2")
def test_the_desk_counts_visits_without_goodbye_or_logout(ben, desk_op, expected_visits):
    desk_op("visit.depart", WANG, by=CHU)
    page = ben.get("/desk/visits/", headers=EN).text
    assert "1 left without a goodbye, 1 not logged out" in page


def test_a_visit_page_and_its_legal_hold(ben, dao, expected_visits):
    assert dao.get(f"/desk/visits/{WANG}").status_code == 404
    page = ben.get(f"/desk/visits/{WANG}", headers=EN).text
    assert "沪A12345" in page and "let <b>Mr Wang</b> in" in page
    ben.post(f"/desk/visits/{WANG}/hold", {"reason": "case 7"})
    assert "case 7" in ben.get(f"/desk/visits/{WANG}").text
    ben.post(f"/desk/visits/{WANG}/release-hold")
    assert "Lift legal hold" not in ben.get(f"/desk/visits/{WANG}", headers=EN).text


def test_set_the_retention_and_list_erased_visits(app, signed_in, ben, expected_visits):
    form = {"retention_days": "7", "visit_minutes": "60"}
    assert ben.post("/desk/retention/", form).status_code == 403
    eve = signed_in(EVE)
    eve.post("/desk/retention/", form)
    assert 'value="7"' in eve.get("/desk/retention/").text
    assert "7 天" in eve.get("/desk/visits/notice").text
    with app.app_context():
        retention.purge_expired(HOME_SITE, datetime.now(UTC) + timedelta(days=8))
    assert "<td>2</td>" in ben.get("/desk/retention/").text
    for page in (f"/desk/visits/{WANG}", f"/desk/record/visit/{WANG}"):
        assert ben.get(page).status_code == 200
        assert "Mr Wang" not in ben.get(page).text


def test_a_conflict_stays_readable_after_erasure(app, ben, desk_op, expected_visits):
    for _ in range(2):
        desk_op("visit.depart", WANG, by=CHU)
    assert "Mr Wang" in ben.get("/desk/settle/").text
    with app.app_context():
        retention.purge_expired(HOME_SITE, datetime.now(UTC) + timedelta(days=31))
    for page in ("/desk/settle/", "/desk/settle/history"):
        answer = ben.get(page)
        assert answer.status_code == 200 and "Mr Wang" not in answer.text


def test_gate_passes_are_listed(ben, desk_op):
    desk_op("release.record", None, {"what": "A sofa", "agreed_by": "Ms Li"}, by=BEN)
    assert "A sofa" in ben.get("/desk/visits/releases").text
