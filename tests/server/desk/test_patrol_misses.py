"""Scans that the desk moves, scans outside a patrol, and missed checkpoints."""

from datetime import UTC, datetime, timedelta

import pytest

from server.db.engine import db
from server.models.cases import Case
from server.models.patrol import PatrolRound
from server.oplog.receive import make_op, submit_many
from server.oplog.replay import find_faults
from sync.accountability.categories import category_id
from sync.accountability.categories_content import CATEGORIES
from sync.protocol.clock import SITE_ZONE
from tests.seed_data import BEN, CHU, EVE, GATE, HOME_SITE, STAIRS, fixed_id, label
from tests.server.conftest import is_refused

EN = {"Accept-Language": "en"}
NORTH, SOUTH, FIRST, SECOND = (fixed_id(name) for name in ("n", "s", "first", "second"))


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


def point(id_, code, area):
    named = {"checkpoint": id_, "code": code, "area_id": area, "label": label(code, f"P{code}")}
    return {**named, "seals": []}


@pytest.fixture
def rounds(app):
    """Two patrols of the same checkpoints: one ended three hours ago, one two hours ago."""
    now = datetime.now(UTC)
    with app.app_context():
        for id_, hours in ((FIRST, 3), (SECOND, 2)):
            end = now - timedelta(hours=hours)
            payload = {
                "route_id": fixed_id("route"),
                "label": label("夜巡", "Night round"),
                "points": [point(NORTH, "101", GATE), point(SOUTH, "102", STAIRS)],
                "responsible_id": CHU,
                "window_start": (end - timedelta(minutes=50)).isoformat(),
                "window_end": end.isoformat(),
            }
            submit_many(HOME_SITE, [make_op("round.plan", id_, payload)])
    return now


def stored(app, table, id_):
    with app.app_context():
        return db.session.get(table, (HOME_SITE, id_))


@pytest.mark.rule("N8")
def test_the_desk_moves_a_scan_to_the_patrol_it_belongs_to(app, rounds, phone, ben):
    at = rounds - timedelta(hours=2, minutes=20)
    scan = phone.add_op(
        "round.scan", FIRST, {"checkpoint": NORTH, "method": "code"}, by=CHU, at=at.isoformat()
    )
    phone.send_outbox()
    assert phone.get_record("round", FIRST)["scans"][NORTH]["flags"] == ["late"]
    page = ben.get(f"/desk/patrol/{FIRST}", headers=EN).text
    assert "scanned late" in page and SECOND in page
    form = {"scan": scan["id"], "to": SECOND, "because": "Chu was on the second patrol"}
    assert ben.post(f"/desk/patrol/{FIRST}/move", form).status_code == 303
    assert phone.get_record("round", FIRST)["scans"] == {}
    taken = phone.get_record("round", SECOND)["scans"][NORTH]
    assert (taken["by"], taken["flags"]) == ("Chu", ["moved"])
    for address in (f"/desk/record/round/{SECOND}", f"/desk/patrol/{FIRST}"):
        assert "Chu was on the second patrol" in ben.get(address).text
    assert is_refused(ben.post(f"/desk/patrol/{FIRST}/move", form), "already-moved")
    back = {**form, "to": "none"}
    assert ben.post(f"/desk/patrol/{SECOND}/move", back).status_code == 303
    assert "does not count here" in ben.get(f"/desk/patrol/{SECOND}", headers=EN).text


@pytest.mark.rule("N8")
def test_a_scan_outside_a_patrol_is_listed_and_can_be_counted(app, rounds, phone, ben, desk_op):
    added = {"label": label("北", "North"), "area_id": GATE, "route": label("夜", "Night")}
    desk_op("checkpoint.add", NORTH, added, by=EVE)
    at = rounds - timedelta(hours=2, minutes=20)
    payload = {"checkpoint": NORTH, "method": "code"}
    scan = phone.add_op("scan.record", fixed_id("walk"), payload, by=CHU, at=at.isoformat())
    assert phone.send_outbox()[scan["id"]]["status"] == "applied"
    day = at.astimezone(SITE_ZONE).date()
    listed = ben.get(f"/desk/patrol/scans?at_since={day}&at_until={day}", headers=EN).text
    assert "Scans outside a patrol" in listed and "North" in listed
    assert "Recorded" not in phone.get_record("scan", fixed_id("walk"))
    form = {"move.to": SECOND, "move.because": "started on the wrong page"}
    assert (
        ben.post("/desk/patrol/scans/bulk/move", {**form, "row": fixed_id("walk")}).status_code
        == 303
    )
    assert phone.get_record("round", SECOND)["scans"][NORTH]["flags"] == ["moved"]
    assert phone.get_record("scan", fixed_id("walk"))["state"] == "moved"


