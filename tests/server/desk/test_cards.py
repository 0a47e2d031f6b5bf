"""Cards at the desk and on phones; exporting content packs and importing them elsewhere."""

import io
import json
import re

import pytest
from sqlalchemy import func, select

from server.db.engine import db
from server.maintenance import demo
from server.models.cards import Card
from server.models.oplog import LoggedOp
from server.oplog.replay import find_faults
from sync.training.cards import card_id
from sync.training.content_packs import Pack, read_pack, serialize_pack
from sync.training.handbook import HANDBOOK_PATH, load_handbook
from tests.seed_data import BEN, EVE, HOME_SITE
from tests.server.conftest import is_refused

EN = {"Accept-Language": "en"}
FEES = card_id(HOME_SITE, "FE-01")
TITLE = {"zh": "收费", "en": "Fees"}
CARD = {"code": "FE-01", "group": "fees", "title": TITLE}
FORM = {
    "group": "fees",
    "title.zh": "收费",
    "title.en": "Fees",
    "body.zh": "每月\r\n\r\n五日",
    "body.en": "Monthly",
    "phrase": "",
    "order": "3",
    "clause": "F18",
}


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def eve(signed_in):
    return signed_in(EVE, HOME_SITE)


def stored_card(app, code="FE-01"):
    with app.app_context():
        return db.session.get(Card, (HOME_SITE, card_id(HOME_SITE, code)))


def op_count(app):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(LoggedOp))


def card_form(card, **changed):
    """The form of a card as a browser sends it back."""
    was = {
        "group": card.group,
        "title.zh": card.title["zh"],
        "title.en": card.title["en"],
        "body.zh": card.body["zh"].replace("\n", "\r\n"),
        "body.en": card.body["en"],
        "phrase": card.phrase or "",
        "order": str(card.order),
        "clause": card.clause or "",
    }
    seen = {f"was.{name}": value for name, value in was.items()}
    return {"base": str(card.version), **seen, **was, **changed}


def preview_pack(desk, raw, name="pack.json"):
    return desk.post("/desk/packs/", {"file": (io.BytesIO(raw), name)}, headers=EN)


def checked_codes(page):
    """The codes whose checkboxes are ticked in the preview."""
    boxes = re.findall(r'name="code" value="([\w-]+)" (checked)?', page)
    return [code for code, checked in boxes if checked]


def import_pack(desk, raw, codes=None):
    page = preview_pack(desk, raw).text
    bases = dict(re.findall(r'name="(base\.[\w-]+)" value="(\d+)"', page))
    chosen = checked_codes(page) if codes is None else codes
    return desk.post("/desk/packs/apply", {"pack": raw.decode(), "code": chosen, **bases})


def test_add_revise_and_withdraw_a_card(app, eve, phone):
    assert eve.post("/desk/cards/", {"code": "fe-01", **FORM}).status_code == 303
    card = stored_card(app)
    assert (card.code, card.status, card.body["zh"]) == ("FE-01", "ready", "每月\n\n五日")
    assert phone.get_record("card", FEES)["title"] == TITLE
    eve.post(f"/desk/cards/{FEES}/revise", card_form(card, phrase="请"))
    assert (stored_card(app).phrase, stored_card(app).edition, stored_card(app).body) == (
        "请",
        2,
        card.body,
    )
    with app.app_context():
        op = db.session.scalars(select(LoggedOp).where(LoggedOp.kind == "card.revise")).one()
        assert op.payload == {"phrase": "请"}
    page = eve.get(f"/desk/cards/{FEES}", headers=EN).text
    assert "<b>Eve</b> brought out a new edition" in page
    eve.post(f"/desk/cards/{FEES}/withdraw", {"base": str(stored_card(app).version)})
    assert ("card", FEES) not in phone.pull_all()
    assert "Withdrawn" in eve.get("/desk/cards/", headers=EN).text
    assert "A field is missing" not in eve.get(f"/desk/cards/{FEES}", headers=EN).text


