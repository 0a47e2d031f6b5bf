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
from server.desk.pages import personal_data as pages
from server.desk.personal_search import NOT_EXPORTED
from server.desk.personal_texts import label_of
from server.desk.staff_data import NOT_SEARCHED, SEARCHED_TYPES
from server.jobs.retention import PERSONAL_TYPES
from server.models import MODELS_BY_TYPE
from server.models.column_classes import PERSONAL, SENSITIVE, columns_of
from server.models.desk_forms import UnsavedForm
from server.models.list_filters import ListFilter
from server.models.security_log import AccessEntry
from server.models.visits import Visit
from server.oplog.receive import make_op, submit_many
from server.oplog.replay import find_faults
from server.photos import uploads
from sync.accountability.categories import category_id
from sync.accountability.categories_content import CATEGORIES
from tests.phone_client import with_hash
from tests.phone_templates import render_page
from tests.seed_data import ANA, BEN, CHU, EVE, FLAT, HOME_SITE, fixed_id
from tests.server.jobs.test_every_retention import tables_with
from tests.server.jobs.test_retention import jpeg_and_hash

EN = {"Accept-Language": "en"}
PAGE = "/desk/personal_data/"
CATEGORY = category_id(HOME_SITE, "AC-1")
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
    answer = eve.post(f"{PAGE}export", {"record": "all", "name": NAME, "home": "1203"}, headers=EN)
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


@pytest.mark.rule("A25")
def test_what_is_given_to_somebody_tells_of_nobody_else(app, eve, phone):
    """Of three people with like names one asks; a former name and what was refused is found too."""
    like = {"王五": "13800001111", "王五一": "13800002222", "小王五": "13800003333"}
    ids = {}
    for name, number in like.items():
        op = phone.add_op(
            "visit.arrive", None, {**ARRIVAL, "visitor": name, "phone": number}, by=CHU
        )
        ids[name] = f"visit:{op['subject']}"
    phone.send_outbox()
    asked = {"name": "王五"}
    assert eve.post(f"{PAGE}export", asked).status_code == 422
    answer = eve.post(f"{PAGE}export", {**asked, "record": [ids["王五"]]}, headers=EN)
    records = json.loads(zipfile.ZipFile(BytesIO(answer.data)).read("records.json"))
    assert [record["values"]["visitor"] for record in records] == ["王五"]
    visit = ids["王五一"].removeprefix("visit:")
    corrected = {"visitor": "李六", "base": "1"}
    eve.post(f"{PAGE}correct/visit/{visit}", corrected)
    odd = {"visitor": "王五一", "odd": "7"}
    phone.send_op("visit.depart", visit, odd, by=CHU)
    damaged = phone.add_op("visit.depart", visit, {}, by=CHU)
    phone.push(ops=[with_hash({**damaged, "extra": "王五一"})])
    answer = eve.post(f"{PAGE}export", {"name": "王五一", "record": "all"}, headers=EN)
    packed = zipfile.ZipFile(BytesIO(answer.data))
    kinds = [record["type"] for record in json.loads(packed.read("records.json"))]
    assert sorted(kinds) == ["op", "op", "visit"]


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
    assert found_keys(page) > {"release", "entry", "find"}
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
    chosen = re.findall(r'name="record" value="([^"]+:[^"]+)"', page.text)
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


@pytest.mark.rule("A25")
@pytest.mark.asvs("14.2.4")
def test_erasing_takes_unsaved_forms_that_name_the_person(app, eve, known):
    """Whoever typed them; a form about others stays."""
    kept = {"person_id": BEN, "site_id": HOME_SITE, "page": "/desk/", "address": "/desk/x"}
    typed = {"number": "138 0000-1111", "name": f"with {NAME}", "other": "1203 Mrs Ma"}
    with app.app_context():
        for name, words in typed.items():
            fields = [["base", "1"], ["note", words]]
            row = UnsavedForm(id=name, fields=fields, at=datetime.now(UTC), **kept)
            db.session.add(row)
        db.session.commit()
    eve.post(f"{PAGE}erase", {"home": "1203", "record": [f"visit:{VISIT}"]})
    with app.app_context():
        assert db.session.get(Visit, (HOME_SITE, VISIT)).visitor != NAME
        assert db.session.scalars(select(UnsavedForm.id)).all() == ["other"]


