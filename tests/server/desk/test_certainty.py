"""Beside each author the desk says how sure it is that it was them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from server.db.engine import db
from server.desk.certainty import Certainties
from server.desk.evidence_pack import contents
from server.models.lost_property import LostProperty
from server.models.tickets import Ticket
from server.oplog.certainty import certainty_of_op
from sync.protocol.op import SERVER_AUTHOR_ID
from tests.seed_data import ANA, BEN, CHU, EVE, HOME_SITE, TASKS, fixed_id

EN = {"Accept-Language": "en"}
ZH = {"Accept-Language": "zh"}
TEMPLATES = Path(__file__).parents[3] / "templates" / "desk"
ON_PHONES = ("field", "_parts")
AUTHOR_ON_PHONE = re.compile(
    r"\b(?!me\b)\w+\.(?:\w+ed_by|out_by|by) or \"\"|\{\{ *\w+\.\w+ed_by *\}\}"
)
AUTHOR = re.compile(r"person_name\([\w.]*(?:by_id|\.by|assessor_id|facilitator_id)\)")
NOT_BY_AN_OP = {
    "_author.html": "the macro itself",
    "security_log/index.html": "the entry says through what it was done",
    "personal_data/index.html": "who looked is an entry of the security log",
    "people/phone.html": "a setup code is issued at the desk",
}
"""Templates that name somebody without a certainty, and why."""
WITHOUT_ON_PHONES = {
    "field/case.html": "a decision about a case is always proven",
    "_parts/gate_pass.html": "who agreed is a name that the guard typed",
    "_parts/home_entry.html": "a row: the desk says it",
    "_parts/lost_property.html": "a row: the desk says it",
    "_parts/patrol.html": "a row: the desk says it",
    "_parts/task.html": "a row: the page of the task says it",
    "field/arrears_account.html": "the desk says it",
    "field/found_item.html": "the desk says it",
    "field/home_entry.html": "the desk says it",
    "field/rectification.html": "the desk says it",
    "field/weather.html": "the desk says it",
}
"""Templates of phones that name an author without a certainty, and why."""
TICKET = {"channel": "phone", "matter": "report", "contact": "1203", "details": "Lamp"}
WANG, LOST = fixed_id("wang"), fixed_id("lost")


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


def marks(page):
    """The certainties that a page shows, as its markup has them."""
    return set(re.findall(r'data-certainty="(\w+)"', page))


def test_the_history_says_how_sure_each_author_is(app, ben, phone, desk_op):
    phone.send_op("task.complete", TASKS[0], by=ANA)
    phone.send_op("task.undo", TASKS[0], by=ANA)
    phone.send_op("task.cancel", TASKS[0], {"reason": "rain"}, by=BEN)
    desk_op("task.cancel", TASKS[1], {"reason": "rain"}, by=BEN)
    page = " ".join(ben.get(f"/desk/record/task/{TASKS[0]}", headers=EN).text.split())
    assert re.search(r"<b>Ana</b> did it <span[^>]*>◇<span[^>]*> claimed<", page)
    assert re.search(
        r"<b>Ben</b> cancelled it: rain <span[^>]*>✓<span[^>]*> confirmed by PIN<", page
    )
    assert "Ben · confirmed by PIN" in page, "among the current values"
    page = " ".join(ben.get(f"/desk/record/task/{TASKS[1]}", headers=ZH).text.split())
    assert re.search(r"<b>Ben</b> 取消：rain <span[^>]*>■<span[^>]*> 电脑端<", page)
    assert re.search(r"排给 <b>Ana</b>，[^<]*前 (?!<span)", page), (
        "what the server did needs no mark"
    )


def test_lists_and_records_say_it_too(app, ben, phone):
    phone.send_op("visit.arrive", WANG, {"visitor": "Mr Wang", "purpose": "other"}, by=CHU)
    for path in ("/desk/visits/", f"/desk/visits/{WANG}"):
        page = ben.get(path, headers=ZH).text
        assert marks(page) == {"claimed"} and "未经确认" in page, path
    ben.post(f"/desk/visits/{WANG}/depart")
    assert marks(ben.get(f"/desk/visits/{WANG}").text) == {"claimed", "desk"}


def test_of_several_acts_the_time_decides_and_else_the_least_certain(app, phone, desk_op):
    assert desk_op("ticket.open", fixed_id("lamp"), TICKET, by=CHU)["status"] == "applied"
    phone.send_op("ticket.follow", fixed_id("lamp"), {"text": "looked"}, by=CHU)
    with app.app_context():
        ticket = vars(db.session.get(Ticket, (HOME_SITE, fixed_id("lamp"))))
        known = Certainties(HOME_SITE)
        assert known.of(ticket["id"], CHU, ticket["opened_at"]) == "desk"
        assert known.of(ticket["id"], CHU) == "claimed"
        assert known.of(ticket["id"], CHU, "2026-01-01T00:00:00Z") == "claimed"
        assert known.of(ticket["id"], BEN) is None, "who is only named did nothing"
        assert known.of(None, CHU) is None and known.of(ticket["id"], None) is None


def test_phones_are_told_it_with_each_record(phone, new_phone, desk_op):
    lamp, bare = fixed_id("lamp"), new_phone(unlocks_for=None)
    desk_op("ticket.open", lamp, TICKET, by=CHU)
    phone.send_op("ticket.follow", lamp, {"text": "looked"}, by=CHU)
    bare.send_op("task.complete", TASKS[0], by=ANA)
    phone.send_op("task.cancel", TASKS[1], {"reason": "rain"}, by=BEN)
    bare.send_op("task.cancel", TASKS[1], {"reason": "rain"}, by=EVE)
    phone.send_op("visit.arrive", WANG, {"visitor": "Mr Wang", "purpose": "other"}, by=CHU)
    told = {each["id"]: each.get("certainty") for each in all_changes(new_phone())}
    (at,) = {key.partition(" ")[2] for key in told[lamp]} - {""}
    assert told[lamp] == {CHU: "claimed", f"{CHU} {at}": "desk"}
    assert told[TASKS[0]] == {ANA: "claimed"} and told[TASKS[1]] == {BEN: "person"}
    assert told[WANG] == {CHU: "claimed"}
    assert told[TASKS[2]] is None, "nobody has done anything yet"
    assert told[CHU] is None, "where no author is shown"


def all_changes(phone):
    """Every change of a first pull as it is sent."""
    changes, cursor, more = [], None, True
    while more:
        page = phone.post(f"/sync/{HOME_SITE}/pull", {"cursor": cursor}).expect_ok()
        changes += page["changes"]
        cursor, more = page["cursor"], page["more"]
    return changes


def test_what_was_refused_or_waits_makes_nobody_certain(app, phone, new_phone):
    other = new_phone(unlocks_for=None)
    other.send_op("task.cancel", TASKS[2], {"reason": "rain"}, by=EVE)
    with app.app_context():
        assert Certainties(HOME_SITE).of(TASKS[2], EVE) is None


def test_an_op_of_a_version_without_proofs_is_as_sure_as_where_it_came_from():
    assert certainty_of_op(ANA, None, "a phone") == "claimed"
    assert certainty_of_op(ANA, None, None) == "desk"
    assert certainty_of_op(SERVER_AUTHOR_ID, None, None) is None
    assert certainty_of_op(ANA, "server", None) is None


def test_the_police_pack_says_it_in_data_and_in_print(app, ben, phone, desk_op):
    phone.send_op("lost.open", LOST, {"item": "Organiser", "contact": "1203"}, by=CHU)
    desk_op("lost.offer_police", LOST, {"answer": "undecided"}, by=BEN)
    with app.test_request_context():
        case = db.session.get(LostProperty, (HOME_SITE, LOST))
        files = contents(case)
    ops = json.loads(files["timeline.json"])
    assert {op["kind"]: op["certainty"] for op in ops if op["by"] in ("Chu", "Ben")} == {
        "lost.open": "claimed",
        "lost.offer_police": "desk",
    }
    assert marks(files["report.zh.html"].decode()) == {"claimed", "desk"}
    story = json.loads(files["manifest.json"])["case"]["story"]
    assert [line["certainty"] for line in story] == ["claimed", "desk"]


def test_no_template_names_an_author_without_saying_how_sure_it_is():
    assert [hit for path in TEMPLATES.rglob("*.html") for hit in bare_authors(path)] == []


def test_no_template_of_a_phone_names_an_author_without_it_or_a_reason():
    bare = {hit for room in ON_PHONES for hit in bare_authors_on_phones(TEMPLATES.parent / room)}
    assert bare - WITHOUT_ON_PHONES.keys() == set()


def bare_authors_on_phones(folder):
    for path in folder.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for hit in AUTHOR_ON_PHONE.finditer(text):
            if "certainty(" not in text[hit.end() : hit.end() + 200]:
                yield f"{folder.name}/{path.name}"


def bare_authors(path):
    """Where a template names an author and no certainty soon after."""
    name, text = str(path.relative_to(TEMPLATES)), path.read_text(encoding="utf-8")
    text = re.sub(r"<option.*?</option>", "", text, flags=re.DOTALL)
    for hit in AUTHOR.finditer(text):
        if "certainty(" not in text[hit.end() : hit.end() + 200] and name not in NOT_BY_AN_OP:
            yield name, hit[0]
