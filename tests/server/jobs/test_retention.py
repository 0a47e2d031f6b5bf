"""Purging erases visitors everywhere, and the log still leads to the records that are left."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select, text

from server.db.engine import db
from server.jobs import frequent_visitors, retention
from server.models.conflicts import Conflict
from server.models.frequent_visitors import FrequentVisitor
from server.models.oplog import LoggedOp
from server.models.purges import PurgeRun
from server.models.visits import Visit
from server.oplog.replay import find_faults
from server.photos import uploads
from tests.seed_data import BEN, CHU, EVE, FLAT, HOME_SITE, fixed_id

PERSONAL_DATA = (
    "Mr Wang",
    "沪A12345",
    "13800000000",
    "Cable Ltd",
    "Mr Zhao",
    "A sofa",
    "nobody home",
)
ARRIVAL_PAYLOAD = {
    "visitor": "Mr Wang",
    "purpose": "service",
    "host_unit": FLAT,
    "host_person": "Mr Zhao",
    "firm": "Cable Ltd",
    "phone": "13800000000",
    "plate": "沪A12345",
}
GATE_PASS_PAYLOAD = {
    "what": "A sofa",
    "carrier": "Mr Wang",
    "agreed_by": "Mr Zhao",
    "host_unit": FLAT,
}


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def run_purge(app):
    """Runs the purge as if some days had passed."""

    def run(days=31):
        with app.app_context():
            return retention.purge_expired(HOME_SITE, datetime.now(UTC) + timedelta(days=days))

    return run


def database_text(app):
    """Everything that the tables with visitor data contain, as one text."""
    with app.app_context():
        tables = ("op", "visit", "release", "regular", "merge", "feed", "purge")
        return str([db.session.execute(text(f"SELECT * FROM {name}")).all() for name in tables])


def admit_visitor(phone, **more):
    op = phone.add_op("visit.arrive", None, {**ARRIVAL_PAYLOAD, **more}, by=CHU)
    phone.send_outbox()
    return op["subject"]


def jpeg_and_hash():
    out = io.BytesIO()
    Image.effect_noise((20, 20), 50).convert("RGB").save(out, "JPEG")
    jpeg = out.getvalue()
    return jpeg, hashlib.sha256(jpeg).hexdigest()


@pytest.mark.rule("V12")
@pytest.mark.asvs("14.2.4")
def test_a_purged_visit_is_erased_in_every_table_and_deleted_on_phones(
    app, phone, desk_op, run_purge
):
    visit = admit_visitor(phone)
    gate_pass = phone.add_op("release.record", None, {**GATE_PASS_PAYLOAD, "visit": visit}, by=CHU)
    phone.send_op("release.pass", gate_pass["subject"], by=CHU)
    phone.send_op("visit.depart", visit, by=CHU)
    phone.send_op("visit.depart", visit, by=CHU)  # a second exit opens a conflict
    desk_op("visit.amend", visit, {"plate": "沪A12345"})
    phone.pull_all()
    assert run_purge(29).records == {}
    counts = run_purge()
    assert (counts.records.get("visit"), counts.records.get("release"), counts.held) == (1, 1, 0)
    stored = database_text(app)
    assert [value for value in PERSONAL_DATA if value in stored] == []
    assert ("visit", visit) not in phone.pull_all()
    assert phone.records_of("release") == []
    with app.app_context():
        assert db.session.scalars(Conflict.unsettled(HOME_SITE)).all() == []
        assert db.session.get(Visit, (HOME_SITE, visit)).purged_at


@pytest.mark.rule("V13")
def test_a_purge_stores_its_numbers_and_a_second_one_changes_nothing(app, phone, run_purge):
    admit_visitor(phone)
    assert (run_purge().records.get("visit"), run_purge().records.get("visit")) == (1, None)
    with app.app_context():
        (run,) = db.session.scalars(PurgeRun.newest(HOME_SITE))
        assert (run.records, run.held) == ({"visit": 1}, 0)


@pytest.mark.rule("V13")
def test_a_visit_under_a_legal_hold_and_its_gate_pass_are_purged_after_the_hold(
    phone, desk_op, run_purge
):
    visit = admit_visitor(phone)
    phone.send_op("release.record", None, {**GATE_PASS_PAYLOAD, "visit": visit}, by=CHU)
    for by, status in ((CHU, "refused"), (BEN, "applied")):
        assert desk_op("visit.hold", visit, {"reason": "case 7"}, by=by)["status"] == status
    counts = run_purge()
    assert (counts.records.get("visit"), counts.records.get("release"), counts.held) == (
        None,
        None,
        1,
    )
    assert phone.get_record("visit", visit)["visitor"] == "Mr Wang"
    assert desk_op("visit.release_hold", visit)["status"] == "applied"
    counts = run_purge()
    assert (counts.records["visit"], counts.records["release"]) == (1, 1)


LATE_OPS = [
    ("visit.depart", {}),
    ("visit.refuse", {"reason": "nobody home"}),
    ("visit.return", {}),
    ("visit.reopen", {}),
    ("visit.admit", {"id_checked": True}),
    ("visit.presume_left", {}),
    ("visit.attend", {"step": "greeted"}),
]


@pytest.mark.rule("V12")
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(LATE_OPS), before=st.integers(0, len(LATE_OPS)))
def test_late_ops_restore_no_personal_data_in_any_order(app, phone, run_purge, order, before):
    visit = admit_visitor(phone)
    ops = [phone.add_op(kind, visit, payload, by=CHU) for kind, payload in order]
    if ops[:before]:
        phone.push(ops=ops[:before]).expect_ok()
    assert run_purge().records.get("visit") == 1
    if ops[before:]:
        late = phone.push(ops=ops[before:]).expect_ok()
        assert {verdict["status"] for verdict in late["verdicts"]} == {"applied"}
    again = phone.push(ops=ops).expect_ok()
    assert {verdict["status"] for verdict in again["verdicts"]} == {"applied"}
    phone.outbox.clear()
    assert ("visit", visit) not in phone.pull_all()
    stored = database_text(app)
    assert [value for value in PERSONAL_DATA if value in stored] == []
    assert run_purge().records == {}
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.mark.rule("V12")
@pytest.mark.asvs("14.2.4")
def test_photos_of_purged_visits_are_deleted_and_late_ones_not_stored(app, phone, run_purge):
    (jpeg, sha256), (late_jpeg, late_sha256) = jpeg_and_hash(), jpeg_and_hash()
    visit = admit_visitor(phone)
    attached = {"bytes": len(jpeg), "captured_at": "2026-11-24T10:00:00+08:00"}
    phone.send_op("photo.attach", visit, {**attached, "sha256": sha256}, by=CHU)
    assert phone.request_photo("PUT", sha256, jpeg).json["complete"]
    assert phone.get_record("visit", visit)["photos_here"] == 1
    counts = run_purge()
    assert (counts.records["visit"], counts.photos) == (1, 1)
    phone.send_op("photo.attach", visit, {**attached, "sha256": late_sha256}, by=CHU)
    assert phone.request_photo("PUT", late_sha256, late_jpeg).json["complete"]
    with app.app_context():
        folder = Path(app.config["DATA_DIR"]) / "photos" / HOME_SITE
        assert list(folder.iterdir()) == []
        assert uploads.find_photo(HOME_SITE, sha256) is None
    assert phone.request_photo("PUT", sha256, jpeg).json["complete"]
    assert phone.request_photo("GET", sha256).status == 404


@pytest.mark.rule("V12")
def test_a_purged_op_that_came_before_its_visit_does_not_block_the_visit(phone, run_purge):
    arrival = phone.add_op("visit.arrive", None, ARRIVAL_PAYLOAD, by=CHU)
    early = phone.add_op("visit.depart", arrival["subject"], by=CHU)
    assert phone.push(early).expect_ok()["verdicts"][0]["code"] == "no-such-record"
    assert run_purge().asides == 1
    assert phone.push(arrival).expect_ok()["verdicts"][0]["status"] == "applied"


@pytest.mark.rule("V12")
def test_ops_that_were_never_applied_are_redacted_too(app, phone, run_purge):
    phone.send_op("visit.arrive", None, {**ARRIVAL_PAYLOAD, "party_size": 0}, by=CHU)
    phone.send_op("visit.arrive", None, ARRIVAL_PAYLOAD, by=fixed_id("stranger"))
    assert run_purge().asides == 2
    assert "Mr Wang" not in database_text(app)
    assert run_purge().asides == 0
    with app.app_context():
        assert len(db.session.scalars(select(LoggedOp).where(LoggedOp.body.like("{%}"))).all()) > 2


@pytest.mark.rule("V12")
def test_managers_set_the_retention_period_within_limits(desk_op, phone, run_purge):
    admit_visitor(phone)
    ninety_days = {"retention_days": 90}
    assert desk_op("site.retain", HOME_SITE, ninety_days, by=BEN)["status"] == "refused"
    assert (
        desk_op("site.retain", HOME_SITE, {"retention_days": 6}, by=EVE)["status"] == "quarantined"
    )
    assert desk_op("site.retain", HOME_SITE, {}, by=EVE)["code"] == "nothing-changed"
    assert desk_op("site.retain", HOME_SITE, ninety_days, by=EVE)["status"] == "applied"
    assert phone.get_record("site", HOME_SITE)["retention_days"] == 90
    assert (run_purge(89).records.get("visit"), run_purge(91).records.get("visit")) == (None, 1)


@pytest.mark.rule("V15")
def test_a_frequent_visitor_is_added_updated_and_purged(app, phone, run_purge):
    def update(days=0):
        with app.app_context():
            return frequent_visitors.update_frequent_visitors(
                HOME_SITE, datetime.now(UTC) + timedelta(days=days)
            )

    admit_visitor(phone)
    assert (update(), phone.records_of("regular")) == (0, [])
    admit_visitor(phone)
    assert (update(), update()) == (1, 0)
    (visitor,) = phone.records_of("regular")
    assert (visitor["visitor"], visitor["plate"], visitor["times"]) == ("Mr Wang", "沪A12345", 2)
    admit_visitor(phone)
    assert update() == 1
    assert phone.records_of("regular")[0]["times"] == 3
    counts = run_purge()
    assert (counts.records["visit"], counts.records["regular"], update(31)) == (3, 1, 0)
    assert phone.records_of("regular") == []
    assert "Mr Wang" not in database_text(app)
    admit_visitor(phone), admit_visitor(phone)
    assert update() == 1
    with app.app_context():
        assert len(db.session.scalars(FrequentVisitor.not_purged(HOME_SITE)).all()) == 1


def test_the_states_of_a_pre_registered_visit(phone):
    payload = {"visitor": "Ms Li", "purpose": "business", "expected_minutes": 30}
    visit = phone.add_op("visit.expect", None, payload, by=CHU)["subject"]
    phone.send_outbox()
    assert phone.get_record("visit", visit)["state"] == "expected"
    for kind, state in [
        ("visit.admit", "inside"),
        ("visit.reopen", "expected"),
        ("visit.admit", "inside"),
        ("visit.presume_left", "departed"),
        ("visit.return", "inside"),
    ]:
        assert phone.send_op(kind, visit, by=CHU)["status"] == "applied"
        assert phone.get_record("visit", visit)["state"] == state
    phone.send_op("visit.attend", visit, {"step": "farewell"}, by=CHU)
    assert phone.get_record("visit", visit)["steps"] == ["farewell"]


@pytest.mark.rule("V14")
def test_a_gate_pass_is_released_once_and_the_release_can_be_undone(phone):
    gate_pass = phone.add_op("release.record", None, GATE_PASS_PAYLOAD, by=CHU)["subject"]
    phone.send_outbox()
    for kind, state in (("release.pass", "passed"), ("release.undo", "waiting")):
        phone.send_op(kind, gate_pass, by=CHU)
        assert phone.get_record("release", gate_pass)["state"] == state