def test_an_existing_code_and_an_unchanged_form_are_refused(app, eve):
    eve.post("/desk/cards/", {"code": "FE-01", **FORM})
    again = eve.post("/desk/cards/", {"code": "FE-01", **FORM})
    assert is_refused(again, "already-exists")
    same = eve.post(f"/desk/cards/{FEES}/revise", card_form(stored_card(app)))
    assert is_refused(same, "nothing-changed")
    assert eve.post(f"/desk/cards/{FEES}/revise", FORM).status_code == 400


def test_only_managers_edit_cards(desk_op, ben, dao, signed_in, phone, eve):
    assert desk_op("card.add", FEES, CARD, by=BEN)["code"] == "not-allowed"
    assert phone.send_op("card.add", FEES, CARD, by=EVE)["code"] == "not-for-phones"
    assert desk_op("card.add", card_id(HOME_SITE, "FE-02"), {**CARD, "code": "FE-02"}, by=EVE)
    subject = card_id(HOME_SITE, "FE-02")
    for kind, payload in (("card.revise", {"order": 4}), ("card.withdraw", {})):
        assert desk_op(kind, subject, payload, by=BEN)["code"] == "not-allowed"
    for path in ("/desk/cards/", f"/desk/cards/{subject}/revise", "/desk/packs/apply"):
        assert ben.post(path, FORM).status_code == 403
    assert ben.get("/desk/cards/").status_code == 200
    assert ben.get("/desk/packs/file").status_code == 403
    assert dao.get(f"/desk/cards/{subject}").status_code == 404


def test_concurrent_card_revisions_make_a_conflict(app, desk_op, ben):
    desk_op("card.add", FEES, CARD, by=EVE)
    first, second = ({"body": {"zh": text, "en": text}} for text in ("A", "B"))
    desk_op("card.revise", FEES, first, by=EVE, base=1)
    verdict = desk_op("card.revise", FEES, second, by=EVE, base=1)
    assert verdict["status"] == "contested"
    assert ">Fees</a>: Which is right?" in ben.get("/desk/settle/", headers=EN).text
    with app.app_context():
        op = db.session.scalars(select(LoggedOp).where(LoggedOp.status == "contested")).one()
        merge = op.merge_id
    assert desk_op("merge.settle", merge, {"take": "incoming"}, by=BEN)["status"] == "applied"
    assert (stored_card(app).body["en"], stored_card(app).edition, stored_card(app).status) == (
        "B",
        3,
        "ready",
    )
    with app.app_context():
        assert db.session.scalars(select(LoggedOp).where(LoggedOp.kind == "card.amend")).one()


def test_importing_the_handbook_twice_changes_nothing(app, eve, phone):
    page = eve.get("/desk/packs/handbook", headers=EN).text
    assert checked_codes(page) == sorted(card["code"] for card in load_handbook().cards)
    raw = HANDBOOK_PATH.read_bytes()
    before = op_count(app)
    count = len(load_handbook().cards)
    assert f"taken={count}" in import_pack(eve, raw).location
    assert op_count(app) == before + count == before + len(phone.records_of("card"))
    again = preview_pack(eve, raw).text
    assert "Everything in this pack is already here" in again and checked_codes(again) == []
    assert "taken=0" in import_pack(eve, raw, ["ET-01", "PC-01"]).location
    assert op_count(app) == before + count
    assert stored_card(app, "ET-01").pack == "lodge-handbook 2"


def test_an_exported_pack_can_be_imported(app, eve, signed_in, desk_op):
    import_pack(eve, HANDBOOK_PATH.read_bytes())
    desk_op("card.withdraw", card_id(HOME_SITE, "PC-05"), {}, by=EVE)
    desk_op(
        "card.add", card_id(HOME_SITE, "X-1"), {**CARD, "code": "X-1", "phrase": "𠮷\n🌳"}, by=EVE
    )
    about = {"name": "ours", "version": "2", "licence": "CC BY 4.0"}
    file = eve.get("/desk/packs/file", query_string=about)
    assert 'filename="ours-2.json"' in file.headers["Content-Disposition"]
    pack = read_pack(file.data)
    assert isinstance(pack, Pack) and pack.licence == "CC BY 4.0"
    codes = {card["code"] for card in load_handbook().cards} - {"PC-05"} | {"X-1"}
    assert {card["code"] for card in pack.cards} == codes
    assert file.data == eve.get("/desk/packs/file", query_string=about).data
    assert "Everything in this pack is already here" in preview_pack(eve, file.data).text


