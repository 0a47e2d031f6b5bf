"""Visits at the desk: pre-registration, the list, legal hold, retention, gate passes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from server.jobs import retention
from sync.protocol.clock import SITE_ZONE
from tests.seed_data import BEN, CHU, EVE, FLAT, HOME_SITE, fixed_id

EN = {"Accept-Language": "en"}
WANG, LI = fixed_id("wang"), fixed_id("li")


@pytest.fixture
def expected_visits(desk_op):
    wang = {"visitor": "Mr Wang", "purpose": "service", "plate": "沪A12345", "host_unit": FLAT}
    desk_op("visit.arrive", WANG, {**wang, "expected_minutes": 1}, by=CHU)
    desk_op("visit.arrive", LI, {"visitor": "Ms_Li", "purpose": "family", "plate": "京B"}, by=CHU)


def find_visits(browser, **asked):
    """The page of the visits that are asked, of whatever state; what is asked stands in no
    address."""
    sent = browser.post("/desk/visits/filter", {"state": "any", **asked})
    assert sent.status_code == 303 and "words" not in sent.location
    return browser.get(sent.location, headers=EN).text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"words": "沪a12"}, {"Mr Wang"}),
        ({"words": "2345"}, {"Mr Wang"}),
        ({"words": "沪Ａ·１２３\u200b"}, {"Mr Wang"}),
        ({"words": "Mr\u00a0wa\u200bng\0"}, {"Mr Wang"}),
        ({"words": "Wang 2345"}, {"Mr Wang"}),
        ({"words": "Wang 9999"}, set()),
        ({"words": "\0"}, {"Mr Wang", "Ms_Li"}),
        ({"words": "·"}, set()),
        ({"words": "Wang"}, {"Mr Wang"}),
        ({"words": "_"}, {"Ms_Li"}),
        ({"words": "%"}, set()),
        ({"words": "1203"}, {"Mr Wang"}),
        ({"home": "1203"}, {"Mr Wang"}),
        ({"purpose": "family"}, {"Ms_Li"}),
        ({"inside_since": "2020-01-01T00:00"}, {"Mr Wang", "Ms_Li"}),
        ({"inside_until": "2020-01-01T00:00"}, set()),
        ({"inside_until": "2020-01-01"}, set()),
        ({"inside_since": "nonsense"}, {"Mr Wang", "Ms_Li"}),
    ],
)
def test_visits_are_searched_by_plate_person_home_and_time(ben, expected_visits, asked, found):
    text = find_visits(ben, **asked)
    assert {name for name in ("Mr Wang", "Ms_Li") if name in text} == found


def test_who_was_inside_at_a_time_of_the_day_is_found(ben, desk_op, expected_visits):
    desk_op("visit.depart", WANG, by=CHU)
    now = datetime.now(SITE_ZONE)
    hour_ago, hour_later = (
        (now + timedelta(hours=hours)).replace(tzinfo=None).isoformat(timespec="minutes")
        for hours in (-1, 1)
    )
    for since, until, found in (
        (hour_ago, hour_later, {"Mr Wang", "Ms_Li"}),
        ("2020-01-01T00:00", hour_ago, set()),
        (hour_later, "", {"Ms_Li"}),
    ):
        text = find_visits(ben, inside_since=since, inside_until=until)
        assert {name for name in ("Mr Wang", "Ms_Li") if name in text} == found, (since, until)
    assert f'value="{hour_later}"' in text


def test_pre_register_and_let_in_a_visitor(ben):
    form = {"visitor": "Ms Zhou", "purpose": "business", "expected_from": "2026-11-24T10:00"}
    assert ben.post("/desk/visits/expect", form).location == "/desk/visits/"
    assert "Ms Zhou" not in ben.get("/desk/visits/", headers=EN).text, "not inside"
    page = ben.get("/desk/visits/?state=expected", headers=EN).text
    visit = re.search(r'href="/desk/visits/([0-9a-f-]{36})[^>]*>Ms Zhou</a>', page)[1]
    assert "Let in: Ms Zhou" in page
    sent = {"row": visit, "state": "expected"}
    assert ben.post("/desk/visits/bulk/admit", sent).location == "/desk/visits/?state=expected"
    page = ben.get("/desk/visits/", headers=EN).text
    assert "Ms Zhou" in page and "Log out: Ms Zhou" in page
    again = ben.post("/desk/visits/bulk/admit", sent, headers=EN).text
    assert "There is nothing to do here." in again and "Ms Zhou" in again
    assert ben.post("/desk/visits/bulk/depart", {"row": visit}).status_code == 303
    assert "Ms Zhou" not in ben.get("/desk/visits/", headers=EN).text


@pytest.mark.clause("A2")
def test_the_desk_counts_visits_without_goodbye_or_logout(ben, desk_op, expected_visits):
    desk_op("visit.depart", WANG, by=CHU)
    page = ben.get("/desk/visits/", headers=EN).text
    assert "1 left without a goodbye" in page and "1 not logged out" in page
    left = ben.get("/desk/visits/?state=no_farewell", headers=EN).text
    open_ = ben.get("/desk/visits/?state=not_seen_out", headers=EN).text
    assert "Mr Wang" in left and "Ms_Li" not in left
    assert "Ms_Li" in open_ and "Mr Wang" not in open_


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
