"""Contractors: never without somebody of ours who answers."""

import pytest

from server.db.engine import db
from server.models import Contractor
from server.oplog.replay import find_faults
from tests.cast import ANA, BEN, EVE, HOME, named

FIRM = named("firm")
SAID = {"name": "Spruce Cable", "service": "cable", "accountable_id": BEN}


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME) == []


def kept(app):
    with app.app_context():
        return db.session.scalars(Contractor.for_site(HOME)).first()


@pytest.mark.rule("Y1")
@pytest.mark.clause("E3")
@pytest.mark.parametrize("answers", [ANA, "", named("nobody")])
def test_a_firm_without_a_leading_person_of_ours_is_not_taken(app, ben, answers):
    """Ana cleans; nobody and a stranger lead nobody."""
    told = ben.post("/desk/contractors/", {**SAID, "accountable_id": answers})
    assert "said=" in told.headers["Location"]
    assert kept(app) is None


@pytest.mark.rule("Y2")
def test_who_answers_changes_and_a_contract_ends_once(app, ben):
    assert "said=" not in ben.post("/desk/contractors/", SAID).headers["Location"]
    firm = kept(app)
    page = ben.get("/desk/contractors/").text
    assert "Spruce Cable" in page and "Ben" in page
    change = {**SAID, "accountable_id": EVE, "base": "1", "contact": ""}
    ben.post(f"/desk/contractors/{firm.id}", change)
    assert kept(app).accountable_id == EVE
    bad = {**SAID, "accountable_id": ANA, "base": "2", "contact": ""}
    assert "needs-accountable" in ben.post(f"/desk/contractors/{firm.id}", bad).headers["Location"]
    ben.post(f"/desk/contractors/{firm.id}/end")
    assert kept(app).ended_at
    again = ben.post(f"/desk/contractors/{firm.id}/end")
    assert "contract-ended" in again.headers["Location"]


def test_phones_learn_who_works_here_and_a_phone_adds_no_firm(app, phone, desk):
    """Sent through the door: `contractor.add`, `contractor.change`, `contractor.end`."""
    assert desk("contractor.add", FIRM, SAID, by=BEN)["status"] == "applied"
    [told] = phone.of("contractor")
    assert (told["name"], told["accountable"]) == ("Spruce Cable", "Ben")
    assert "contact" not in told
    other = phone.verdict("contractor.add", named("other"), SAID, by=BEN)
    assert other["status"] == "quarantined"
    assert desk("contractor.end", FIRM, {}, by=ANA)["status"] == "refused"
    answered = desk("contractor.change", FIRM, {"accountable_id": EVE}, by=BEN, base=1)
    assert answered["status"] == "applied"