def test_a_newer_pack_does_not_preselect_cards_edited_here(app, eve):
    import_pack(eve, HANDBOOK_PATH.read_bytes())
    own = card_form(stored_card(app, "ET-02"), **{"title.en": "OUR OWN"})
    eve.post(f"/desk/cards/{card_id(HOME_SITE, 'ET-02')}/revise", own)
    cards = [dict(card) for card in load_handbook().cards]
    for card in cards:
        if card["code"] in ("ET-01", "ET-02"):
            card["title"] = {**card["title"], "en": "THE NEXT"}
    raw = serialize_pack(Pack("lodge-handbook", "3", "MIT", tuple(cards))).encode()
    page = preview_pack(eve, raw).text
    assert checked_codes(page) == ["ET-01"]
    assert "OUR OWN" in page and "THE NEXT" in page and "edited here" in page
    import_pack(eve, raw)
    assert stored_card(app, "ET-01").title["en"] == "THE NEXT"
    assert stored_card(app, "ET-01").pack == "lodge-handbook 3"
    assert stored_card(app, "ET-02").title["en"] == "OUR OWN"
    import_pack(eve, raw, ["ET-02"])
    assert stored_card(app, "ET-02").title["en"] == "THE NEXT"


def test_a_card_changed_after_the_preview_is_not_overwritten(app, eve):
    import_pack(eve, HANDBOOK_PATH.read_bytes())
    cards = [dict(card) for card in load_handbook().cards if card["code"] == "ET-01"]
    cards[0]["title"] = {**cards[0]["title"], "en": "THE NEXT"}
    raw = serialize_pack(Pack("lodge-handbook", "3", "MIT", tuple(cards))).encode()
    bases = {"base.ET-01": str(stored_card(app, "ET-01").version)}
    own = card_form(stored_card(app, "ET-01"), **{"title.en": "MEANWHILE"})
    eve.post(f"/desk/cards/{card_id(HOME_SITE, 'ET-01')}/revise", own)
    response = eve.post("/desk/packs/apply", {"pack": raw.decode(), "code": ["ET-01"], **bases})
    assert "aside=1" in response.location
    assert stored_card(app, "ET-01").title["en"] == "MEANWHILE"


@pytest.mark.parametrize(
    ("raw", "remedy"),
    [
        (b"PK\x03\x04", "Choose the exported .json file"),
        (b"x" * 300_000, "Export fewer cards"),
        (
            HANDBOOK_PATH.read_bytes().replace(b"Fees", b"Bees"),
            "Export it again, or use the original",
        ),
        (b'{"lodge_pack": 9}', "Update this server first"),
        (b"", "Choose the exported .json file"),
    ],
)
def test_an_invalid_pack_is_rejected_with_a_remedy(app, eve, raw, remedy):
    before = op_count(app)
    answer = preview_pack(eve, raw)
    assert answer.status_code == 422 and remedy in answer.text
    assert eve.post("/desk/packs/apply", {"pack": raw, "code": ["ET-01"]}).status_code == 422
    assert op_count(app) == before


def test_an_export_needs_a_valid_name(eve):
    answer = eve.get("/desk/packs/file", query_string={"name": "two words"}, headers=EN)
    assert answer.status_code == 422 and "must each be one word" in answer.text


def test_another_site_cannot_import_cards(dao, app):
    assert (
        dao.post("/desk/packs/apply", {"pack": HANDBOOK_PATH.read_text("utf-8")}).status_code == 403
    )
    assert stored_card(app, "ET-01") is None


@pytest.mark.clause("F17")
@pytest.mark.clause("F18")
@pytest.mark.clause("F19")
@pytest.mark.clause("F20")
def test_the_demo_has_the_handbook(app):
    with app.app_context():
        demo.build()
        demo.build()
        site = demo.demo_id("squirrel")
        cards = db.session.scalars(Card.for_site(site)).all()
        assert [card.code for card in cards] == [
            card["code"] for card in sorted(load_handbook().cards, key=lambda card: card["order"])
        ]
        assert {card.edition for card in cards} == {1}
        assert find_faults(site) == []


