"""Places: names and numbers are used once, and lists are in natural order."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from server.db.engine import db
from server.desk.options import in_natural_order
from server.i18n.filters import by_label
from server.models.people import Person
from server.models.places import Checkpoint, Unit
from server.oplog.directory import directory_of
from server.oplog.receive import make_op, submit_many
from server.oplog.replay import find_faults
from tests.seed_data import EVE, HOME_SITE, STAIRS

EN = {"Accept-Language": "en"}


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


def home(label):
    return {"label.zh": label, "label.en": label, "area_id": STAIRS, "occupied": "on"}


def stored(app, table):
    with app.app_context():
        assert find_faults(HOME_SITE) == []
        return list(db.session.query(table).filter_by(site_id=HOME_SITE))


@pytest.mark.rule("E20")
def test_a_home_is_added_once_and_homes_are_listed_in_natural_order(app, signed_in):
    eve = signed_in(EVE, HOME_SITE)
    for label in ("1-10-101", "1-2-101", "1-2-99"):
        assert eve.post("/desk/places/unit", home(label)).status_code == 303
    for spelling in ("1-2-101", "１－２－１０１", "1栋2单元101室", " 1–2–101 "):
        refused = eve.post("/desk/places/unit", home(spelling), headers=EN)
        assert refused.status_code == 422 and "taken here" in refused.text
    page = eve.get("/desk/places/", headers=EN).text
    assert "share a name" not in page
    places = [page.index(f">{label}</a>") for label in ("1-2-99", "1-2-101", "1-10-101")]
    assert places == sorted(places)
    labels = {unit.label["zh"] for unit in stored(app, Unit)}
    assert labels >= {"1-10-101", "1-2-101", "1-2-99"} and len(labels) == 4


def test_names_and_codes_are_listed_in_natural_order_and_who_has_left_comes_last():
    people = [Person(id=name, name=name) for name in ("Guard 10", "Guard 2", "guard 1")]
    people[2].active_to = datetime(2026, 1, 1, tzinfo=UTC)
    assert [person.name for person in in_natural_order(people, "name")] == [
        *("Guard 2", "Guard 10", "guard 1")
    ]
    rows = [{"label": {"zh": "2号"}, "code": "A10"}, {"label": {"zh": "10号"}, "code": "A2"}]
    assert by_label(rows[::-1], "zh") == rows and by_label(rows, "zh", "code") == rows[::-1]


@pytest.mark.rule("E20")
def test_a_checkpoint_number_is_used_once(app, signed_in):
    eve = signed_in(EVE, HOME_SITE)
    form = {"label.zh": "北", "label.en": "North", "area_id": STAIRS, "code": "４３２１"}
    assert eve.post("/desk/places/checkpoint", form).status_code == 303
    assert eve.post("/desk/places/checkpoint", {**form, "code": "4321"}).status_code == 422
    assert [point.code for point in stored(app, Checkpoint)].count("4321") == 1


@pytest.mark.rule("E20")
def test_older_duplicates_are_kept_and_listed(app, signed_in):
    payload = {"label": {"zh": "9-9", "en": "9-9"}, "area_id": STAIRS}
    with app.app_context():
        ops = [{**make_op("unit.add", None, payload, by=EVE), "v": 1} for _ in range(2)]
        answers = submit_many(HOME_SITE, ops)
    assert [answer["status"] for answer in answers] == ["applied", "applied"]
    assert len([unit for unit in stored(app, Unit) if unit.label["zh"] == "9-9"]) == 2
    page = signed_in(EVE, HOME_SITE).get("/desk/places/", headers=EN).text
    assert "share a name or a number: 9-9, 9-9" in page


def test_homes_are_found_by_part_of_their_number_or_by_their_area_and_marked_at_once(
    app, signed_in
):
    eve = signed_in(EVE, HOME_SITE)
    for label in ("7-1-101", "7-1-102", "8-1-101"):
        eve.post("/desk/places/unit", home(label))
    found = eve.post("/desk/places/filter", {"words": "7-1"}, headers=EN)
    page = eve.get(found.location, headers=EN).text
    assert "Export 2 rows" in page and "7-1-102" in page and "8-1-101" not in page
    with app.app_context():
        stairs = directory_of(HOME_SITE).areas[STAIRS]["en"]
    found = eve.post("/desk/places/filter", {"words": f"8-1 {stairs.split()[0]}"}, headers=EN)
    assert "Export 1 row" in eve.get(found.location, headers=EN).text
    ids = [unit.id for unit in stored(app, Unit) if unit.label["zh"].startswith("7-1")]
    assert eve.post("/desk/places/bulk/vacant", {"row": ids}).status_code == 303
    vacant = {unit.label["zh"] for unit in stored(app, Unit) if not unit.occupied}
    assert vacant >= {"7-1-101", "7-1-102"} and "8-1-101" not in vacant


def test_areas_say_how_much_lies_in_them(app, signed_in):
    page = signed_in(EVE, HOME_SITE).get("/desk/places/areas", headers=EN).text
    with app.app_context():
        stairs = directory_of(HOME_SITE).areas[STAIRS]["en"]
    row = page[page.index(f">{stairs}</a>") :].partition("</tr>")[0]
    homes = [unit for unit in stored(app, Unit) if unit.area_id == STAIRS]
    points = [point for point in stored(app, Checkpoint) if point.area_id == STAIRS]
    assert re.findall(r">\s*(\d+)\s*<", row) == [str(len(homes)), str(len(points))]
