"""Training sessions on two phones; readiness, disclosure and pack differences at the desk."""

import io
import re
from datetime import UTC, datetime

import pytest

from server.db.engine import db
from server.models.training_sessions import TrainingSession
from server.oplog.replay import find_faults
from sync.accountability.categories import category_id
from sync.accountability.categories_content import CATEGORIES
from sync.training.cards import card_id
from sync.training.content_packs import Pack, serialize_pack
from sync.training.handbook import load_handbook
from tests.seed_data import ANA, BEN, CHU, EVE, HOME_SITE, fixed_id

EN = {"Accept-Language": "en"}
SESSION_ID = fixed_id("session")
CASE_CARD_ID = card_id(HOME_SITE, "CASE-01")
CARD = next(card for card in load_handbook().cards if card["code"] == "CASE-01")
PROMPTS = [prompt["en"] for prompt in CARD["prompts"]]


@pytest.fixture(autouse=True)
def log_and_records_agree(app, desk_op):
    assert desk_op("card.add", CASE_CARD_ID, {**CARD, "pack": "x 1"}, by=EVE)["status"] == "applied"
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def training_session(phone):
    """A phone with a training session that Ben leads for Ana and Chu."""
    payload = {
        "case": CASE_CARD_ID,
        "cards": [f"cases:{CASE_CARD_ID}"],
        "prompts": PROMPTS,
        "attendees": [ANA, CHU],
    }
    assert phone.send_op("session.begin", SESSION_ID, payload, by=BEN)["status"] == "applied"
    return phone


@pytest.mark.clause("E7", "E10", "E11")
def test_a_session_on_two_phones_is_counted_at_the_desk(training_session, new_phone, ben, app):
    other = new_phone()
    first = {"person": ANA, "prompt": 0, "approach": "A", "text": "Write it down"}
    training_session.add_op("session.answer", SESSION_ID, first, by=BEN)
    training_session.add_op(
        "session.answer", SESSION_ID, {**first, "approach": "C", "text": "Second"}, by=BEN
    )
    mine = {"person": CHU, "prompt": 0, "approach": "B", "text": "Police"}
    assert other.send_op("session.answer", SESSION_ID, mine, by=CHU)["status"] == "applied"
    assert other.send_op("session.acknowledge", SESSION_ID, by=CHU)["status"] == "applied"
    training_session.add_op(
        "session.summarise", SESSION_ID, {"summary": "Never pushed off"}, by=BEN
    )
    training_session.add_op("session.acknowledge", SESSION_ID, by=ANA)
    assert {told["status"] for told in training_session.send_outbox().values()} == {"applied"}
    record = other.get_record("session", SESSION_ID)
    assert record["answers"][ANA]["0"]["approach"] == "C" and record["attendee_names"]
    page = ben.get(f"/desk/training/{SESSION_ID}", headers=EN).text
    assert "Never pushed off" in page and "Second" in page and "Write it down" in page
    assert "not acceptable" in page and "answering for it cannot" in page
    assert "C 1" in ben.get("/desk/training/", headers=EN).text
    training_session.add_op("session.close", SESSION_ID, by=BEN)
    training_session.send_outbox()
    assert other.get_record("session", SESSION_ID)["answers"] == {}
    with app.app_context():
        kept = db.session.get(TrainingSession, (HOME_SITE, SESSION_ID))
        assert len(kept.answers[ANA]["0"]["earlier"]) == 1 and set(kept.acknowledged) == {ANA, CHU}


@pytest.mark.rule("A19")
@pytest.mark.clause("E11", "G6")
def test_a_case_discussion_is_shown_beside_the_category_of_the_companys_image(
    training_session, ben, desk_op
):
    image = category_id(HOME_SITE, "AC-4")
    desk_op("category.add", image, CATEGORIES[3], by=EVE)
    answer = {"person": ANA, "prompt": 0, "approach": "C", "text": "Not our business"}
    training_session.add_op("session.answer", SESSION_ID, answer, by=BEN)
    training_session.add_op("session.summarise", SESSION_ID, {"summary": "It cost us"}, by=BEN)
    training_session.send_outbox()
    beside = ben.get(f"/desk/rules/{image}", headers=EN).text
    assert "Discussed in trainings" in beside and "It cost us" in beside
    assert "<b>C</b> 1 (not acceptable)" in " ".join(beside.split())
    assert "Ana" not in beside.partition("Discussed")[2]
    assert f"/desk/rules/{image}" in ben.get(f"/desk/training/{SESSION_ID}").text