def test_card_pages_have_no_inline_script_or_style(eve):
    import_pack(eve, HANDBOOK_PATH.read_bytes())
    pages = ["/desk/cards/", "/desk/cards/new", f"/desk/cards/{FEES}", "/desk/packs/"]
    for page in [*pages, "/desk/packs/handbook", "/desk/shifts/"]:
        answer = eve.get(page)
        assert answer.status_code == 200
        text = answer.text
        assert " style=" not in text and "<style" not in text and "onclick" not in text
        assert "<script>" not in text


def test_a_pack_survives_form_line_endings(eve, app):
    crlf = HANDBOOK_PATH.read_bytes().replace(b"\n", b"\r\n")
    eve.post("/desk/packs/apply", {"pack": crlf.decode(), "code": ["ET-01"]})
    assert (
        stored_card(app, "ET-01").title
        == json.loads(HANDBOOK_PATH.read_text("utf-8"))["sections"]["cards"][
            [card["code"] for card in load_handbook().cards].index("ET-01")
        ]["title"]
    )


@pytest.mark.clause("D4", "E7")
@pytest.mark.rule("C5")
def test_an_empty_case_is_filled_in_at_the_desk(app, eve, phone, desk_op):
    code, case = "CASE-02", card_id(HOME_SITE, "CASE-02")
    content = next(card for card in load_handbook().cards if card["code"] == code)
    desk_op("card.add", case, content, by=EVE)
    page = eve.get(f"/desk/cards/{case}").text
    assert "待补充" in page and 'name="prompts.0.zh"' in page
    body = {"body.zh": "有人经过，她停下扫帚。", "body.en": "She stops as people pass."}
    typed = {
        **{"prompts.0.zh": "她为什么停下？", "prompts.0.en": "Why does she stop?"},
        **{"prompts.2.zh": "你会怎么做？", "prompts.2.en": "What would you do?"},
        **{"approaches.A.label.zh": "先让路", "approaches.A.endorsed": "true"},
        **{"approaches.C.label.zh": "接着扫", "approaches.C.endorsed": "false"},
        "approaches.C.why.zh": "灰扬到人身上。",
    }
    seen = {f"was.title.{lang}": text for lang, text in content["title"].items()}
    same = {name.removeprefix("was."): text for name, text in seen.items()}
    order = {"order": str(content["order"]), "was.order": str(content["order"])}
    form = {"group": "cases", "was.group": "cases", "clause": "D4", "was.clause": "D4"}
    eve.post(
        f"/desk/cards/{case}/revise", {**seen, **same, **order, **form, **body, **typed, "base": 1}
    )
    card = phone.get_record("card", case)
    assert (card["status"], card["edition"]) == ("ready", 2)
    assert [prompt["zh"] for prompt in card["prompts"]] == ["她为什么停下？", "你会怎么做？"]
    assert [(way["key"], way["endorsed"]) for way in card["approaches"]] == [
        ("A", True),
        ("C", False),
    ]
    page = eve.get(f"/desk/cards/{case}").text
    assert "她为什么停下？" in page and 'name="was.approaches.C.endorsed" value="false"' in page


@pytest.mark.clause("E7")
def test_whether_an_approach_is_recommended_is_never_assumed(eve, app):
    form = {**FORM, "code": "CASE-9", "group": "cases", "approaches.A.label.zh": "先让路"}
    eve.post("/desk/cards/", form)
    assert stored_card(app, "CASE-9") is None
    eve.post("/desk/cards/", {**form, "approaches.A.endorsed": "false"})
    assert stored_card(app, "CASE-9").approaches[0]["endorsed"] is False


@pytest.mark.clause("F18", "F20")
def test_the_handbook_has_cards_for_services_standards_fees_and_the_company(app, phone):
    groups = {card["group"] for card in load_handbook().cards}
    assert {"services", "standards", "fees", "company", "estates"} <= groups


@pytest.mark.clause("F18")
def test_a_card_names_the_standards_that_it_explains(desk_op, phone):
    content = next(card for card in load_handbook().cards if card["code"] == "ST-07")
    desk_op("card.add", card_id(HOME_SITE, "ST-07"), content, by=EVE)
    assert phone.get_record("card", card_id(HOME_SITE, "ST-07"))["standards"] == ["CL-07", "CL-07u"]
