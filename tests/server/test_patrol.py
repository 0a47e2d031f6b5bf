"""Patrols through the door: planned, scanned, labelled, played back."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.auth import qr_tokens
from server.db.engine import db
from server.jobs import scheduler
from server.models import PatrolRound, PatrolRoute
from server.oplog.replay import find_faults
from tests.cast import ANA, BEN, CHU, EVE, GATE, HOME, STAIRS, label, named

EN = {"Accept-Language": "en"}
NORTH, SOUTH, ROUTE = named("north"), named("south"), named("route")


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME) == []


@pytest.fixture
def route(app, desk):
    """Two points, gone all day long."""
    for id_, area in ((NORTH, GATE), (SOUTH, STAIRS)):
        said = {"label": label("点", "Point"), "area_id": area, "route": label("夜", "Night")}
        desk("checkpoint.add", id_, said, by=EVE)
    said = {"label": label("夜巡", "Night round"), "points": [NORTH, SOUTH], "fastest": 0}
    when = {"rrule": "FREQ=DAILY", "window": "P1D", "dtstart": "2026-01-01T00:00:00+08:00"}
    desk("route.add", ROUTE, {**said, **when, "responsible_id": CHU, "active": True}, by=EVE)
    plan(app)


def plan(app, now=None):
    with app.app_context():
        return scheduler.plan(HOME, now or datetime.now(UTC))


@pytest.fixture
def today(app, route):
    """The round that is on now."""
    now = datetime.now(UTC)
    with app.app_context():
        return (
            db.session.scalars(PatrolRound.between(HOME, now, now + timedelta(seconds=1))).one().id
        )


def token(app, point=NORTH, serial=1, site=HOME):
    with app.app_context():
        return qr_tokens.label_token(site, point, serial)


def scanned(app, **more):
    return {"checkpoint": NORTH, "method": "qr", "token": token(app, **more)}


@pytest.mark.rule("N2")
def test_rounds_are_planned_once_and_follow_their_route(app, desk, route):
    assert plan(app) == 0
    with app.app_context():
        base = db.session.get(PatrolRoute, (HOME, ROUTE)).version
        before = set(
            db.session.scalars(select(PatrolRound.id).where(PatrolRound.cancelled_at.is_(None)))
        )
    desk("route.change", ROUTE, {"active": False}, base=base)
    assert plan(app) > 0
    with app.app_context():
        left = db.session.scalars(
            select(PatrolRound).where(PatrolRound.cancelled_at.is_(None))
        ).all()
        assert {each.id for each in left} < before
        assert all(each.window_start <= datetime.now(UTC) for each in left)


@pytest.mark.rule("N1")
def test_a_route_that_nobody_answers_for_is_not_in_force(desk, route):
    change = {"responsible_id": None}
    assert desk("route.change", ROUTE, change, by=EVE)["code"] == "needs-responsible"
    assert desk("route.change", ROUTE, {"fastest": 9}, by=ANA)["code"] == "not-allowed"


def test_a_scan_counts_once_and_is_seen_by_every_guard(app, phone, new_phone, today):
    first = phone.op("round.scan", today, scanned(app), by=CHU)
    told = phone.send()[first["id"]]
    assert told["status"] == "applied"
    assert phone.push(first).told()["verdicts"] == [told]
    body = new_phone().record("round", today)
    assert body["scans"][NORTH]["by"] == "Chu"
    assert body["scans"][NORTH]["flags"] == []
    assert "seals" not in body["points"][0]


@pytest.mark.rule("N5")
def test_a_label_of_another_site_or_a_replaced_one_is_flagged(app, desk, phone, today):
    phone.verdict("round.scan", today, scanned(app, site=named("away")), by=CHU)
    assert phone.record("round", today)["scans"][NORTH]["flags"] == ["copied"]


@pytest.mark.rule("E7")
@pytest.mark.rule("E6")
def test_a_new_label_is_known_by_rounds_to_come_and_the_old_one_no_more(app, desk, phone, today):
    assert desk("checkpoint.relabel", NORTH, {}, by=ANA)["status"] == "refused"
    assert desk("checkpoint.relabel", NORTH, {}, by=BEN)["status"] == "applied"
    assert plan(app) > 0
    point = phone.record("checkpoint", NORTH)
    assert point["serial"] == 2 and point["code"].isdigit()
    phone.verdict("round.scan", today, scanned(app, serial=2), by=CHU)
    assert phone.record("round", today)["scans"][NORTH]["flags"] == []
    with app.app_context():
        later = datetime.now(UTC) + timedelta(days=scheduler.LOOK_AHEAD.days)
    assert plan(app, later) > 0
    with app.app_context():
        *_, new = db.session.scalars(PatrolRound.between(HOME, later, later + timedelta(days=99)))
        seals = {seal for point in new.points for seal in point["seals"]}
        assert qr_tokens.label_token_hash(HOME, NORTH, 1) not in seals
        assert qr_tokens.label_token_hash(HOME, NORTH, 2) in seals


@pytest.mark.clause("B4")
def test_a_problem_at_a_point_is_a_ticket_that_knows_its_round(app, phone, today):
    report = {"channel": "on_round", "matter": "report", "declined_because": "seen"}
    about = {"about_type": "round", "about": today, "details": "Lamp broken", "area": GATE}
    phone.verdict("ticket.open", payload={**report, **about}, by=CHU)
    (ticket,) = phone.of("ticket")
    assert (ticket["about_type"], ticket["about"]) == ("round", today)


@pytest.mark.clause("B1")
def test_late_fine_and_skipped_are_kept(app, phone, today):
    late = datetime.now(UTC) - timedelta(hours=1)
    phone.verdict("round.scan", today, scanned(app), by=CHU, at=late.isoformat())
    phone.verdict("round.fine", today, {"checkpoint": NORTH}, by=CHU)
    phone.verdict("round.skip", today, {"checkpoint": SOUTH, "reason": "locked"}, by=CHU)
    body = phone.record("round", today)
    assert body["state"] == "done"
    assert body["fines"][NORTH]["by"] == "Chu"
    assert body["skips"][SOUTH]["reason"] == "locked"


def test_the_desk_sees_the_day_plays_a_round_back_and_prints_labels(app, ben, phone, today):
    phone.verdict("round.scan", today, scanned(app, serial=7), by=CHU)
    assert "Night round" in ben.get("/desk/patrol/", headers=EN).text
    page = ben.get(f"/desk/patrol/{today}", headers=EN).text
    assert "label not valid" in page and "Chu" in page
    sheet = ben.get("/desk/patrol/labels", headers=EN).text
    assert sheet.count("<svg") == 2
    ben.post(f"/desk/patrol/points/{NORTH}/relabel")
    assert phone.record("checkpoint", NORTH)["serial"] == 2


def test_the_desk_changes_a_route(app, ben, route):
    with app.app_context():
        base = db.session.get(PatrolRoute, (HOME, ROUTE)).version
    said = {f"place.{SOUTH}": "1", "times": "20:00, 23:00", "window": "PT1H", "active": "on"}
    form = {**said, "base": str(base), "responsible_id": CHU, "fastest": "20"}
    assert "said=" not in ben.post(f"/desk/patrol/routes/{ROUTE}", form).location
    with app.app_context():
        changed = db.session.get(PatrolRoute, (HOME, ROUTE))
        assert changed.points == [SOUTH]
        assert changed.rrule.endswith("BYHOUR=20,23;BYMINUTE=0;BYSECOND=0")
    wrong = {**form, "times": "late"}
    assert "said=needs-times" in ben.post(f"/desk/patrol/routes/{ROUTE}", wrong).location


def test_any_scanner_app_is_led_to_the_phones_page(client, app):
    code = f"{NORTH}.{token(app)}"
    assert client.get(f"/p/{code}").location == f"/field/scan?c={code}"


def test_dao_sees_no_round_and_prints_no_label(dao, today):
    assert dao.get(f"/desk/patrol/{today}").status_code == 404
    assert dao.post(f"/desk/patrol/points/{NORTH}/relabel").status_code == 404
    assert "<svg" not in dao.get("/desk/patrol/labels").text
