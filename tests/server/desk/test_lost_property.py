"""Lost items: every step to the end, the police pack, phones, and found items."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from server.db.engine import db
from server.jobs import retention
from server.models.found_items import FoundItem
from server.models.gate_passes import GatePass
from server.models.lost_property import LostProperty
from server.models.photos import PhotoLink
from server.models.tickets import Ticket
from server.models.visits import Visit
from server.oplog.receive import ops_about
from server.oplog.replay import find_faults
from sync.protocol.clock import format_time
from sync.service.lost_property import OUTCOMES, case_timeline, loss_ticket_id, missing_steps
from sync.training.cards import card_id
from sync.training.handbook import load_handbook
from tests.seed_data import ANA, BEN, CHU, EVE, FLAT, HOME_SITE, fixed_id
from tests.server.conftest import is_refused

ROOT = Path(__file__).parents[3]
EN = {"Accept-Language": "en"}
FIRM, LOST_ID, ENTRY_OF_LU, FOUND_ITEM_ID = (
    fixed_id("firm"),
    fixed_id("case"),
    fixed_id("entry-lu"),
    fixed_id("thing"),
)
OPEN_PAYLOAD = {"item": "Organiser", "unit": FLAT, "contact": "1203", "holds_personal_data": True}
PARTY = f"{FIRM}|Lu"


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def contractor(desk_op):
    payload = {"name": "Spruce Cable", "service": "cable", "accountable_id": EVE}
    assert desk_op("contractor.add", FIRM, payload, by=EVE)["status"] == "applied"
    went_in = {"unit": FLAT, "purpose": "Cable", "worker": "Lu", "contractor": FIRM}
    desk_op("entry.begin", ENTRY_OF_LU, went_in, by=CHU)


@pytest.fixture
def open_case(desk_op, contractor):
    desk_op("lost.open", LOST_ID, OPEN_PAYLOAD, by=CHU)
    return LOST_ID


def stored(app, table, id_):
    with app.app_context():
        return db.session.get(table, (HOME_SITE, id_))


def logged_kinds(app, id_):
    """The kinds of all applied ops about a record."""
    with app.app_context():
        return {op.kind for op in ops_about(HOME_SITE, id_) if op.status == "applied"}


def jpeg_bytes():
    out = BytesIO()
    Image.effect_noise((80, 60), 40).convert("RGB").save(out, "JPEG")
    return out.getvalue(), hashlib.sha256(out.getvalue()).hexdigest()


@pytest.mark.rule("Q1", "Q8")
@pytest.mark.clause("E2", "E8")
def test_a_lost_item_opens_a_ticket_with_its_first_responder(app, open_case, ben):
    kept, ticket = stored(app, LostProperty, LOST_ID), stored(app, Ticket, loss_ticket_id(LOST_ID))
    assert (kept.ticket, kept.urgency) == (ticket.id, "urgent")
    assert ticket.first_responder_id == kept.first_responder_id == CHU
    assert (ticket.about_type, ticket.about) == ("lost", LOST_ID)
    assert kept.next_action_at > kept.opened_at
    page = ben.get(f"/desk/lost/{LOST_ID}", headers=EN).text
    assert ticket.number in page and "block the SIM card" in page


@pytest.mark.rule("Q3", "Q7")
@pytest.mark.clause("E6")
def test_each_missing_step_blocks_closing_a_case(app, ben, open_case):
    at = f"/desk/lost/{LOST_ID}"
    steps = [
        ("entries-missing", "compile", {}),
        ("statements-missing", "state", {"party": PARTY, "declined": "true"}),
        ("police-missing", "offer_police", {"answer": "no"}),
        ("feedback-missing", "tell", {"said": "all that we know"}),
    ]
    for code, what, form in steps:
        response = ben.post(f"{at}/close", {"outcome": "informed"})
        assert is_refused(response, code)
        assert ben.post(f"{at}/{what}", form).location == at
    assert is_refused(ben.post(f"{at}/close", {"outcome": "no_evidence"}), "malformed")
    assert ben.post(f"{at}/close", {"outcome": "informed"}).location == at
    assert stored(app, LostProperty, LOST_ID).outcome == "informed"
    assert ben.post(f"{at}/reopen", {"reason": "it was found"}).location == at
    for what, form in (
        ("ask", {"party": PARTY}),
        ("find", {"where": "sofa"}),
        ("return", {"to": "Ms Zhou"}),
        ("next", {"next_action": "Call", "next_action_at": "2026-11-30T10:00"}),
        ("tell", {"said": "here it is"}),
        ("close", {"outcome": "returned"}),
    ):
        assert ben.post(f"{at}/{what}", form).location == at, what
    assert stored(app, LostProperty, LOST_ID).outcome == "returned"
    response = {"lost.ask", "lost.state", "lost.offer_police", "lost.return", "lost.next"}
    assert response | {"lost.close", "lost.reopen"} <= logged_kinds(app, LOST_ID)
    assert ben.post(f"{at}/search", {}).status_code == 404


@pytest.mark.rule("Q3")
def test_a_late_entry_is_only_on_the_newer_list(app, ben, open_case, phone):
    ben.post(f"/desk/lost/{LOST_ID}/compile")
    late = phone.add_op("entry.begin", None, {"unit": FLAT, "purpose": "Check"}, by=ANA)
    phone.add_op("entry.end", late["subject"], by=ANA)
    phone.send_outbox()
    assert "1 home entry is not on this list" in ben.get(f"/desk/lost/{LOST_ID}", headers=EN).text
    ben.post(f"/desk/lost/{LOST_ID}/compile")
    old, new = stored(app, LostProperty, LOST_ID).lists
    assert (set(old["entries"]), set(new["entries"])) == (
        {ENTRY_OF_LU},
        {ENTRY_OF_LU, late["subject"]},
    )
    page = ben.get(f"/desk/lost/{LOST_ID}", headers=EN).text
    assert "Older lists" in page and "Ana" in page
    body = phone.get_record("lost", LOST_ID)
    sheets = [line for line in body["timeline"] if line["kind"] == "compile"]
    assert [("entries" in sheet) for sheet in sheets] == [False, True]


@pytest.mark.rule("Q5")
@pytest.mark.clause("E3", "E10")
def test_a_contractor_is_assigned_with_our_accountable_manager(app, ben, open_case, desk_op):
    page = f"/desk/lost/{LOST_ID}"
    assert ben.post(f"{page}/contract_out", {"contractor": FIRM}).location == page
    kept, text = stored(app, LostProperty, LOST_ID), ben.get(page, headers=EN).text
    assert (kept.contractor_id, kept.accountable_id) == (FIRM, EVE)
    assert kept.first_responder_id == CHU
    assert "Our Eve stays responsible" in text and "Spruce Cable" in text
    desk_op("contractor.end", FIRM, by=EVE)
    again = ben.post(f"{page}/contract_out", {"contractor": FIRM})
    assert is_refused(again, "contract-ended")
    refused = desk_op("lost.contract_out", LOST_ID, {"contractor": fixed_id("none")})
    assert refused["code"] == "no-such-record"


@pytest.mark.rule("Q9")
@pytest.mark.clause("E9")
def test_the_police_pack_is_byte_identical(app, ben, open_case, desk_op, phone):
    content, sha256 = jpeg_bytes()
    phone.request_photo("PUT", sha256, content)
    phone.add_op("lost.find", LOST_ID, {"where": "sofa", "photos": [sha256, "0" * 64]}, by=CHU)
    phone.send_outbox()
    ben.post(f"/desk/lost/{LOST_ID}/compile")
    ben.post(f"/desk/lost/{LOST_ID}/state", {"party": PARTY, "said": "没看见"})
    handed = {"station": "North", "officer": "Han", "receipt": "R-7", "handed_by": "Chu"}
    ben.post(f"/desk/lost/{LOST_ID}/to_police", handed)
    assert "lost.to_police" in logged_kinds(app, LOST_ID)
    first, again = (ben.get(f"/desk/lost/{LOST_ID}/pack.zip") for _ in range(2))
    assert first.data == again.data
    packed = zipfile.ZipFile(BytesIO(first.data))
    files = {name: packed.read(name) for name in packed.namelist()}
    shot = f"photos/{sha256}.jpg"
    told = ["SHA256SUMS", "entries.json", "visits.json", "manifest.json", shot]
    printed = ["report.en.html", "report.zh.html"]
    assert sorted(files) == sorted([*told, *printed, "statements.json", "timeline.json"])
    report = files["report.en.html"].decode()
    for word in ("没看见", "Lu (Spruce Cable)", "R-7", "data:image/jpeg;base64,", sha256, "0" * 64):
        assert word in report
    assert not re.search(r"(src|href)=\"(?!data:)", report), "it loads nothing"
    for line in files["SHA256SUMS"].decode().splitlines():
        name = line[66:]
        assert hashlib.sha256(files[name]).hexdigest() == line[:64]
    manifest = json.loads(files["manifest.json"])
    assert manifest["photos_not_here"] == ["0" * 64]
    assert manifest["log"]["link"] in files["report.en.html"].decode()
    assert manifest["case"]["handed"][0]["receipt"] == "R-7"
    assert (
        files["manifest.json"]
        == json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )
    (statement,) = json.loads(files["statements.json"])
    assert (statement["said"], statement["name"]) == ("没看见", "Lu (Spruce Cable)")
    assert json.loads(files["entries.json"])["records"][0]["who"] == "Lu"
    printed = ben.get(f"/desk/lost/{LOST_ID}/police/print").text
    assert hashlib.sha256(first.data).hexdigest() in printed
    desk_op("lost.tell", LOST_ID, {"said": "it is with the police"}, by=CHU)
    assert ben.get(f"/desk/lost/{LOST_ID}/pack.zip").data != first.data


VISITOR = {"visitor": "Tang", "purpose": "service", "host_unit": FLAT, "firm": "Water Ltd"}


@pytest.mark.rule("Q3")
@pytest.mark.clause("E1", "E6")
def test_the_list_of_who_was_there_joins_home_entries_and_visits(app, ben, desk_op, open_case):
    """A visit that a home entry names, and a visitor who went elsewhere, are left out."""
    came, linked, elsewhere, entry = map(fixed_id, ("came", "linked", "elsewhere", "with visit"))
    for id_, more in ((came, {}), (linked, {"visitor": "Lu"}), (elsewhere, {"host_unit": None})):
        desk_op("visit.arrive", id_, {**VISITOR, **more}, by=CHU)
    went_in = {"unit": FLAT, "purpose": "Cable", "worker": "Lu", "contractor": FIRM}
    desk_op("entry.begin", entry, {**went_in, "visit": linked}, by=CHU)
    ben.post(f"/desk/lost/{LOST_ID}/compile")
    listed = stored(app, LostProperty, LOST_ID).lists[-1]
    assert set(listed["entries"]) == {came, entry, ENTRY_OF_LU}
    assert listed["parties"] == {PARTY: "Lu (Spruce Cable)", "|Tang": "Tang (Water Ltd)"}
    assert listed["purposes"][came] == "service" and listed["entries"][came].endswith("Ltd)")
    for language, word in (("en", "home service"), ("zh", "上门服务")):
        page = ben.get(f"/desk/lost/{LOST_ID}", headers={"Accept-Language": language}).text
        assert f"Tang (Water Ltd) · {word}" in page, "the purpose in the reader's language"
    assert "statements-missing" in missing_steps(vars(stored(app, LostProperty, LOST_ID)))
    packed = zipfile.ZipFile(BytesIO(ben.get(f"/desk/lost/{LOST_ID}/pack.zip").data))
    assert [visit["visitor"] for visit in json.loads(packed.read("visits.json"))] == ["Tang"]


@pytest.mark.rule("Q12", "V13")
@pytest.mark.clause("E6", "E9")
def test_a_case_holds_what_is_known_of_its_home_until_its_own_days_are_over(app, ben, desk_op):
    names = ("to the home", "named by an entry", "elsewhere")
    home, named, other = map(fixed_id, names)
    for id_, more in ((home, {}), (named, {"host_unit": None}), (other, {"host_unit": None})):
        desk_op("visit.arrive", id_, {**VISITOR, **more}, by=CHU)
        desk_op("visit.depart", id_, {}, by=CHU)
    desk_op("entry.begin", fixed_id("e"), {"unit": FLAT, "purpose": "x", "visit": named}, by=CHU)
    goods = fixed_id("goods of the home")
    desk_op("release.record", goods, {"what": "A sofa", "host_unit": FLAT}, by=CHU)
    desk_op("lost.open", LOST_ID, OPEN_PAYLOAD, by=CHU)

    def purged(days):
        with app.app_context():
            retention.purge_expired(HOME_SITE, datetime.now(UTC) + timedelta(days=days))
            visits = {v.id for v in db.session.scalars(select(Visit)) if v.purged_at}
            return visits, db.session.get_one(GatePass, (HOME_SITE, goods)).purged_at is not None

    assert purged(31) == ({other}, False)
    assert "are kept as long as this case" in ben.get(f"/desk/lost/{LOST_ID}", headers=EN).text
    desk_op("lost.return", LOST_ID, {"to": "Mrs Ma"}, by=CHU)
    desk_op("lost.tell", LOST_ID, {"said": "It is back"}, by=CHU)
    desk_op("lost.close", LOST_ID, {"outcome": "returned"}, by=BEN)
    assert purged(364) == ({other}, False), "a closed case may be opened again"
    purged(366)
    assert purged(366) == ({home, named, other}, True)


@pytest.mark.clause("E2")
def test_a_case_with_personal_data_leads_to_its_card(ben, desk_op, open_case):
    assert "/desk/cards/" not in main_part(ben.get(f"/desk/lost/{LOST_ID}", headers=EN).text)
    (card,) = (card for card in load_handbook().cards if card["code"] == "LP-01")
    id_ = card_id(HOME_SITE, "LP-01")
    assert desk_op("card.add", id_, card, by=EVE)["status"] == "applied"
    page = ben.get(f"/desk/lost/{LOST_ID}", headers=EN).text
    assert f'href="/desk/cards/{id_}"' in main_part(page)


def main_part(page):
    """A page without its navigation."""
    return page[page.index("<main") :]


def test_overdue_cases_are_listed_first(app, ben):
    soon = {"next_action": "Ask the firm", "next_action_at": "2026-01-01T10:00"}
    ben.post("/desk/lost/", {"item": "Ring", "contact": "1203", "channel": "phone", **soon})
    ben.post("/desk/lost/", {"item": "Watch", "contact": "1203", "channel": "phone"})
    page = ben.get("/desk/lost/", headers=EN).text
    assert page.index("Ring") < page.index("Watch")
    assert page.count('<span class="st bad">') == 1, "one is overdue"
    overdue = ben.get("/desk/lost/?state=overdue", headers=EN).text
    assert "Ring" in overdue and "Ask the firm" in overdue and "Watch" not in overdue
    ring = re.search(r'href="/desk/lost/([0-9a-f-]{36})[?"]', overdue)[1]
    sent = {"row": ring, "next.next_action": "Ask again", "next.next_action_at": "2199-01-01T10:00"}
    assert ben.post("/desk/lost/bulk/next", sent).status_code == 303
    assert "Ask again" in ben.get("/desk/lost/").text
    assert "Ring" not in ben.get("/desk/lost/?state=overdue").text


def test_another_site_cannot_see_a_case(dao, open_case):
    for path in ("", "/print", "/pack.zip", "/police/pdf"):
        assert dao.get(f"/desk/lost/{LOST_ID}{path}").status_code == 404
    assert dao.post(f"/desk/lost/{LOST_ID}/tell", {"said": "x"}).status_code == 404


@pytest.mark.rule("Q2")
def test_a_case_does_not_depend_on_the_order_of_arrival(app, open_case, new_phone, desk_op):
    desk_op(
        "lost.compile",
        LOST_ID,
        {"unit": FLAT, "since": format_time(NOW), "before": format_time(NOW)},
        by=BEN,
    )
    made = []
    for order in itertools.permutations(range(3)):
        subject = fixed_id(f"case-{order}")
        chu, ana, bao = (new_phone() for _ in range(3))
        opened = chu.add_op("lost.open", subject, OPEN_PAYLOAD, by=CHU, at=format_time(NOW))
        chu.send_outbox()
        assert opened["subject"] == subject
        payload = {"party": PARTY, "declined": True}
        chu.add_op(
            "lost.state", subject, payload, by=CHU, at=format_time(NOW + timedelta(seconds=1))
        )
        later = NOW + timedelta(seconds=2)
        ana.add_op("lost.find", subject, {"where": "sofa"}, by=ANA, at=format_time(later))
        bao.add_op("lost.tell", subject, {"said": "found"}, by=BEN, at=format_time(later))
        for n in order:
            (chu, ana, bao)[n].send_outbox()
        with app.app_context():
            lines = case_timeline(vars(db.session.get(LostProperty, (HOME_SITE, subject))))
        made.append([(line["kind"], line["by_id"]) for line in lines][:2])
    assert all(one == made[0] for one in made)


FORBIDDEN_PHRASE = "不搜身"
"""The job-role card of the guards says so: they never search anybody."""

POLICE_ONLY = "Only the police may search a person's belongings or room."
"""The notice on the pages of a lost item."""

NOW = datetime.now(UTC) - timedelta(hours=1)


def test_a_photo_is_linked_only_to_the_case_that_names_it(app, phone, desk_op, contractor):
    """Invariant 14: a photo is never linked to another record, or to one that does not exist."""
    content, sha256 = jpeg_bytes()
    phone.add_op("lost.open", LOST_ID, {**OPEN_PAYLOAD, "photos": [sha256]}, by=CHU)
    stray = {"sha256": "1" * 64, "bytes": len(content), "captured_at": format_time(NOW)}
    lost = phone.add_op("photo.attach", fixed_id("nothing"), stray, by=CHU)
    verdicts = phone.send_outbox()
    assert verdicts[lost["id"]]["code"] == "no-such-record"
    phone.request_photo("PUT", sha256, content)
    with app.app_context():
        links = db.session.execute(select(PhotoLink.sha256, PhotoLink.subject)).all()
    assert [tuple(link) for link in links] == [(sha256, LOST_ID)]
    assert stored(app, LostProperty, LOST_ID).photos_here == 1


@pytest.mark.rule("Q7")
@pytest.mark.clause("E6")
def test_the_phone_template_lists_the_same_missing_steps(app):
    """For every combination of steps, the phone template and the rule name the same codes."""
    lines = {
        "compile": ("lists", {"parties": {PARTY: "Lu"}, "entries": {ENTRY_OF_LU: "Lu"}}),
        "ask": ("asked", {"party": PARTY}),
        "offer_police": ("offers", {"answer": "yes"}),
        "to_police": ("handed", {"station": "North"}),
        "return": ("returned", {"to": "owner"}),
        "tell": ("told", {"said": "all"}),
    }
    with app.test_request_context():
        macro = app.jinja_env.get_template("_parts/lost_property.html").module.missing_codes
        for told in itertools.product([False, True], repeat=len(lines)):
            case = {"statements": [], **{column: [] for column, _ in lines.values()}}
            timeline = []
            for n, (kind, (column, said)) in enumerate(lines.items()):
                if told[n]:
                    line = {"at": f"2026-11-24T0{n}:00:00.000Z", **said}
                    case[column] = [line]
                    timeline.append({**line, "kind": kind})
            for outcome in OUTCOMES:
                shown = str(macro({"timeline": timeline}, outcome)).split()
                assert sorted(shown) == sorted(missing_steps(case, outcome)), (told, outcome)


@pytest.mark.rule("Q10")
@pytest.mark.clause("E5")
def test_no_text_offers_a_search_or_sends_a_resident_elsewhere():
    said = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "sync").rglob("*.json")]
    said += [*(ROOT / "server/translations").rglob("*.po")]
    search = r"搜查|搜身|搜宿舍|搜房|body search|search (the |his |her |their |a )?"
    search += r"(person|room|dormitor|bag|belonging|home|worker)"
    away = r"请联系|请直接(找|联系)|自行联系|please contact the (firm|company|contractor)"
    for file in said:
        text = file.read_text("utf-8").replace(FORBIDDEN_PHRASE, "").replace(POLICE_ONLY, "")
        assert not re.search(search, text, re.IGNORECASE), file
        assert not re.search(away, text, re.IGNORECASE), file


@pytest.mark.rule("O1", "O2", "O3")
def test_record_notify_store_and_return_a_found_item(app, ben, desk_op, dao):
    desk_op("find.record", FOUND_ITEM_ID, {"what": "A key", "place": "office"}, by=ANA)
    ben.post("/desk/finds/", {"what": "A glove"})
    page = ben.get("/desk/finds/", headers=EN).text
    assert "A key" in page and "A glove" in page and "office" in page
    moved = {"all": "2", "state": "here", "keep.keeper": "Ben", "keep.place": "cellar"}
    assert ben.post("/desk/finds/bulk/keep", moved).status_code == 303
    assert ben.get("/desk/finds/").text.count("cellar") == 2
    assert ben.post("/desk/finds/bulk/keep", {"all": "2", "state": "here"}).status_code == 422
    at = f"/desk/finds/{FOUND_ITEM_ID}"
    assert dao.get(at).status_code == 404
    for what, form in (
        ("notify", {"told_whom": "1203"}),
        ("keep", {"keeper": "Qin", "place": "safe"}),
        ("return", {"to": "Ms Zhou", "how_known": "named the tag"}),
    ):
        assert ben.post(f"{at}/{what}", form).location == at
    record = stored(app, FoundItem, FOUND_ITEM_ID)
    assert (record.ended_how, record.ended_with) == ("returned", "Ms Zhou")
    assert [link.get("place") for link in record.chain] == ["office", "cellar", "safe"]
    assert ben.post(f"{at}/search").status_code == 404
    late = desk_op("find.to_police", FOUND_ITEM_ID, {"station": "North"}, by=CHU)
    assert late["status"] == "applied"
    assert "Ms Zhou" in ben.get(at).text
    assert {"find.notify", "find.keep", "find.return"} <= logged_kinds(app, FOUND_ITEM_ID)
