"""Inspections: scores, two of one thing, corrective actions, checklist editions."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models.checklists import Checklist
from server.models.inspections import Inspection
from server.models.rectifications import Rectification
from server.oplog.replay import find_faults
from sync.quality.checklists_content import CHECKLISTS, checklist_id
from tests.seed_data import ANA, BEN, CHU, EVE, HOME_SITE, STAIRS, fixed_id

EN = {"Accept-Language": "en"}
CODE = "IT-01"
CHECKLIST_ID = checklist_id(HOME_SITE, CODE)
FIRST_INSPECTION, SECOND_INSPECTION = fixed_id("inspection"), fixed_id("another inspection")
EMPTY_CHECKLIST_ID = checklist_id(HOME_SITE, "IT-04")


@pytest.fixture(autouse=True)
def log_and_records_agree(app, desk_op):
    for each in CHECKLISTS:
        desk_op("template.add", checklist_id(HOME_SITE, each["code"]), each, by=EVE)
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def criteria(phone):
    return [item["id"] for item in phone.get_record("template", CHECKLIST_ID)["items"]]


def inspection_payload(criteria, *, failed=(), area=STAIRS, **more):
    results = {id_: "fail" if id_ in failed else "pass" for id_ in criteria}
    return {"template_id": CHECKLIST_ID, "edition": 1, "area": area, "results": results, **more}


@pytest.mark.clause("C9")
def test_each_failed_criterion_makes_a_corrective_action(phone, criteria):
    assert len(criteria) == 4
    verdict = phone.send_op(
        "inspection.record", FIRST_INSPECTION, inspection_payload(criteria, failed=criteria), by=BEN
    )
    assert verdict["status"] == "applied"
    assert phone.get_record("inspection", FIRST_INSPECTION)["score"] == 0
    raised = phone.records_of("rectification")
    assert {found["item"] for found in raised} == set(criteria)
    assert {found["inspection_id"] for found in raised} == {FIRST_INSPECTION}


@pytest.mark.parametrize(
    ("checklist", "number"),
    [
        pytest.param("IT-02", 2, marks=pytest.mark.clause("C4")),
        pytest.param("IT-03", 5, marks=pytest.mark.clause("C13")),
        pytest.param("IT-05", 1, marks=pytest.mark.clause("D1")),
        pytest.param("IT-06", 2, marks=[pytest.mark.clause("D2"), pytest.mark.clause("D3")]),
        pytest.param("IT-07", 8, marks=[pytest.mark.clause("B1"), pytest.mark.clause("B4")]),
        pytest.param("IT-08", 3, marks=pytest.mark.clause("B2")),
        pytest.param("IT-09", 9, marks=[pytest.mark.clause("A2"), pytest.mark.clause("A4")]),
        ("IT-10", 6),
        ("IT-04", 0),
    ],
)
def test_the_checklists_have_as_many_criteria_as_the_rulebook(phone, checklist, number):
    body = phone.get_record("template", checklist_id(HOME_SITE, checklist))
    assert len(body["items"]) == number
    assert body["state"] == ("active" if number else "empty")
    assert "versions" not in body


def test_an_inspection_sent_twice_counts_once_with_its_own_time(phone, criteria):
    late = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    op = phone.add_op(
        "inspection.record",
        FIRST_INSPECTION,
        inspection_payload(criteria, failed=criteria[:1]),
        by=BEN,
        at=late,
    )
    first = phone.push(op).expect_ok()["verdicts"]
    assert phone.push(op).expect_ok()["verdicts"] == first
    body = phone.get_record("inspection", FIRST_INSPECTION)
    assert (body["score"], body["formula"], body["assessor"]) == (750, "pass-weight/1", "Ben")
    assert body["inspected_at"][:10] == late[:10]


def test_the_score_counts_assessed_criteria_only(phone, criteria):
    some = {**inspection_payload([]), "results": {criteria[0]: "fail", criteria[1]: "na"}}
    phone.send_op("inspection.record", FIRST_INSPECTION, {**some, "rest": "pass"}, by=BEN)
    phone.send_op("inspection.record", SECOND_INSPECTION, some, by=BEN)
    assert phone.get_record("inspection", FIRST_INSPECTION)["score"] == 667
    assert phone.get_record("inspection", SECOND_INSPECTION)["score"] == 0


@pytest.mark.clause("A4")
def test_a_self_inspection_cannot_be_official(phone, desk_op):
    payload = {
        "template_id": checklist_id(HOME_SITE, "IT-05"),
        "edition": 1,
        "person": BEN,
        "rest": "pass",
    }
    assert (
        phone.send_op("inspection.record", FIRST_INSPECTION, payload, by=BEN)["status"] == "applied"
    )
    assert phone.get_record("inspection", FIRST_INSPECTION)["of_self"] is True
    assert desk_op("inspection.make_official", FIRST_INSPECTION, {})["code"] == "self-inspection"


def undecided(ben):
    """The inspections of which the list says that nobody chose one."""
    page = ben.get("/desk/inspections/?state=undecided", headers=EN).text
    return set(re.findall(r'href="/desk/inspections/([0-9a-f-]{36})', page))


def test_the_desk_chooses_one_of_two_inspections_as_official(app, ben, phone, new_phone, criteria):
    phone.send_op("inspection.record", FIRST_INSPECTION, inspection_payload(criteria), by=BEN)
    new_phone().send_op(
        "inspection.record",
        SECOND_INSPECTION,
        inspection_payload(criteria, failed=criteria[:2]),
        by=EVE,
    )
    assert undecided(ben) == {FIRST_INSPECTION, SECOND_INSPECTION}
    ben.post(f"/desk/inspections/{FIRST_INSPECTION}/official")
    assert undecided(ben) == set()
    ben.post(f"/desk/inspections/{SECOND_INSPECTION}/official")
    with app.app_context():
        chosen = select(Inspection.id).where(Inspection.official_at.is_not(None))
        assert list(db.session.scalars(chosen)) == [SECOND_INSPECTION], "the one before steps back"
    ben.post(f"/desk/inspections/{SECOND_INSPECTION}/unofficial")
    assert undecided(ben) == {FIRST_INSPECTION, SECOND_INSPECTION}
    page = ben.get(f"/desk/inspections/{SECOND_INSPECTION}", headers=EN).text
    assert "Score: 50 of 100" in page and "pass-weight/1" in page


def test_earlier_work_does_not_complete_a_corrective_action(phone, desk_op, criteria):
    phone.send_op(
        "inspection.record",
        FIRST_INSPECTION,
        inspection_payload(criteria, failed=criteria[:1]),
        by=BEN,
    )
    (found,) = phone.records_of("rectification")
    assert desk_op("rectification.assign", found["id"], {"responsible_id": ANA}, by=BEN)
    before = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    phone.send_op("rectification.complete", found["id"], {}, by=ANA, at=before)
    assert phone.get_record("rectification", found["id"])["state"] == "open"
    phone.send_op("rectification.complete", found["id"], {"note": "wiped"}, by=ANA)
    assert phone.get_record("rectification", found["id"])["state"] == "done"
    phone.send_op("rectification.verify", found["id"], {"result": "fail"}, by=BEN)
    assert phone.get_record("rectification", found["id"])["state"] == "open"
    phone.send_op("rectification.complete", found["id"], {}, by=ANA)
    phone.send_op("rectification.verify", found["id"], {"result": "pass"}, by=BEN)
    assert phone.get_record("rectification", found["id"])["state"] == "verified"


def test_a_person_of_another_site_cannot_complete_a_corrective_action(phone, new_phone, criteria):
    phone.send_op(
        "inspection.record",
        FIRST_INSPECTION,
        inspection_payload(criteria, failed=criteria[:1]),
        by=BEN,
    )
    (found,) = phone.records_of("rectification")
    verdict = phone.send_op("rectification.complete", found["id"], {}, by=fixed_id("dao"))
    assert verdict["status"] == "held"
    assert phone.get_record("rectification", found["id"])["state"] == "open"


def test_a_used_checklist_edition_does_not_change(app, signed_in, phone, criteria):
    eve = signed_in(EVE)
    phone.send_op(
        "inspection.record",
        FIRST_INSPECTION,
        inspection_payload(criteria, failed=criteria[:1]),
        by=BEN,
    )
    form = {"base": "1", f"weight.{criteria[0]}": "3", "new.zh": "灯", "new.en": "Lamps"}
    form |= {"picture.new": "light", f"picture.{criteria[0]}": ""}
    assert eve.post(f"/desk/checklists/{CHECKLIST_ID}", form).status_code == 303
    body = phone.get_record("template", CHECKLIST_ID)
    assert (body["edition"], len(body["items"])) == (2, 5)
    pictures = [item["picture"] for item in body["items"]]
    assert (pictures[0], pictures[-1]) == (None, "light") and all(pictures[1:-1])
    assert phone.get_record("inspection", FIRST_INSPECTION)["score"] == 750
    late = inspection_payload(criteria, failed=criteria[:1])
    phone.send_op("inspection.record", SECOND_INSPECTION, late, by=BEN)
    assert phone.get_record("inspection", SECOND_INSPECTION)["score"] == 750, (
        "made with the edition it knew"
    )
    anew = {**late, "edition": 2}
    third = fixed_id("third")
    phone.send_op("inspection.record", third, anew, by=BEN)
    assert phone.get_record("inspection", third)["score"] == 500


def test_only_managers_edit_checklists(app, ben, signed_in):
    eve = signed_in(EVE)
    new = {
        "code": "X-1",
        "label.zh": "新",
        "label.en": "Newest",
        "about": "area",
        "area_kinds": "gate",
    }
    assert ben.post("/desk/checklists/", new).status_code == 403
    assert eve.post("/desk/checklists/", new).status_code == 303
    assert "Newest" in ben.get("/desk/checklists/", headers=EN).text
    eve.post(f"/desk/checklists/{EMPTY_CHECKLIST_ID}/retire")
    with app.app_context():
        assert db.session.get(Checklist, (HOME_SITE, EMPTY_CHECKLIST_ID)).retired_at


def test_assign_a_corrective_action(app, ben, dao, phone, criteria):
    phone.send_op(
        "inspection.record",
        FIRST_INSPECTION,
        inspection_payload(criteria, failed=criteria[:1]),
        by=BEN,
    )
    (found,) = phone.records_of("rectification")
    form = {"assign.responsible_id": CHU, "assign.due_at": "2026-12-24", "row": [found["id"]]}
    dao.post("/desk/inspections/rectifications/bulk/assign", form)
    with app.app_context():
        assert db.session.get(Rectification, (HOME_SITE, found["id"])).responsible_id is None
    ben.post("/desk/inspections/rectifications/bulk/assign", form)
    ben.post("/desk/inspections/rectifications/bulk/assign", {**form, "assign.responsible_id": ""})
    with app.app_context():
        record = db.session.get(Rectification, (HOME_SITE, found["id"]))
        assert record.responsible_id == CHU
        assert record.due_at.isoformat() == "2026-12-24T12:00:00+00:00"


MANAGER_ONLY_OPS = [
    ("template.revise", CHECKLIST_ID, {"items": []}),
    ("template.retire", CHECKLIST_ID, {}),
    ("inspection.unmake_official", FIRST_INSPECTION, {}),
]


@pytest.mark.parametrize(("kind", "subject", "payload"), MANAGER_ONLY_OPS)
def test_manager_ops_are_not_for_phones(phone, desk_op, criteria, kind, subject, payload):
    phone.send_op("inspection.record", FIRST_INSPECTION, inspection_payload(criteria), by=BEN)
    assert desk_op(kind, subject, payload, by=ANA)["code"] == "not-allowed"
    assert phone.send_op(kind, subject, payload, by=EVE)["code"] == "not-for-phones"


@pytest.mark.rule("I7")
@pytest.mark.clause("C9")
def test_a_failure_is_put_right_only_where_somebody_asks(ben, phone, desk_op, criteria):
    payload = inspection_payload(criteria, failed=criteria[:2])
    payload["actions"] = {criteria[0]: "noted"}
    desk_op("inspection.record", FIRST_INSPECTION, payload, by=BEN)
    assert phone.records_of("rectification") == []
    address = f"/desk/inspections/{FIRST_INSPECTION}"
    page = ben.get(address, headers=EN).text
    assert "Ask for a fix" in page and "Note only" in page
    ben.post(f"{address}/rectify", {"item": criteria[1], "responsible_id": ANA, "base": "1"})
    (action,) = phone.records_of("rectification")
    assert (action["item"], action["responsible_id"]) == (criteria[1], ANA)
    passed = desk_op("inspection.rectify", FIRST_INSPECTION, {"item": criteria[2]}, by=BEN)
    assert passed["code"] == "not-failed"
    history = ben.get(f"/desk/record/inspection/{FIRST_INSPECTION}").text
    assert "墙角死角: 不合格" in history and criteria[0] not in history


@pytest.mark.rule("I3")
def test_what_was_not_tapped_was_not_looked_at(ben, phone, criteria):
    some = {**inspection_payload([]), "results": {criteria[0]: "pass"}}
    phone.send_op("inspection.record", FIRST_INSPECTION, some, by=BEN)
    page = ben.get(f"/desk/inspections/{FIRST_INSPECTION}", headers=EN).text
    assert "1 of 4 criteria looked at" in page and page.count("not looked at") == 3


@pytest.mark.rule("I7")
def test_a_new_checklist_says_nothing_that_nobody_chose(signed_in):
    page = signed_in(EVE).get("/desk/checklists/new").text
    form = page[page.index('name="code"') :]
    assert "checked" not in form and "selected" not in form
