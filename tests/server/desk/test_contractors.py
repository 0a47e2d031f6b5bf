"""Contractors: each needs an accountable manager of ours."""

import pytest

from server.db.engine import db
from server.models.contractors import Contractor
from server.oplog.replay import find_faults
from tests.seed_data import ANA, BEN, EVE, HOME_SITE, fixed_id
from tests.server.conftest import is_refused

FIRM = fixed_id("firm")
CONTRACTOR_PAYLOAD = {"name": "Spruce Cable", "service": "cable", "accountable_id": BEN}


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


def stored_contractor(app):
    with app.app_context():
        return db.session.scalars(Contractor.for_site(HOME_SITE)).first()


@pytest.mark.rule("Y1")
@pytest.mark.clause("E3")
@pytest.mark.parametrize("answers", [ANA, "", fixed_id("nobody")])
def test_a_contractor_needs_an_accountable_manager(app, ben, answers):
    """Ana is a cleaner; an empty and an unknown id are no manager either."""
    response = ben.post("/desk/contractors/", {**CONTRACTOR_PAYLOAD, "accountable_id": answers})
    assert response.status_code == 422
    assert stored_contractor(app) is None


@pytest.mark.rule("Y2")
def test_change_the_manager_and_end_a_contract_once(app, ben):
    assert ben.post("/desk/contractors/", CONTRACTOR_PAYLOAD).status_code == 303
    firm = stored_contractor(app)
    page = ben.get("/desk/contractors/").text
    assert "Spruce Cable" in page and "Ben" in page
    assert 'name="base" value="1"' in ben.get(f"/desk/contractors/{firm.id}/edit").text
    change = {**CONTRACTOR_PAYLOAD, "accountable_id": EVE, "base": "1", "contact": ""}
    ben.post(f"/desk/contractors/{firm.id}", change)
    assert stored_contractor(app).accountable_id == EVE
    bad = {**CONTRACTOR_PAYLOAD, "accountable_id": ANA, "base": "2", "contact": ""}
    assert is_refused(ben.post(f"/desk/contractors/{firm.id}", bad), "needs-accountable")
    ben.post(f"/desk/contractors/{firm.id}/end")
    assert stored_contractor(app).ended_at
    again = ben.post(f"/desk/contractors/{firm.id}/end")
    assert is_refused(again, "contract-ended")


def test_phones_get_contractors_but_cannot_add_one(app, phone, desk_op):
    """Sends `contractor.add`, `contractor.change` and `contractor.end`."""
    assert desk_op("contractor.add", FIRM, CONTRACTOR_PAYLOAD, by=BEN)["status"] == "applied"
    [told] = phone.records_of("contractor")
    assert (told["name"], told["accountable"]) == ("Spruce Cable", "Ben")
    assert "contact" not in told
    other = phone.send_op("contractor.add", fixed_id("other"), CONTRACTOR_PAYLOAD, by=BEN)
    assert other["status"] == "quarantined"
    assert desk_op("contractor.end", FIRM, {}, by=ANA)["status"] == "refused"
    answered = desk_op("contractor.change", FIRM, {"accountable_id": EVE}, by=BEN, base=1)
    assert answered["status"] == "applied"
