"""Patrols: planning, scans, checkpoint labels, routes and the desk's pages."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.auth import qr_tokens
from server.db.engine import db
from server.jobs import scheduler
from server.models.patrol import PatrolRound, PatrolRoute
from server.oplog.replay import find_faults
from tests.seed_data import ANA, BEN, CHU, EVE, GATE, HOME_SITE, STAIRS, fixed_id, label
from tests.server.conftest import is_refused

EN = {"Accept-Language": "en"}
NORTH_POINT, SOUTH_POINT, ROUTE_ID = fixed_id("north"), fixed_id("south"), fixed_id("route")


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def route(app, desk_op):
    """A patrol route of two checkpoints with one window a day."""
    for id_, area in ((NORTH_POINT, GATE), (SOUTH_POINT, STAIRS)):
        payload = {"label": label("点", "Point"), "area_id": area, "route": label("夜", "Night")}
        desk_op("checkpoint.add", id_, payload, by=EVE)
    payload = {
        "label": label("夜巡", "Night round"),
        "points": [NORTH_POINT, SOUTH_POINT],
        "fastest": 0,
    }
    when = {"rrule": "FREQ=DAILY", "window": "P1D", "dtstart": "2026-01-01T00:00:00+08:00"}
    added = {**payload, **when, "responsible_id": CHU, "active": True}
    desk_op("route.add", ROUTE_ID, added, by=EVE, at=datetime.now(UTC) - timedelta(days=2))
    plan_rounds(app)


def plan_rounds(app, now=None):
    with app.app_context():
        return scheduler.plan(HOME_SITE, now or datetime.now(UTC))


@pytest.fixture
def current_round(app, route):
    """The id of the patrol whose window is open now."""
    now = datetime.now(UTC)
    with app.app_context():
        return (
            db.session.scalars(PatrolRound.between(HOME_SITE, now, now + timedelta(seconds=1)))
            .one()
            .id
        )


def label_token(app, point=NORTH_POINT, serial=1, site=HOME_SITE):
    with app.app_context():
        return qr_tokens.label_token(site, point, serial)


def stored_scan(app, **more):
    return {"checkpoint": NORTH_POINT, "method": "qr", "token": label_token(app, **more)}


@pytest.mark.rule("N2")
def test_patrols_are_planned_once_and_follow_their_route(app, desk_op, route):
    assert plan_rounds(app) == 0
    with app.app_context():
        base = db.session.get(PatrolRoute, (HOME_SITE, ROUTE_ID)).version
        before = set(
            db.session.scalars(select(PatrolRound.id).where(PatrolRound.cancelled_at.is_(None)))
        )
    desk_op("route.change", ROUTE_ID, {"active": False}, base=base)
    assert plan_rounds(app) > 0
    with app.app_context():
        left = db.session.scalars(
            select(PatrolRound).where(PatrolRound.cancelled_at.is_(None))
        ).all()
        assert {each.id for each in left} < before
        assert all(each.window_start <= datetime.now(UTC) for each in left)


@pytest.mark.rule("N1")
def test_an_active_route_needs_a_responsible_person(desk_op, route):
    change = {"responsible_id": None}
    assert desk_op("route.change", ROUTE_ID, change, by=EVE)["code"] == "needs-responsible"
    assert desk_op("route.change", ROUTE_ID, {"fastest": 9}, by=ANA)["code"] == "not-allowed"


@pytest.mark.rule("A25")
def test_a_name_in_a_note_of_any_scan_is_found(app, desk_op, signed_in, current_round):
    """Also in that of a second scan, which only the log keeps."""
    for note in (None, "let 王小明 through"):
        scan = {"checkpoint": NORTH_POINT, "method": "manual", **({"note": note} if note else {})}
        assert desk_op("round.scan", current_round, scan, by=CHU)["status"] == "applied"
    eve = signed_in(EVE)
    found, other = (
        eve.post("/desk/personal_data/find", {"name": name}, headers={"Accept-Language": "en"}).text
        for name in ("王小明", "王大明")
    )
    assert "<h3>Patrol" in found and "let 王小明 through" in found
    assert "<h3>Patrol" not in other and "Nothing is held" in other


def test_a_scan_sent_twice_counts_once(app, phone, new_phone, current_round):
    first = phone.add_op("round.scan", current_round, stored_scan(app), by=CHU)
    verdict = phone.send_outbox()[first["id"]]
    assert verdict["status"] == "applied"
    assert phone.push(first).expect_ok()["verdicts"] == [verdict]
    body = new_phone().get_record("round", current_round)
    assert body["scans"][NORTH_POINT]["by"] == "Chu"
    assert body["scans"][NORTH_POINT]["flags"] == []
    assert "seals" not in body["points"][0]


@pytest.mark.rule("N5")
def test_a_label_of_another_site_is_flagged(app, desk_op, phone, current_round):
    phone.send_op("round.scan", current_round, stored_scan(app, site=fixed_id("away")), by=CHU)
    assert phone.get_record("round", current_round)["scans"][NORTH_POINT]["flags"] == ["copied"]


@pytest.mark.rule("E7")
@pytest.mark.rule("E6")
def test_a_replaced_label_is_valid_in_current_and_future_patrols(
    app, desk_op, phone, current_round
):
    assert desk_op("checkpoint.relabel", NORTH_POINT, {}, by=ANA)["status"] == "refused"
    assert desk_op("checkpoint.relabel", NORTH_POINT, {}, by=BEN)["status"] == "applied"
    assert plan_rounds(app) > 0
    point = phone.get_record("checkpoint", NORTH_POINT)
    assert point["serial"] == 2 and point["code"].isdigit()
    phone.send_op("round.scan", current_round, stored_scan(app, serial=2), by=CHU)
    assert phone.get_record("round", current_round)["scans"][NORTH_POINT]["flags"] == []
    with app.app_context():
        later = datetime.now(UTC) + timedelta(days=scheduler.LOOK_AHEAD.days)
    assert plan_rounds(app, later) > 0
    with app.app_context():
        *_, new = db.session.scalars(
            PatrolRound.between(HOME_SITE, later, later + timedelta(days=99))
        )
        seals = {seal for point in new.points for seal in point["seals"]}
        assert qr_tokens.label_token_hashes(HOME_SITE, NORTH_POINT, 1)[0] not in seals
        assert qr_tokens.label_token_hashes(HOME_SITE, NORTH_POINT, 2)[0] in seals


@pytest.mark.clause("B4")
def test_a_ticket_reported_on_patrol_names_the_patrol(app, phone, current_round):
    report = {"channel": "on_round", "matter": "report", "declined_because": "seen"}
    about = {"about_type": "round", "about": current_round, "details": "Lamp broken", "area": GATE}
    phone.send_op("ticket.open", payload={**report, **about}, by=CHU)
    (ticket,) = phone.records_of("ticket")
    assert (ticket["about_type"], ticket["about"]) == ("round", current_round)


@pytest.mark.clause("B1")
def test_a_patrol_stores_late_scans_ok_and_skipped_checkpoints(app, phone, current_round):
    late = datetime.now(UTC) - timedelta(hours=1)
    phone.send_op("round.scan", current_round, stored_scan(app), by=CHU, at=late.isoformat())
    phone.send_op("round.fine", current_round, {"checkpoint": NORTH_POINT}, by=CHU)
    phone.send_op(
        "round.skip", current_round, {"checkpoint": SOUTH_POINT, "reason": "locked"}, by=CHU
    )
    body = phone.get_record("round", current_round)
    assert body["state"] == "done"
    assert body["fines"][NORTH_POINT]["by"] == "Chu"
    assert body["skips"][SOUTH_POINT]["reason"] == "locked"


def test_the_desk_shows_patrols_and_prints_labels(app, ben, phone, current_round):
    phone.send_op("round.scan", current_round, stored_scan(app, serial=7), by=CHU)
    assert "Night round" in ben.get("/desk/patrol/", headers=EN).text
    page = ben.get(f"/desk/patrol/{current_round}", headers=EN).text
    assert "invalid label" in page and "Chu" in page
    sheet = ben.get("/desk/patrol/labels", headers=EN).text
    assert sheet.count('class="qr"') == 2
    ben.post(f"/desk/patrol/points/{NORTH_POINT}/relabel")
    assert phone.get_record("checkpoint", NORTH_POINT)["serial"] == 2


def test_change_a_patrol_route(app, ben, route):
    with app.app_context():
        base = db.session.get(PatrolRoute, (HOME_SITE, ROUTE_ID)).version
    payload = {
        f"place.{SOUTH_POINT}": "1",
        "times": "20:00, 23:00",
        "window": "PT1H",
        "active": "on",
    }
    form = {**payload, "base": str(base), "responsible_id": CHU, "fastest": "20"}
    assert ben.post(f"/desk/patrol/routes/{ROUTE_ID}", form).status_code == 303
    with app.app_context():
        changed = db.session.get(PatrolRoute, (HOME_SITE, ROUTE_ID))
        assert changed.points == [SOUTH_POINT]
        assert changed.rrule.endswith("BYHOUR=20,23;BYMINUTE=0;BYSECOND=0")
    wrong = {**form, "times": "late"}
    assert is_refused(ben.post(f"/desk/patrol/routes/{ROUTE_ID}", wrong), "malformed")


def test_a_label_redirects_to_the_scan_page(client, app):
    code = f"{NORTH_POINT}.{label_token(app)}"
    assert client.get(f"/p/{code}").location == f"/field/scan?c={code}"


def test_another_site_cannot_see_patrols_or_labels(dao, current_round):
    assert dao.get(f"/desk/patrol/{current_round}").status_code == 404
    assert dao.post(f"/desk/patrol/points/{NORTH_POINT}/relabel").status_code == 404
    assert 'class="qr"' not in dao.get("/desk/patrol/labels").text
