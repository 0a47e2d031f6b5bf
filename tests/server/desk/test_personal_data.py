"""What we hold about somebody: found, given, corrected, erased; and who looked is known."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from datetime import UTC, datetime
from io import BytesIO, StringIO

import pytest
from sqlalchemy import select, text

from server.db.engine import db
from server.models import MODELS_BY_TYPE
from server.models.security_log import AccessEntry
from server.models.visits import Visit
from server.oplog.receive import make_op, submit_many
from server.oplog.replay import find_faults
from server.photos import uploads
from tests.seed_data import BEN, CHU, EVE, FLAT, HOME_SITE, fixed_id
from tests.server.jobs.test_every_retention import tables_with
from tests.server.jobs.test_retention import jpeg_and_hash

EN = {"Accept-Language": "en"}
PAGE = "/desk/personal_data/"
NAME = "王小明"
VISIT, TICKET, FOUND, CASE, ENTRY, ACCOUNT, PASS = map(
    fixed_id, ("v", "t", "f", "c", "e", "a", "p")
)
ARRIVAL = {"visitor": NAME, "purpose": "family", "phone": "13800001111", "plate": "沪A12345"}


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def eve(signed_in):
    return signed_in(EVE)


@pytest.fixture
def known(desk_op):
    """Somebody of whom there is a record of each type."""
    lines = [{"what": "Fee", "period": "2026-10", "cents": 500}]
    steps = [
        ("visit.arrive", VISIT, {**ARRIVAL, "host_unit": FLAT}),
        ("visit.depart", VISIT, {}),
        ("release.record", PASS, {"what": "Sofa", "carrier": NAME}),
        ("entry.tell", ENTRY, {"unit": FLAT, "purpose": "x", "worker": NAME}),
        ("ticket.open", TICKET, {"details": "Leak", "contact": f"{NAME} 138-0000 1111"}),
        ("find.record", FOUND, {"what": "Key", "finder": NAME}),
        ("find.return", FOUND, {"to": NAME}),
        ("lost.open", CASE, {"item": "Ring", "contact": NAME}),
    ]
    for kind, subject, payload in steps:
        assert desk_op(kind, subject, payload, by=CHU)["status"] == "applied", kind
    listing = {"unit": FLAT, "lines": lines, "batch": "nov"}
    assert desk_op("arrears.list", ACCOUNT, listing, by=BEN)["status"] == "applied"


def found_keys(answer) -> set[str]:
    """The types of the records that a page lists, and whether each may be erased."""
    return set(re.findall(r'name="record" value="(\w+):', answer.text))


@pytest.mark.rule("A25")
@pytest.mark.asvs("14.2.1")
@pytest.mark.parametrize(
    ("term", "types"),
    [
        ({"name": NAME}, {"Visit", "Gate pass", "Home entry", "Ticket", "Found item", "Lost item"}),
        ({"number": "13800001111"}, {"Visit", "Ticket", "Lost item"} - {"Lost item"}),
        ({"plate": "沪A·123"}, {"Visit"}),
        ({"home": "１２０３"}, {"Visit", "Home entry", "Arrears"}),
    ],
    ids=["name", "number", "plate", "home"],
)
def test_somebody_is_found_in_every_type_of_record(app, eve, known, term, types):
    answer = eve.post(f"{PAGE}find", term, headers=EN)
    headings = re.findall(r"<h3>([\w ]+?) <small>", answer.text)
    assert set(headings) >= types and len(headings) == len(set(headings))
    with app.app_context():
        entry = db.session.scalars(AccessEntry.newest(HOME_SITE)).first()
        assert (entry.event, entry.by_id) == ("lookup", EVE)
        assert not set(term.values()) & set(map(str, entry.details.values()))
    page = eve.get(PAGE, headers=EN).text
    assert "Personal data looked up" in page and "Eve" in page
    assert NAME not in page


@pytest.mark.asvs("14.2.1")
def test_only_managers_look_and_no_address_has_a_name(app, eve, ben, known):
    for path in ("", "find", "export", "erase", f"correct/visit/{VISIT}"):
        answer = ben.get(PAGE) if not path else ben.post(f"{PAGE}{path}", {"name": NAME})
        assert answer.status_code == 403, path
    page = eve.post(f"{PAGE}find", {"name": NAME}, headers=EN).text
    assert not re.search(rf'(?:action|href)="[^"]*{NAME}', page)
    assert 'method="get"' not in page.partition("<main")[2]
    for short in ({"number": "13"}, {"plate": "A1"}, {}):
        assert "at least 4 digits" in eve.post(f"{PAGE}find", short, headers=EN).text
    assert "Nothing is held" in eve.post(f"{PAGE}find", {"name": "Nobody"}, headers=EN).text


@pytest.mark.rule("A25")
def test_an_export_has_every_record_and_its_photos(app, eve, known, phone):
    jpeg, sha256 = jpeg_and_hash()
    taken = {"bytes": len(jpeg), "captured_at": "2026-11-24T10:00:00+08:00", "sha256": sha256}
    phone.send_op("photo.attach", VISIT, taken, by=CHU)
    assert phone.request_photo("PUT", sha256, jpeg).json["complete"]
    answer = eve.post(f"{PAGE}export", {"name": NAME, "home": "1203"}, headers=EN)
    assert answer.headers["Cache-Control"] == "private, no-store"
    packed = zipfile.ZipFile(BytesIO(answer.data))
    records = json.loads(packed.read("records.json"))
    types = {record["type"] for record in records}
    assert types == {"visit", "release", "entry", "ticket", "find", "lost", "arrears"}
    (visit,) = (record["values"] for record in records if record["type"] == "visit")
    assert {name: visit[name] for name in ARRIVAL} == ARRIVAL
    assert f"photos/{sha256}.jpg" in packed.namelist()
    assert json.loads(packed.read("log.json"))["place"] > 0
    rows = list(csv.reader(StringIO(packed.read("visit.csv").decode("utf-8-sig"))))
    assert NAME in rows[1] and len(rows) == 2
    with app.app_context():
        assert db.session.scalars(AccessEntry.newest(HOME_SITE)).first().event == "export"


@pytest.mark.rule("V19")
@pytest.mark.parametrize(
    ("type_", "id_", "field"),
    [
        ("visit", VISIT, "visitor"),
        ("release", PASS, "carrier"),
        ("entry", ENTRY, "worker"),
        ("ticket", TICKET, "contact"),
        ("find", FOUND, "finder"),
        ("lost", CASE, "item"),
    ],
)
def test_what_is_wrong_is_corrected_by_an_op(app, eve, known, desk_op, type_, id_, field):
    page = eve.get(f"{PAGE}correct/{type_}/{id_}", headers=EN)
    assert f'name="{field}"' in page.text
    assert eve.post(f"{PAGE}correct/{type_}/{id_}", {field: "Wang Ming"}).status_code == 303
    with app.app_context():
        record = db.session.get(MODELS_BY_TYPE[type_], (HOME_SITE, id_))
        assert getattr(record, field) == "Wang Ming"
    if type_ == "entry":
        desk_op("entry.left", id_, {"out_at": datetime.now(UTC).isoformat()}, by=CHU)
        assert "Wang Ming" in eve.get(f"{PAGE}correct/{type_}/{id_}").text


@pytest.mark.rule("V19")
def test_a_frequent_visitor_is_corrected_too(app, desk_op, eve):
    payload = {"visitor": NAME, "purpose": "family", "times": 2}
    payload |= {"last_at": datetime.now(UTC).isoformat()}
    regular = fixed_id("regular")
    with app.app_context():
        assert desk_op("regular.note", regular, payload)["status"] == "applied"
    answer = eve.post(f"{PAGE}correct/regular/{regular}", {"visitor": "Wang Ming"})
    assert answer.status_code == 303
    assert desk_op("regular.amend", regular, {"visitor": "x"}, by=CHU)["status"] == "refused"
    assert desk_op("release.amend", PASS, {"what": "x"})["code"] == "no-such-record"
    for kind in ("entry.amend", "find.amend", "lost.amend"):
        assert desk_op(kind, fixed_id("nothing"), {})["code"] == "no-such-record"


@pytest.mark.rule("A25", "V13")
@pytest.mark.asvs("14.2.4")
def test_what_is_free_is_erased_and_the_rest_says_why_not(app, eve, known, desk_op, phone):
    desk_op("visit.hold", VISIT, {"reason": "case 7"})
    everything = {"name": NAME, "home": "1203"}
    page = eve.post(f"{PAGE}find", everything, headers=EN)
    assert found_keys(page) == {"release", "entry", "find"}
    assert page.text.count("It is not over yet") == 4, "two tickets, lost item case, arrears"
    assert page.text.count("A case needs it") == 1
    chosen = [f"{type_}:{id_}" for type_, id_ in (("visit", VISIT), ("find", FOUND))]
    chosen += [f"entry:{ENTRY}", f"release:{PASS}"]
    answer = eve.post(f"{PAGE}erase", {**everything, "record": chosen}, headers=EN)
    assert "3 records were erased" in answer.text and "1 record has to stay" in answer.text
    assert phone.records_of("find") == [] and len(phone.pull_all()) > 0
    with app.app_context():
        assert db.session.scalars(AccessEntry.newest(HOME_SITE)).first().event == "erasure"
        assert db.session.get(Visit, (HOME_SITE, VISIT)).visitor == NAME


@pytest.mark.rule("A25")
@pytest.mark.asvs("14.2.4")
def test_nothing_of_fifty_people_is_left_anywhere(app, eve, phone):
    """In no table, no photo, no phone; the other people stay, and the log still verifies."""
    jpeg, sha256 = jpeg_and_hash()
    names = [f"canary{number:02}q" for number in range(50)]
    with app.app_context():
        for kind in ("visit.arrive", "visit.depart"):
            payload = {**ARRIVAL, "plate": None} if kind == "visit.arrive" else {}
            more = [{"visitor": name, "note": name} if payload else {} for name in names]
            pairs = zip(names, more, strict=True)
            ops = [make_op(kind, fixed_id(name), {**payload, **m}, by=CHU) for name, m in pairs]
            submit_many(HOME_SITE, ops)
    phone.send_op("ticket.open", None, {"odd": "canary07q"}, by=CHU)
    taken = {"bytes": len(jpeg), "captured_at": "2026-11-24T10:00:00+08:00", "sha256": sha256}
    phone.send_op("photo.attach", fixed_id("canary07q"), taken, by=CHU)
    phone.request_photo("PUT", sha256, jpeg)
    phone.pull_all()
    page = eve.post(f"{PAGE}find", {"name": "canary07q"}, headers=EN)
    chosen = re.findall(r'name="record" value="([^"]+)"', page.text)
    assert len(chosen) == 2
    answer = eve.post(f"{PAGE}erase", {"name": "canary07q", "record": chosen}, headers=EN)
    assert "2 records were erased" in answer.text
    assert tables_with(app, "canary07q") == [] and "op" in tables_with(app, "canary08q")
    held = json.dumps([*phone.pull_all().values()])
    assert "canary07q" not in held and "canary08q" in held
    with app.app_context():
        assert uploads.find_photo(HOME_SITE, sha256) is None
        blobs = db.session.execute(select(text("1")).select_from(text("photo"))).all()
        assert blobs == []


def test_the_notice_says_whom_to_ask(app, eve, ben, phone):
    form = {"notice_contact.zh": "客服台 8888", "notice_contact.en": "Front desk 8888"}
    form |= {"notice_text.en": "Cameras are at the gate."}
    assert ben.post("/desk/visits/notice", form).status_code == 403
    assert eve.post("/desk/visits/notice", form).status_code == 303
    page = ben.get("/desk/visits/notice", headers=EN).text
    assert "联系：客服台 8888" in page and "Ask: Front desk 8888" in page
    assert phone.get_record("site", HOME_SITE)["notice_contact"]["zh"] == "客服台 8888"