@pytest.mark.rule("A25")
def test_erasing_takes_filters_of_lists_that_look_for_the_person(app, eve, known):
    part = NAME[: len(NAME) // 2 + 1]
    for words in (part, "138 0000-1111", "umbrella"):
        eve.post("/desk/tickets/filter", {"words": words})
    eve.post(f"{PAGE}erase", {"home": "1203", "record": [f"visit:{VISIT}"]})
    with app.app_context():
        stored = db.session.scalars(select(ListFilter)).all()
        assert [each.values["words"] for each in stored] == ["umbrella"]


def texts_of(page: str) -> str:
    """What stands in the fields of the records that a page lists."""
    return " ".join(re.findall(r"<d[td]>(.*?)</d[td]>", page.partition("</main>")[0], re.DOTALL))


@pytest.mark.parametrize("type_", sorted([*PERSONAL_TYPES, *SEARCHED_TYPES]))
def test_every_field_that_tells_of_somebody_has_words(app, type_):
    table = MODELS_BY_TYPE[type_].__tablename__
    told = set(columns_of(table, PERSONAL, SENSITIVE)) - NOT_EXPORTED - NOT_SEARCHED
    for lang in ("en", "zh"):
        with app.test_request_context(headers={"Accept-Language": lang}):
            labels = {name: label_of(type_, name) for name in told}
            assert all(labels.values()) and not told & set(labels.values()), labels
            assert lang == "en" or not re.search("[a-z]{2}", "".join(labels.values())), labels


@pytest.mark.rule("A25")
def test_a_page_is_all_in_words_with_dates_and_has_no_secret(app, eve, known, desk_op):
    """And the file has times with their day and offset."""
    desk_op("ticket.follow", TICKET, {"text": "checked"}, by=CHU)
    desk_op("arrears.call", ACCOUNT, {"outcome": "unreachable"}, by=BEN)
    desk_op("find.notify", FOUND, {"told_whom": "Porter"}, by=CHU)
    with app.app_context():
        slip = db.session.get(MODELS_BY_TYPE["ticket"], (HOME_SITE, TICKET)).slip
    everything = {"name": NAME, "home": "1203"}
    zh = texts_of(eve.post(f"{PAGE}find", everything, headers={"Accept-Language": "zh"}).text)
    typed = "Fee|Sofa|Leak|Key|Ring|Porter|Ana|Ben|Chu|Eve|nov|x"
    assert not re.search(r"\b[a-z_]{2,}\b", re.sub(rf"\b(?:{typed})\b", "", zh)), zh
    page = texts_of(eve.post(f"{PAGE}find", everything, headers=EN).text)
    assert "checked: done" in page and "not reached" in page and "Ticket opened" in page
    assert not re.search(r"(?<!\d-\d\d )\b\d\d:\d\d\b", page), "a time without a date"
    answer = eve.post(f"{PAGE}export", {**everything, "record": "all"}, headers=EN)
    packed = zipfile.ZipFile(BytesIO(answer.data))
    files = {name: packed.read(name).decode("utf-8-sig") for name in packed.namelist()}
    for name, content in files.items():
        assert not slip or slip not in content, name
        rest = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+08:00)", "", content)
        assert not re.search(r"\d:\d\d", rest), name
    assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00", files["ticket.csv"])


@pytest.mark.rule("A25")
def test_a_long_list_says_that_it_is_cut_and_the_file_is_not(app, eve, monkeypatch):
    monkeypatch.setattr(pages, "MAX_FOUND", 2)
    people = [fixed_id(f"visitor {number}") for number in range(3)]
    with app.app_context():
        submit_many(HOME_SITE, [make_op("visit.arrive", id_, ARRIVAL, by=CHU) for id_ in people])
    page = eve.post(f"{PAGE}find", {"name": NAME}, headers=EN).text
    assert "The newest 2 are shown" in page and "<small>2+</small>" in page
    packed = eve.post(f"{PAGE}export", {"record": "all", "name": NAME}).data
    assert len(json.loads(zipfile.ZipFile(BytesIO(packed)).read("records.json"))) == 3


@pytest.mark.rule("A25")
def test_no_button_erases_nothing(app, eve, known):
    nothing = eve.post(f"{PAGE}find", {"name": "Ring"}, headers=EN).text
    assert "Nothing of this can be erased now" in nothing
    assert "Erase the chosen records" not in nothing
    assert "Erase the chosen records" in eve.post(f"{PAGE}find", {"name": NAME}, headers=EN).text


