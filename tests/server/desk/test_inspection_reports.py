"""Inspection reports: photos of each criterion, and inspections with a flag."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models.conflicts import Conflict
from server.models.photos import PhotoLink
from server.oplog.receive import make_op, submit_many
from server.oplog.replay import find_faults
from sync.quality.checklists_content import CHECKLISTS, checklist_id
from tests.seed_data import BEN, CHU, HOME_SITE, STAIRS, fixed_id
from tests.server.photos.test_uploads import image_bytes

STAIRWELL, GUARD = checklist_id(HOME_SITE, "IT-01"), checklist_id(HOME_SITE, "IT-07")
EN = {"Accept-Language": "en"}


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    with app.app_context():
        pack = [
            make_op("template.add", checklist_id(HOME_SITE, one["code"]), one) for one in CHECKLISTS
        ]
        submit_many(HOME_SITE, pack)
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


def record_inspection(phone, by=BEN, **said):
    """Record an inspection of the stairs, or of the `person` given; the phone's record of it."""
    about = {} if "person" in said else {"area": STAIRS}
    payload = {"template_id": STAIRWELL, "edition": 1, **about, **said}
    made = phone.add_op("inspection.record", None, payload, by=by)
    assert phone.send_outbox()[made["id"]]["status"] == "applied"
    return phone.get_record("inspection", made["subject"])


@pytest.mark.clause("C9")
def test_a_criterion_photo_is_shown_with_the_inspection(app, ben, dao, phone):
    content = image_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    phone.request_photo("PUT", sha256, content)
    shots = {"results": {"piled": "fail"}, "shots": {"piled": [sha256]}}
    inspection = record_inspection(phone, rest="pass", notes={"piled": "a sofa"}, **shots)
    assert (inspection["photos"], inspection["photos_here"]) == ([sha256], 1)
    with app.app_context():
        (link,) = db.session.scalars(select(PhotoLink).where(PhotoLink.sha256 == sha256))
        assert (link.subject, link.subject_type) == (inspection["id"], "inspection")
    assert [each["before"] for each in phone.records_of("rectification")] == [[sha256]]
    report = ben.get(f"/desk/inspections/{inspection['id']}", headers=EN).text
    for word in (f"/desk/photo/{sha256}", "pass-weight/1", "75", "a sofa"):
        assert word in report
    listed = ben.get("/desk/inspections/rectifications").text
    assert f'href="/desk/inspections/{inspection["id"]}"' in listed
    shown = ben.get(f"/desk/photo/{sha256}")
    assert (shown.status_code, shown.mimetype) == (200, "image/jpeg")
    shown.close()
    assert dao.get(f"/desk/photo/{sha256}").status_code == 404
    assert ben.get("/desk/photo/..%2f..%2fsecret-key").status_code == 404


@pytest.mark.rule("I5")
@pytest.mark.rule("I6")
@pytest.mark.parametrize(
    ("said", "by", "flag"),
    [
        ({"edition": 9, "results": {"piled": "pass"}}, BEN, "unknown-edition"),
        ({"template_id": fixed_id("nowhere"), "results": {"a": "fail"}}, BEN, "unknown-edition"),
        ({"results": {"lamps": "fail"}}, BEN, "unknown-items"),
        ({"template_id": GUARD, "person": CHU, "rest": "pass"}, CHU, "self-inspection"),
    ],
)
def test_a_flagged_inspection_makes_a_conflict(app, ben, phone, said, by, flag):
    inspection = record_inspection(phone, by=by, **said)
    assert inspection["of_self"] == (flag == "self-inspection")
    with app.app_context():
        (merge,) = db.session.scalars(Conflict.unsettled(HOME_SITE))
        assert (merge.rule, merge.subject) == (flag, inspection["id"])
    assert ben.get("/desk/settle/").status_code == 200
    assert ben.get(f"/desk/inspections/{inspection['id']}").status_code == 200