@pytest.mark.clause("F21")
def test_readiness_shows_signed_sessions_and_confirmations(training_session, ben, phone):
    phone.send_op("session.acknowledge", SESSION_ID, by=ANA)
    form = {"person": CHU, "item": "posts", "months": "6"}
    assert ben.post("/desk/training/attest", form).status_code == 303
    own = ben.post("/desk/training/attest", {**form, "person": BEN})
    assert own.status_code == 303
    page = ben.get("/desk/training/readiness", headers=EN).text
    assert len(re.findall(r"ready \d{4}-\d\d-\d\d", page)) == 2
    year = datetime.now(UTC).year + 1
    assert f"{year}-" in page
    (told,) = [one for one in phone.records_of("readiness") if one["person"] == CHU]
    assert told["item"] == "posts" and "note" not in told


def test_several_people_are_confirmed_at_once_and_found_by_what_they_lack(training_session, ben):
    form = {"row": [ANA, CHU], "attest.item": "posts", "attest.months": "6"}
    assert ben.post("/desk/training/readiness/bulk/attest", form).status_code == 303
    page = ben.get("/desk/training/readiness?state=missing", headers=EN).text
    assert page.count("ready ") == 2 and "refresh overdue" in page
    assert ben.get("/desk/training/readiness?state=overdue").text.count('name="row"') == 0


def test_training_is_for_supervisors_of_the_site(training_session, dao, signed_in, phone):
    assert dao.get(f"/desk/training/{SESSION_ID}").status_code == 404
    for path in ("/desk/training/", "/desk/disclosure/"):
        assert signed_in(ANA, HOME_SITE).get(path).status_code == 403
    payload = {"person": ANA, "item": "fees"}
    verdict = phone.send_op("readiness.attest", fixed_id("own"), payload, by=BEN)
    assert verdict["code"] == "not-for-phones"


def test_the_desk_ends_a_training_session(training_session, ben):
    ben.post(f"/desk/training/{SESSION_ID}/close")
    assert training_session.get_record("session", SESSION_ID)["state"] == "closed"


@pytest.mark.rule("G1")
def test_the_disclosure_has_no_personal_data(ben, phone):
    payload = {
        "channel": "phone",
        "matter": "complaint",
        "contact": "13900001111",
        "details": "Mrs Lin",
    }
    phone.send_op("ticket.open", fixed_id("ticket"), payload, by=CHU)
    month = datetime.now(UTC).astimezone().strftime("%Y-%m")
    for query in ("", f"?month={month}", "?month=2026-1", "?month=2020-12"):
        page = ben.get(f"/desk/disclosure/{query}", headers=EN)
        assert page.status_code == 200
        assert "13900001111" not in page.text and "Mrs Lin" not in page.text
    assert "2020-12" in page.text


@pytest.mark.rule("Z11")
def test_compare_two_packs(signed_in, app):
    eve = signed_in(EVE, HOME_SITE)
    cards = [dict(card) for card in load_handbook().cards]
    newer = [{**c, "order": 99} if c["code"] == "ET-01" else c for c in cards[1:]]
    files = {
        name: (
            io.BytesIO(serialize_pack(Pack("ours", version, "MIT", tuple(some))).encode()),
            "p.json",
        )
        for name, version, some in (("before", "1", cards), ("after", "2", newer))
    }
    page = eve.post("/desk/packs/differences", files, headers=EN).text
    assert "0 new, 1 changed, 1 withdrawn" in page and "ours 1 → ours 2" in page
    ours = eve.post("/desk/packs/differences", {}, headers=EN).text
    assert "No differences" in ours
    wrong = {"before": (io.BytesIO(b"no"), "p.json")}
    assert eve.post("/desk/packs/differences", wrong, headers=EN).status_code == 422


@pytest.mark.rule("Z12")
@pytest.mark.clause("E7", "E11")
def test_a_latecomer_is_added_after_the_end_and_the_tally_is_kept(training_session, ben):
    answer = {"person": ANA, "prompt": 0, "approach": "A", "text": "Write it down"}
    training_session.send_op("session.answer", SESSION_ID, answer, by=BEN)
    training_session.send_op("session.summarise", SESSION_ID, {"summary": "Help"}, by=BEN)
    training_session.send_op("session.close", SESSION_ID, by=BEN)
    body = training_session.get_record("session", SESSION_ID)
    assert (body["summary"], body["tally"]) == ("Help", {"A": 1})
    assert body["answers"] == {}, "what they said is for the desk"
    address = f"/desk/training/{SESSION_ID}"
    ben.post(f"{address}/join", {"person": EVE})
    training_session.send_op("session.join", SESSION_ID, {"person": EVE}, by=EVE)
    training_session.send_op("session.acknowledge", SESSION_ID, by=EVE)
    own = {"person": EVE, "prompt": 0, "approach": "B", "text": "Police"}
    training_session.send_op("session.answer", SESSION_ID, own, by=EVE)
    body = training_session.get_record("session", SESSION_ID)
    assert body["answers"][EVE]["0"].keys() == {"at"} and body["tally"] == {"A": 1, "B": 1}
    assert body["late"][EVE]["after_end"] and EVE in body["acknowledged"]
    page = ben.get(address, headers=EN).text
    assert "came late" in page and "after the end" in page