@pytest.mark.rule("A25")
@pytest.mark.asvs("14.2.4")
def test_our_own_people_are_found_too_and_never_erased(app, eve, ben, phone, desk_op):
    """Their record, shifts, cases, trainings; what they entered and who looked is counted."""
    assert phone.send_op("shift.open", None, {"uniform": True}, by=ANA)["status"] == "applied"
    for kind, payload in (("category.add", CATEGORIES[0]), ("category.publish", {})):
        desk_op(kind, CATEGORY, payload, by=EVE)
    phone.send_op("category.acknowledge", CATEGORY, by=ANA)
    fact = {"code": "told_against", "at": datetime.now(UTC).isoformat(), "text": "Bins"}
    about = {"category_id": CATEGORY, "sub": "1a", "subject_kind": "person", "answers_id": ANA}
    raised = desk_op("case.raise", fixed_id("case"), {**about, "facts": [fact]}, by=BEN)
    assert raised["status"] == "applied"
    training = {"attendees": [ANA], "prompts": ["x"]}
    phone.send_op("session.begin", fixed_id("training"), training, by=BEN)
    eve.get("/desk/")
    page = " ".join(eve.post(f"{PAGE}find", {"name": "Ana"}, headers=EN).text.split())
    headings = set(re.findall(r"<h3>([\w ]+?) <small>", page))
    assert headings >= {"Person", "Shift", "Accountability case", "Training session"}
    assert "Nothing is held" not in page and "Labour Contract Law 50" in page
    assert "Erase the chosen records" not in page and "Entries of the log made by them" in page
    assert (
        f'href="/desk/security-log/?person={EVE}"'
        in eve.post(f"{PAGE}find", {"name": "Eve"}, headers=EN).text
    )
    eve.post(f"{PAGE}erase", {"name": "Ana", "record": [f"person:{ANA}"]})
    with app.app_context():
        assert db.session.get(MODELS_BY_TYPE["person"], (HOME_SITE, ANA)).name == "Ana"
    packed = zipfile.ZipFile(
        BytesIO(eve.post(f"{PAGE}export", {"record": "all", "name": "Eve"}, headers=EN).data)
    )
    assert {"sessions.csv", "security_log.csv"} <= set(packed.namelist())
    packed = zipfile.ZipFile(
        BytesIO(eve.post(f"{PAGE}export", {"record": "all", "name": "Ana"}, headers=EN).data)
    )
    types = {record["type"] for record in json.loads(packed.read("records.json"))}
    assert types >= {"person", "shift", "case", "session"}
    assert "Shift started" in packed.read("log_entries.csv").decode("utf-8-sig")


def test_every_type_with_personal_data_is_searched_or_says_why_not():
    with_texts = {
        name
        for name, table in MODELS_BY_TYPE.items()
        if columns_of(table.__tablename__, PERSONAL, SENSITIVE)
    }
    elsewhere = {"merge", "aside", "access", "unit", "checkpoint"}
    """Erased with their record, counted, or about no person."""
    assert with_texts <= {*PERSONAL_TYPES, *SEARCHED_TYPES, *elsewhere}


@pytest.mark.rule("V13", "Q12")
@pytest.mark.asvs("14.2.4")
def test_what_is_under_a_hold_and_what_has_no_days_is_listed(app, eve, ben, desk_op, known):
    assert "Nothing is under a hold" in ben.get("/desk/retention/", headers=EN).text
    desk_op("visit.hold", VISIT, {"reason": "case 7"}, by=BEN)
    assert desk_op("lost.open", fixed_id("case of a home"), {"item": "Ring", "unit": FLAT}, by=CHU)
    page = " ".join(ben.get("/desk/retention/", headers=EN).text.split())
    assert f'href="/desk/visits/{VISIT}">{NAME}</a>' in page and "case 7" in page
    assert "Visits, gate passes and home entries of this home: 1203" in page
    assert "Visit 1" in page.partition("Held now:")[2].partition("</p>")[0]
    assert "Gate passes and frequent visitors have no days of their own" in page
    assert "Network addresses: 180 days" in page and "Accountability case" in page


def test_the_notice_says_the_same_on_paper_and_on_the_phone(app, eve):
    """In the same sentences, so that they have one translation."""
    site = {"label": {"en": "x", "zh": "x"}, "retention_days": 30, "notice_contact": None}
    context = {"site": {**site, "notice_text": None}, "me": {"id": EVE, "roles": ["guard"]}}
    context |= {"page": "visit_notice", "lang": "en", "args": {}, "records": {}, "phone": {}}
    context |= {"sending": {"state": "all_sent"}, "now": "2026-11-24T12:00:00.000Z"}
    phone = render_page("visit_notice", context)
    desk = eve.get("/desk/visits/notice").text
    article = desk.partition('<article class="card notice" lang="en">')[2]
    paper = article.partition("</article>")[0]
    lines = [list_items(page) for page in (phone, paper)]
    assert lines[0] == lines[1] and len(lines[0]) == 6
    assert "What an open case needs is kept for it." in "".join(lines[0])


def list_items(page: str) -> list[str]:
    items = re.findall(r"<li>(.*?)</li>", page, re.DOTALL)
    return [" ".join(re.sub("<[^>]+>", "", item).split()) for item in items]


def test_the_notice_says_whom_to_ask(app, eve, ben, phone):
    form = {"notice_contact.zh": "客服台 8888", "notice_contact.en": "Front desk 8888"}
    form |= {"notice_text.en": "Cameras are at the gate."}
    assert ben.post("/desk/visits/notice", form).status_code == 403
    assert eve.post("/desk/visits/notice", form).status_code == 303
    page = ben.get("/desk/visits/notice", headers=EN).text
    assert "联系：客服台 8888" in page and "Ask: Front desk 8888" in page
    assert phone.get_record("site", HOME_SITE)["notice_contact"]["zh"] == "客服台 8888"
