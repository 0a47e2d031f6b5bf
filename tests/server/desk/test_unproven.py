"""Ops that no PIN confirmed: found among hundreds, taken over in one's own name, or left aside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from server.db.engine import db
from server.desk.quarantine import (
    NotApplicable,
    judge_quarantined,
    parse_draft,
    quarantine_record_id,
)
from server.models.oplog import LoggedOp
from server.models.quarantine import QuarantinedOp
from server.models.security_log import AccessEntry
from server.oplog.replay import find_faults
from sync import KINDS
from sync.accountability.categories import category_id
from sync.accountability.categories_content import CATEGORIES
from tests.phone_client import KeyPair
from tests.seed_data import BEN, CHU, EVE, FLAT, HOME_SITE, TASK, TASKS, fixed_id
from tests.server.conftest import is_refused

EN = {"Accept-Language": "en"}
TICKET = {"channel": "phone", "matter": "report", "contact": "1203", "details": "Lift"}


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


def logged_op(app, id_):
    with app.app_context():
        return db.session.get(LoggedOp, (HOME_SITE, id_))


def quarantined_record(app, op):
    with app.app_context():
        return db.session.get(QuarantinedOp, (HOME_SITE, quarantine_record_id(op["id"])))


@pytest.fixture
def bare_phone(new_phone):
    """A phone that nobody has unlocked."""
    return new_phone(unlocks_for=None)


def add_unproven(phone, number, by=EVE):
    ops = [
        phone.add_op("task.cancel", TASKS[n % 12], {"reason": f"rain {n:03}"}, by=by)
        for n in range(number)
    ]
    verdicts = phone.send_outbox()
    assert {verdict["code"] for verdict in verdicts.values()} == {"unproven"}
    return ops


@pytest.mark.rule("L7")
def test_hundreds_of_unproven_ops_are_found_and_paged(ben, bare_phone):
    unreadable = {**TICKET, "channel": "smoke"}
    bare_phone.send_op("ticket.open", fixed_id("lift"), unreadable, by=CHU)
    add_unproven(bare_phone, 60)
    page = ben.get("/desk/aside/", headers=EN).text
    assert re.search(r"Not confirmed by PIN\s*<span class=\"n\">60<", page)
    assert re.search(r"Could not be read\s*<span class=\"n\">1<", page)
    assert "of 61" in page and "rain 000" in page and "rain 050" not in page
    assert "51–61 of 61" in ben.get("/desk/aside/?page=99", headers=EN).text
    page = ben.get("/desk/aside/?group=unproven&sort=-received_at", headers=EN).text
    assert "rain 059" in page and "rain 000" not in page and "Lift" not in page
    assert "Task: Mop the floor" in page, "what it is about"
    assert "Lift" in ben.get("/desk/aside/?group=unreadable", headers=EN).text
    assert "Lift" not in ben.get(f"/desk/aside/?person={EVE}", headers=EN).text
    assert "rain 0" not in ben.get(f"/desk/aside/?phone={fixed_id('none')}", headers=EN).text
    found = ben.post("/desk/aside/filter", {"words": "RAIN 031"})
    page = ben.get(found.location, headers=EN).text
    assert "RAIN" not in found.location and "rain 031" in page and "rain 030" not in page
    found = ben.post("/desk/aside/filter", {"words": TASK[:6]})
    assert "Nothing matches" in ben.get(found.location, headers=EN).text
    for odd in ("f=%25", "group=x", "sort=x", "person=%00", "f=%ff", "page=-1", "page=x"):
        assert ben.get(f"/desk/aside/?{odd}").status_code == 200, odd


@pytest.mark.rule("L7")
def test_a_takeover_is_dated_now_and_names_nobody_else(app, ben, bare_phone):
    op = bare_phone.add_op(
        "task.cancel", TASK, {"reason": "rain"}, by=EVE, at="2026-11-20T08:00:00+08:00"
    )
    bare_phone.send_outbox()
    page = ben.get(f"/desk/aside/{op['id']}", headers=EN).text
    assert "Take over in my name" in page and "Eve is not named as its author" in page
    before = datetime.now(UTC)
    ben.post(f"/desk/aside/{op['id']}/accept")
    instead = logged_op(app, quarantined_record(app, op).instead_id)
    assert (instead.by, instead.proof, instead.status) == (BEN, "desk", "applied")
    assert instead.occurred_at >= before - timedelta(seconds=1)
    assert logged_op(app, op["id"]).status == "held"


@pytest.mark.rule("L9")
def test_nobody_speaks_for_somebody_else(app, ben, signed_in, desk_op, bare_phone):
    category = category_id(HOME_SITE, "AC-1")
    desk_op("category.add", category, CATEGORIES[0], by=EVE)
    desk_op("category.publish", category, {}, by=EVE)
    op = bare_phone.add_op("category.acknowledge", category, {}, by=EVE)
    assert bare_phone.send_outbox()[op["id"]]["code"] == "unproven"
    page = ben.get(f"/desk/aside/{op['id']}", headers=EN).text
    assert "Only Eve can say this" in page and "/accept" not in page and "/mend" not in page
    for verb in ("accept", "mend"):
        assert is_refused(ben.post(f"/desk/aside/{op['id']}/{verb}"), "only-the-author")
    assert bare_phone.get_record("category", category)["acknowledged"] == {}
    assert quarantined_record(app, op) is None
    eve = signed_in(EVE)
    assert "Confirm: I did this" in eve.get(f"/desk/aside/{op['id']}", headers=EN).text
    eve.post(f"/desk/aside/{op['id']}/accept")
    instead = logged_op(app, quarantined_record(app, op).instead_id)
    assert (instead.by, instead.proof) == (EVE, "desk")
    assert instead.occurred_at == logged_op(app, op["id"]).occurred_at
    assert list(bare_phone.get_record("category", category)["acknowledged"]) == [EVE]


@pytest.mark.rule("L9")
def test_what_speaks_for_its_author_needs_their_proof():
    personal = {name for name, kind in KINDS.items() if kind.personal}
    assert personal == {
        *("case.state", "case.acknowledge", "case.appeal", "category.acknowledge"),
        *("session.acknowledge", "shift.take_over"),
    }
    assert all(KINDS[name].needs_proof for name in personal)


@pytest.mark.rule("L7")
def test_whoever_takes_over_needs_the_right_and_four_eyes(app, ben, signed_in, desk_op, bare_phone):
    lines = [{"what": "Fee", "period": "2026-10", "cents": 12345}]
    account = fixed_id("account")
    desk_op("arrears.list", account, {"unit": FLAT, "lines": lines, "batch": "nov"})
    desk_op("arrears.call", account, {"outcome": "wrong_number", "override_reason": "x"})
    assert desk_op("arrears.ask_visit", account, {"reason": "no answer"})["status"] == "applied"
    op = bare_phone.add_op("arrears.approve_visit", account, {}, by=EVE)
    assert bare_phone.send_outbox()[op["id"]]["code"] == "unproven"
    assert is_refused(ben.post(f"/desk/aside/{op['id']}/accept"), "own-request")
    with app.app_context():
        held = db.session.get(LoggedOp, (HOME_SITE, op["id"]))
        with pytest.raises(NotApplicable, match="not-allowed"):
            judge_quarantined(HOME_SITE, held, parse_draft(held), by=CHU)
    assert quarantined_record(app, op) is None, "nothing was changed"
    signed_in(EVE).post(f"/desk/aside/{op['id']}/accept")
    assert quarantined_record(app, op).settled_by_id == EVE


def test_a_signed_op_whose_key_is_unknown_says_what_helps(app, ben, bare_phone):
    bare_phone.keys[EVE] = KeyPair()
    (op,) = add_unproven(bare_phone, 1)
    page = ben.get(f"/desk/aside/{op['id']}", headers=EN).text
    assert "When Eve unlocks that phone with their PIN" in page
    (unsigned,) = add_unproven(bare_phone, 1, by=BEN)
    assert "unlocks that phone" not in ben.get(f"/desk/aside/{unsigned['id']}", headers=EN).text


def outcomes(app, ops):
    return [record and record.outcome for record in (quarantined_record(app, op) for op in ops)]


def decide(browser, action, ops, reason="", **more):
    """Accept or dismiss several ops with one form."""
    form = {"row": [op["id"] for op in ops], f"{action}.reason": reason} | more
    return browser.post(f"/desk/aside/bulk/{action}", form, headers=EN)


@pytest.mark.rule("X12")
def test_several_are_dismissed_or_taken_over_with_one_reason(app, ben, bare_phone):
    ops = add_unproven(bare_phone, 4)
    answer = decide(ben, "dismiss", ops[:2], "rehearsal", group="unproven", sort="-received_at")
    assert "group=unproven" in answer.location and "sort=-received_at" in answer.location
    assert outcomes(app, ops) == ["dismissed", "dismissed", None, None]
    assert decide(ben, "accept", [], "it rained", all="2", group="unproven").status_code == 303
    assert outcomes(app, ops)[2:] == ["accepted", "accepted"]
    record = quarantined_record(app, ops[3])
    assert (record.reason, record.settled_by_id) == ("it rained", BEN)


@pytest.mark.rule("X12")
def test_of_several_the_page_says_which_were_not_taken_and_why(app, ben, bare_phone):
    unreadable = {**TICKET, "channel": "smoke"}
    bad = bare_phone.send_op("ticket.open", fixed_id("lift"), unreadable, by=CHU)
    ops = add_unproven(bare_phone, 2)
    answer = decide(ben, "accept", [*ops, bad])
    assert answer.status_code == 200 and "2 rows were done" in answer.text
    assert "1 was refused" in answer.text and "A field is missing" in answer.text
    assert outcomes(app, [*ops, bad]) == ["accepted", "accepted", None]
    for reason in ("", " ", "x" * 121):
        assert decide(ben, "dismiss", [bad], reason).status_code == 422, reason
    assert decide(ben, "dismiss", [], "x").status_code == 422
    assert decide(ben, "burn", [bad], "x").status_code == 404
    assert outcomes(app, [bad]) == [None]


def test_a_reason_that_is_missing_leaves_the_ticks_as_they_were(ben, bare_phone):
    (op,) = add_unproven(bare_phone, 1)
    form = {"row": op["id"], "dismiss.reason": " "}
    page = {"Referer": "http://localhost/desk/aside/"}
    answer = ben.post("/desk/aside/bulk/dismiss", form, headers=page)
    assert answer.status_code == 422
    assert re.search(rf'<input[^>]*value="{op["id"]}"[^>]* checked', answer.text)


def test_the_list_is_a_file_and_says_who_has_to_do_what(app, ben, bare_phone):
    add_unproven(bare_phone, 2)
    page = ben.get("/desk/aside/", headers=EN).text
    assert "ask Eve to record it once more with their PIN" in page
    found = ben.post("/desk/aside/filter", {"words": "rain 001"}).location.partition("?")[2]
    text = ben.get(f"/desk/aside/file.csv?{found}", headers=EN).text
    assert "rain 001" in text and "rain 000" not in text and "Take it over" in text
    with app.app_context():
        entries = db.session.scalars(AccessEntry.newest(HOME_SITE)).all()
        assert [entry.event for entry in entries if entry.event == "export"] == ["export"]


def test_a_number_where_photos_belong_is_no_photo(ben, bare_phone):
    op = bare_phone.send_op("task.complete", TASK, {"photos": "none"}, by=EVE)
    answer = ben.post(f"/desk/aside/{op['id']}/mend", {"photos": "-1"}, headers=EN)
    assert answer.status_code == 422