@pytest.mark.rule("N9", "A17")
@pytest.mark.clause("G10")
def test_missed_checkpoints_are_decided_like_missed_tasks(app, rounds, ben):
    page = ben.get("/desk/misses/points", headers=EN).text
    assert f"{FIRST}|{NORTH}" in page and f"{SECOND}|{SOUTH}" in page
    both = [f"{FIRST}|{NORTH}", f"{FIRST}|{SOUTH}"]
    form = {"row": both, "dispose.disposition": "reason", "dispose.note": "Power cut"}
    assert ben.post("/desk/misses/points/bulk/dispose", form).status_code == 303
    assert set(stored(app, PatrolRound, FIRST).disposed) == {NORTH, SOUTH}
    assert f"{FIRST}|" not in ben.get("/desk/misses/points").text
    assert "excused: Power cut" in ben.get("/desk/misses/points?state=reason", headers=EN).text
    assert "Power cut" in ben.get(f"/desk/patrol/{FIRST}").text
    for other in (f"person={BEN}", "state=case", "due_until=2026-01-01"):
        assert f"{SECOND}|" not in ben.get(f"/desk/misses/points?{other}").text
    late = ben.post("/desk/misses/points/bulk/dispose", {**form, "row": f"{SECOND}|{FIRST}"})
    assert late.status_code == 422, "there is no such checkpoint"
    month = f"{(rounds - timedelta(hours=2)).astimezone(SITE_ZONE):%Y-%m}"
    waiting = ben.get("/desk/months/", headers=EN).text
    assert month in waiting and "P102" in waiting


@pytest.mark.rule("A17", "A18")
@pytest.mark.clause("G10")
def test_a_case_about_missed_checkpoints_contains_the_guards_own_reason(
    app, rounds, phone, ben, desk_op
):
    id_ = category_id(HOME_SITE, "AC-1")
    desk_op("category.add", id_, CATEGORIES[0], by=EVE)
    desk_op("category.publish", id_, by=EVE)
    skip = {"checkpoint": SOUTH, "reason": "way_blocked"}
    at = (rounds - timedelta(hours=2, minutes=20)).isoformat()
    phone.add_op("round.skip", SECOND, skip, by=CHU, at=at)
    phone.send_outbox()
    asked = {"code": "missed_point", "type": "round", "id": SECOND}
    assert (
        f"code=missed_point&amp;type=round&amp;id={SECOND}"
        in ben.get("/desk/raise/?type=round").text
    )
    form = ben.get("/desk/raise/case", query_string=asked, headers=EN).text
    assert "102 · Way blocked" in form and "checked" not in form and "selected" not in form
    answer = {"category": f"{id_}|1a", "subject_kind": "person", "answers_id": CHU, "text": "Why?"}
    location = ben.post("/desk/raise/case", {**asked, **answer}).location
    found = stored(app, Case, location.rpartition("/")[2])
    assert {"skipped", "missed_point"} <= {fact["code"] for fact in found.facts}
    decided = stored(app, PatrolRound, SECOND).disposed
    assert {name: one["disposition"] for name, one in decided.items()} == {NORTH: "case"}


def test_phones_neither_move_scans_nor_decide_on_misses(rounds, phone, client):
    for kind in ("round.move", "round.dispose", "scan.move"):
        verdict = phone.send_op(kind, FIRST, {}, by=BEN)
        assert (verdict["status"], verdict["code"]) == ("quarantined", "not-for-phones")
    assert client.post(f"/desk/patrol/{FIRST}/move").status_code == 403
    assert client.post("/desk/patrol/scans/bulk/move").status_code == 403


def test_another_site_cannot_move_a_scan(dao, rounds):
    assert dao.post(f"/desk/patrol/{FIRST}/move").status_code == 404
    assert FIRST not in dao.get("/desk/patrol/?when_since=any").text
    assert FIRST not in dao.get("/desk/misses/points").text
