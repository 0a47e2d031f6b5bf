"""Inspections over the wire and at the desk: kept once, scored, and what failed is put right."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.db import db
from server.oplog import own, post_many
from server.tables import Inspection, Merge, PhotoLink, Rectification, Template
from server.verify import verify
from sync.checklists import CHECKLISTS, template_id
from tests.cast import ANA, AWAY, BEN, CHU, DAO, EVE, HOME, STAIRS, named
from tests.server.test_wire_photos import picture

PACK = {each["code"]: each for each in CHECKLISTS}
STAIRWELL, GUARD = template_id(HOME, "IT-01"), template_id(HOME, "IT-07")
EN = {"Accept-Language": "en"}


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    with app.app_context():
        adding = [own("template.add", template_id(HOME, code), PACK[code]) for code in PACK]
        post_many(HOME, adding)
    yield
    with app.app_context():
        assert verify(HOME) == []


def seen(**said):
    """What somebody tells of the stairs."""
    about = {} if "person" in said else {"area": STAIRS}
    return {"template_id": STAIRWELL, "edition": 1, **about, **said}


def inspected(phone, by=BEN, **said):
    """A record and what became of it."""
    made = phone.op("inspection.record", None, seen(**said), by=by)
    assert phone.send()[made["id"]]["status"] == "applied"
    return phone.record("inspection", made["subject"])


@pytest.mark.clause("C9")
@pytest.mark.rule("I7")
def test_each_of_four_failed_criteria_raises_a_rectification_of_its_own(phone):
    inspection = inspected(phone, rest="fail", notes={"piled": "a sofa"})
    assert inspection["score"] == 0
    raised = phone.of("rectification")
    assert {each["item"] for each in raised} == {"corners", "piled", "posted", "cobwebs"}
    assert {each["state"] for each in raised} == {"open"}
    assert [each["finding"] for each in raised if each["item"] == "piled"] == ["a sofa"]


@pytest.mark.clause("B1")
def test_an_inspection_sent_twice_is_there_once(phone):
    said = {"template_id": GUARD, "person": CHU, "results": {"face": "fail"}, "rest": "pass"}
    made = phone.op("inspection.record", None, seen(**said), by=BEN)
    first, again = phone.push(made).told(), phone.push(made).told()
    assert first["verdicts"] == again["verdicts"]
    phone.outbox.clear()
    (inspection,) = phone.of("inspection")
    assert (inspection["assessor_id"], inspection["person"]) == (BEN, CHU)
    assert inspection["score"] == 875
    assert [each["responsible_id"] for each in phone.of("rectification")] == [CHU]


def test_an_inspection_that_comes_late_is_kept_at_its_own_time(phone):
    phone.boot = "two days ago"
    ago = datetime.now(UTC) - timedelta(days=2)
    made = phone.op("inspection.record", None, seen(rest="pass"), by=BEN, at=ago.isoformat())
    assert phone.send()[made["id"]]["status"] == "applied"
    inspection = phone.record("inspection", made["subject"])
    assert inspection["inspected_at"][:19] == ago.isoformat()[:19]


def test_dao_may_inspect_nothing_here(phone, new_phone):
    assert phone.verdict("inspection.record", None, seen(rest="pass"), by=DAO)["status"] == "held"
    inspected(phone, rest="fail")
    (one, *_) = phone.of("rectification")
    elsewhere = new_phone(AWAY)
    for kind, payload in (
        ("rectification.complete", {}),
        ("rectification.verify", {"result": "pass"}),
    ):
        assert elsewhere.verdict(kind, one["id"], payload, by=DAO)["status"] == "quarantined"
    assert phone.record("rectification", one["id"])["state"] == "open"


@pytest.mark.rule("I9")
def test_it_is_put_right_looked_at_again_and_earlier_work_clears_nothing(phone, new_phone):
    inspected(phone, results={"piled": "fail"})
    (one,) = phone.of("rectification")
    cleaner = new_phone()
    cleaner.boot = "this morning"
    before = (datetime.now(UTC) - timedelta(hours=4)).isoformat()
    told = cleaner.verdict("rectification.complete", one["id"], {}, by=ANA, at=before)
    assert told["status"] == "applied"
    assert phone.record("rectification", one["id"])["state"] == "open"
    cleaner.boot = "now"
    cleaner.verdict("rectification.complete", one["id"], {"note": "carried out"}, by=ANA)
    assert phone.record("rectification", one["id"])["done_by"] == "Ana"
    phone.verdict("rectification.verify", one["id"], {"result": "fail", "note": "still"}, by=BEN)
    again = phone.record("rectification", one["id"])
    assert (again["state"], again["finding"], again["failures"]) == ("open", "still", 2)
    cleaner.verdict("rectification.complete", one["id"], by=ANA)
    phone.verdict("rectification.verify", one["id"], {"result": "pass"}, by=BEN)
    assert phone.record("rectification", one["id"])["state"] == "verified"


def test_photos_of_a_criterion_belong_to_the_inspection(app, phone):
    content = picture()
    sha256 = hashlib.sha256(content).hexdigest()
    phone.photo("PUT", sha256, content)
    shots = {"results": {"piled": "fail"}, "shots": {"piled": [sha256]}}
    inspection = inspected(phone, **shots)
    assert (inspection["photos"], inspection["photos_here"]) == ([sha256], 1)
    with app.app_context():
        (link,) = db.session.scalars(select(PhotoLink).where(PhotoLink.sha256 == sha256))
        assert (link.subject, link.subject_type) == (inspection["id"], "inspection")
    assert [each["before"] for each in phone.of("rectification")] == [[sha256]]


@pytest.mark.rule("I5")
@pytest.mark.parametrize(
    ("said", "by", "flag"),
    [
        ({"edition": 9, "results": {"piled": "pass"}}, BEN, "unknown-edition"),
        ({"template_id": named("nowhere"), "results": {"a": "fail"}}, BEN, "unknown-edition"),
        ({"results": {"lamps": "fail"}}, BEN, "unknown-items"),
        ({"template_id": GUARD, "person": CHU, "rest": "pass"}, CHU, "self-inspection"),
    ],
)
def test_what_is_odd_is_kept_and_put_to_the_desk(app, phone, said, by, flag):
    inspection = inspected(phone, by=by, **said)
    assert inspection["of_self"] == (flag == "self-inspection")
    with app.app_context():
        (merge,) = db.session.scalars(Merge.unsettled(HOME))
        assert (merge.rule, merge.subject) == (flag, inspection["id"])


@pytest.fixture
def pair(phone, new_phone):
    """Ben and Eve inspected the same stairs today, and neither saw the other."""
    told = [inspected(phone, rest="pass"), inspected(new_phone(), by=EVE, rest="fail")]
    return [each["id"] for each in told]


def officials(app):
    with app.app_context():
        rows = db.session.scalars(select(Inspection).where(Inspection.official_at.is_not(None)))
        return [row.id for row in rows]


@pytest.mark.rule("I8")
def test_the_desk_says_which_of_two_counts_and_may_change_its_mind(app, ben, phone, pair):
    assert len(phone.of("inspection")) == 2
    assert "Which one counts?" in ben.get("/desk/inspections/", headers=EN).text
    for one in pair:
        assert ben.post(f"/desk/inspections/{one}/official").status_code == 303
        assert officials(app) == [one]
    assert "Which one counts?" not in ben.get("/desk/inspections/", headers=EN).text
    ben.post(f"/desk/inspections/{pair[1]}/unofficial")
    assert officials(app) == []


@pytest.mark.rule("I8")
def test_only_the_desk_says_which_counts(app, desk, dao, phone, pair):
    for kind in ("inspection.make_official", "inspection.unmake_official"):
        assert desk(kind, pair[0], by=ANA)["status"] == "refused"
        assert phone.verdict(kind, pair[0], by=BEN)["code"] == "not-for-phones"
    assert dao.post(f"/desk/inspections/{pair[0]}/official").status_code == 404
    assert dao.get(f"/desk/inspections/{pair[0]}").status_code == 404
    assert officials(app) == []


def test_a_report_names_its_formula_its_criteria_and_what_it_raised(ben, phone):
    one = inspected(phone, results={"piled": "fail"}, rest="pass", notes={"piled": "a sofa"})
    page = ben.get(f"/desk/inspections/{one['id']}", headers=EN).text
    for word in ("pass-weight/1", "75", "Cobwebs", "a sofa", "open"):
        assert word in page
    for by in ("area", "person", "code"):
        assert "pass-weight/1" in ben.get(f"/desk/inspections/?by={by}", headers=EN).text


@pytest.mark.rule("I11")
def test_the_desk_names_who_puts_it_right_and_by_when(app, ben, dao, desk, phone):
    inspected(phone, results={"piled": "fail"})
    (one,) = phone.of("rectification")
    form = {"responsible_id": ANA, "due_at": "2026-12-24"}
    address = f"/desk/inspections/rectifications/{one['id']}"
    assert dao.post(address, form).status_code == 404
    assert desk("rectification.assign", one["id"], {"responsible_id": ANA}, by=CHU)["status"] == (
        "refused"
    )
    ben.post(address, form)
    with app.app_context():
        kept = db.session.get(Rectification, (HOME, one["id"]))
        assert kept.responsible_id == ANA
        assert (kept.due_at.month, kept.due_at.day) == (12, 24)


def current(app, id_=STAIRWELL):
    with app.app_context():
        return db.session.get(Template, (HOME, id_))


@pytest.mark.rule("I1")
def test_another_weight_is_a_new_edition_and_an_old_one_is_still_scored_by_its_own(app, sat, phone):
    eve, form = sat(EVE), {"base": str(current(app).version)}
    weights = {f"weight.{item['id']}": "1" for item in PACK["IT-01"]["items"]}
    eve.post(f"/desk/checklists/{STAIRWELL}", {**form, **weights, "weight.piled": "7"})
    assert current(app).edition == 2
    results = {"results": {"piled": "fail"}, "rest": "pass"}
    assert inspected(phone, edition=1, **results)["score"] == 750
    assert inspected(phone, edition=2, **results)["score"] == 300


@pytest.mark.rule("I2")
def test_checklists_are_changed_by_managers_alone(app, ben, desk, phone):
    form = {"base": str(current(app).version), "new.zh": "帽子", "new.en": "Cap"}
    assert ben.post(f"/desk/checklists/{STAIRWELL}", form).status_code == 403
    new = {**PACK["IT-05"], "code": "X-1"}
    for kind, payload in (
        ("template.add", new),
        ("template.revise", {"items": []}),
        ("template.retire", {}),
    ):
        subject = named("x-1") if kind == "template.add" else STAIRWELL
        assert desk(kind, subject, payload, by=BEN)["status"] == "refused"
        assert phone.verdict(kind, subject, payload, by=EVE)["code"] == "not-for-phones"
        assert desk(kind, subject, payload, by=EVE)["status"] == "applied"
    assert current(app).retired_at
    assert phone.record("template", STAIRWELL)["state"] == "retired"
