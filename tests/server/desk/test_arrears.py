"""Arrears: ledger import, collection calls and visits, and who may not take part."""

import io
import re
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from pathlib import Path

import pytest

from server.db.engine import db
from server.desk.ledger_import import arrears_account_id, parse_ledger
from server.desk.spreadsheets import MAX_BYTES, read_table, write_workbook
from server.jobs import retention
from server.models.arrears import ArrearsAccount
from server.models.conflicts import Conflict
from server.models.home_entries import HomeEntry
from server.models.oplog import LoggedOp
from server.models.tickets import Ticket
from server.oplog.replay import find_faults
from sync.service.arrears import owed_cents
from sync.service.arrears.ledger_columns import InvalidLedger
from sync.training.cards import card_id
from sync.training.handbook import load_handbook
from tests.seed_data import ANA, BEN, CHU, EVE, FLAT, HOME_SITE, STAIRS, fixed_id
from tests.server.conftest import is_refused

EN = {"Accept-Language": "en"}
ACCOUNT = arrears_account_id(HOME_SITE, FLAT)
HEADINGS, ENGLISH_HEADINGS = (
    ("房号", "款项", "期间", "金额"),
    ("Home", "Item", "Period", "Amount"),
)
LEDGER_ROWS = [
    HEADINGS,
    ("1203", "物业费", "2026-10", "123.45"),
    ("1203", "停车", "2026-10", "50"),
]


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


def stored_account(app):
    with app.app_context():
        return db.session.get(ArrearsAccount, (HOME_SITE, ACCOUNT))


def logged_kinds(app):
    """The kinds of all applied ops about the account."""
    with app.app_context():
        ops = LoggedOp.for_subject(HOME_SITE, ACCOUNT).where(LoggedOp.status == "applied")
        return {op.kind for op in db.session.scalars(ops)}


def preview_ledger(ben, rows, name="ledger.xlsx"):
    content = (
        write_workbook(rows) if name.endswith("x") else "\n".join(map(",".join, rows)).encode()
    )
    file = {"file": (io.BytesIO(content), name)}
    return ben.post("/desk/arrears/preview", file, content_type="multipart/form-data", headers=EN)


def hidden_value(page, name):
    return unescape(re.search(rf'name="{name}" value="([^"]*)"', page.text)[1])


def import_ledger(ben, rows, **more):
    page = preview_ledger(ben, rows)
    form = {"ledger": hidden_value(page, "ledger"), "batch": "nov.xlsx", **more}
    return ben.post("/desk/arrears/import", form)


@pytest.mark.rule("U10")
@pytest.mark.parametrize("name", ["ledger.xlsx", "ledger.csv"])
def test_importing_a_ledger_twice_changes_nothing(app, ben, name):
    page = preview_ledger(ben, LEDGER_ROWS, name)
    assert "173.45" in page.text
    for expected in ("taken=1", "taken=0"):
        assert expected in import_ledger(ben, LEDGER_ROWS).location
    row = stored_account(app)
    assert [line["cents"] for line in row.lines] == [12345, 5000] and row.version == 1
    assert "173.45" in ben.get("/desk/arrears/", headers=EN).text
    newer = [HEADINGS, ("1203", "物业费", "2026-11", "1")]
    assert "taken=1" in import_ledger(ben, newer, scope="whole").location
    assert stored_account(app).lines == [{"what": "物业费", "period": "2026-11", "cents": 100}]
    assert logged_kinds(app) == {"arrears.list", "arrears.relist"}


@pytest.mark.rule("U10", "V18")
def test_a_home_whose_account_was_erased_gets_a_new_one(app, ben, desk_op):
    import_ledger(ben, LEDGER_ROWS)
    desk_op("arrears.pay", ACCOUNT, {"cents": 17345})
    with app.app_context():
        later = datetime.now(UTC) + timedelta(days=1100)
        assert retention.purge_expired(HOME_SITE, later).records == {"arrears": 1}
    import_ledger(ben, LEDGER_ROWS)
    with app.app_context():
        (account,) = db.session.scalars(ArrearsAccount.for_site(HOME_SITE))
        assert (account.unit, account.id == ACCOUNT) == (FLAT, False)


@pytest.mark.rule("U10")
def test_bad_rows_are_downloaded_with_a_reason(ben):
    page = preview_ledger(
        ben, [*LEDGER_ROWS, ("9-9", "物业费", "10", "1"), ("1203", "水", "10", "1.234")]
    )
    assert "4 rows to correct" in page.text
    answer = ben.post("/desk/arrears/bad-rows", {"bad": hidden_value(page, "bad")}, headers=EN)
    back = [row for _, row in read_table(answer.data).rows]
    assert [row[:4] for row in back[1:]] == [
        *map(list, LEDGER_ROWS[1:]),
        ["9-9", "物业费", "10", "1"],
        ["1203", "水", "10", "1.234"],
    ]
    assert "another row of this home" in back[1][4] and "no such home" in back[3][4]
    assert tuple(back[0][:4]) == ENGLISH_HEADINGS
    template = read_table(ben.get("/desk/arrears/template", headers=EN).data)
    assert template.rows == ((1, [*ENGLISH_HEADINGS]),)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 not a workbook", "not a spreadsheet"),
        (b"\xff\xfe\x00x" * 9, "not a spreadsheet"),
        (b"a,b\n1,2", "does not match the template"),
    ],
)
def test_an_invalid_ledger_file_is_rejected_with_a_remedy(ben, content, words):
    file = {"file": (io.BytesIO(content), "wrong.csv")}
    page = ben.post("/desk/arrears/preview", file, content_type="multipart/form-data", headers=EN)
    assert page.status_code == 422 and words in page.text
    for bad in ({"ledger": "[]"}, {"ledger": "x"}, {}):
        assert ben.post("/desk/arrears/import", bad).status_code == 400


def test_a_ledger_file_that_is_too_big_is_not_parsed():
    with pytest.raises(InvalidLedger, match="too-long"):
        parse_ledger(b"x" * (MAX_BYTES + 1))


def test_a_complete_list_clears_accounts_not_listed(app, ben, desk_op):
    import_ledger(ben, LEDGER_ROWS)
    home = {"label": {"zh": "1204", "en": "1204"}, "area_id": STAIRS}
    desk_op("unit.add", fixed_id("1204"), home, by=EVE)
    import_ledger(ben, [HEADINGS, ("1204", "物业费", "10", "7")], complete="on", cleared=FLAT)
    assert stored_account(app).lines == []


@pytest.mark.rule("U4", "U5", "U7")
@pytest.mark.clause("H8")
def test_an_account_from_call_to_complaint_to_visit(app, ben, signed_in, phone):
    """Sends every step: `arrears.call`, `arrears.dispute`, `arrears.approve_visit` and the rest."""
    import_ledger(ben, LEDGER_ROWS)
    eve, at = signed_in(EVE, HOME_SITE), f"/desk/arrears/{ACCOUNT}"
    refused = phone.send_op("arrears.visit", ACCOUNT, {"outcome": "met"}, by=BEN, base=1)
    assert refused["code"] == "needs-call"
    ben.post(f"{at}/prefer", {"windows": ["00:00-23:59", ""]})
    ben.post(f"{at}/assign", {"collector_id": BEN})
    call = {"outcome": "reached", "itemised": "on", "appointment_at": "2030-01-02T09:00"}
    ben.post(f"{at}/call", call)
    assert stored_account(app).calls[0]["told"] == {
        "物业费 2026-10": "12345",
        "停车 2026-10": "5000",
    }
    phone.send_op("arrears.dispute", ACCOUNT, {"details": "lift", "contact": "1"}, by=BEN)
    with app.app_context():
        [complaint] = db.session.scalars(Ticket.newest(HOME_SITE)).all()
    assert (complaint.about, complaint.first_responder_id) == (ACCOUNT, BEN)
    assert is_refused(eve.post(f"{at}/approve_visit"), "paused")
    for kind, said in (("resolve", {"how": "mended"}), ("feed_back", {"reaction": "satisfied"})):
        phone.send_op(f"ticket.{kind}", complaint.id, said, by=BEN)
    assert stored_account(app).paused_by == []
    ben.post(f"{at}/ask_visit", {"reason": "cannot come"})
    assert is_refused(ben.post(f"{at}/approve_visit"), "own-request")
    eve.post(f"{at}/approve_visit")
    ben.post(f"{at}/visit", {"outcome": "met"})
    ben.post(f"{at}/appoint", {"appointment_at": "2030-02-02T09:00"})
    ben.post(f"{at}/pay", {"amount": "173.44", "receipt": "R1"})
    ben.post(f"{at}/hand_up", {"reason": "one cent left"})
    row = stored_account(app)
    assert (row.visit_outcome, row.paid_cents) == ("met", 17344) and row.handed_at
    assert logged_kinds(app) == {
        *("arrears.list", "arrears.prefer", "arrears.assign", "arrears.call", "arrears.dispute"),
        *("arrears.resume", "arrears.ask_visit", "arrears.approve_visit", "arrears.visit"),
        *("arrears.appoint", "arrears.pay", "arrears.hand_up"),
    }
    page = ben.get(at, headers=EN).text
    assert "0.01" in page and "with a manager" in page
    assert ben.post(f"{at}/cut_off").status_code == 404


@pytest.mark.rule("U5")
@pytest.mark.clause("H4")
def test_hours_are_read_as_people_write_them(app, ben):
    import_ledger(ben, LEDGER_ROWS)
    at = f"/desk/arrears/{ACCOUNT}"
    ben.post(f"{at}/prefer", {"windows": ["9:00-11:30", "２点～５点半"]})
    assert stored_account(app).windows == ["09:00-11:30", "02:00-05:30"]
    answer = ben.post(f"{at}/prefer", {"windows": ["after lunch", ""]})
    assert answer.status_code == 422 and "after lunch" in answer.text
    assert stored_account(app).windows == ["09:00-11:30", "02:00-05:30"]


@pytest.mark.rule("U2")
@pytest.mark.clause("H2")
def test_nothing_counts_as_named_that_nobody_says_was_named(app, ben):
    import_ledger(ben, LEDGER_ROWS)
    ben.post(f"/desk/arrears/{ACCOUNT}/call", {"outcome": "reached"})
    [call] = stored_account(app).calls
    assert (call["told"], call["itemised"]) == ({}, False)


def visit_account(ben, eve, form):
    """Record a visit to the account, after everything that has to come before it."""
    import_ledger(ben, LEDGER_ROWS)
    at = f"/desk/arrears/{ACCOUNT}"
    ben.post(f"{at}/call", {"outcome": "unreachable"})
    ben.post(f"{at}/ask_visit", {"reason": "cannot come"})
    eve.post(f"{at}/approve_visit")
    page = ben.get(at, headers=EN).text
    ben.post(f"{at}/visit", {"outcome": "met", **form})
    return page


@pytest.mark.rule("U13")
@pytest.mark.clause("H3")
@pytest.mark.parametrize(
    ("answer", "count"), [({}, 0), ({"went_in": "false"}, 0), ({"went_in": "true"}, 1)]
)
def test_a_visit_makes_a_home_entry_only_for_whoever_says_so(app, ben, signed_in, answer, count):
    page = visit_account(ben, signed_in(EVE, HOME_SITE), answer)
    assert "Did you go in?" in page
    with app.app_context():
        entries = db.session.scalars(HomeEntry.valid(HOME_SITE)).all()
    assert [(e.unit, e.purpose, e.worker_id, e.in_at) for e in entries] == [
        (FLAT, "arrears", BEN, None)
    ] * count
    shown = ben.get(f"/desk/arrears/{ACCOUNT}", headers=EN).text
    assert ("went in" in shown, "stayed at the door" in shown.split("Next steps")[0]) == (
        count == 1,
        answer.get("went_in") == "false",
    )


@pytest.mark.rule("U6")
@pytest.mark.clause("H7")
def test_the_card_on_conduct_stands_at_the_call_and_at_the_visit(ben, signed_in, desk_op):
    [card] = [card for card in load_handbook().cards if card["code"] == "FC-07"]
    assert card["clause"] == "H1-H7"
    desk_op("card.add", card_id(HOME_SITE, "FC-07"), card, by=EVE)
    page = visit_account(ben, signed_in(EVE, HOME_SITE), {})
    conduct = escape(card["body"]["en"].split("\n\n")[-2])
    assert "awake, sure of your ground" in conduct
    assert page.count(conduct) == 2


@pytest.mark.rule("U8")
def test_a_guard_cannot_call_collect_or_see_arrears(app, ben, signed_in, phone, desk_op):
    import_ledger(ben, LEDGER_ROWS)
    verdict = phone.send_op("arrears.call", ACCOUNT, {"outcome": "reached"}, by=CHU)
    assert (verdict["status"], verdict["code"]) == ("refused", "barred")
    assert stored_account(app).calls == []
    given = ben.post(f"/desk/arrears/{ACCOUNT}/assign", {"collector_id": CHU})
    assert is_refused(given, "barred")
    assert signed_in(CHU, HOME_SITE).get("/desk/arrears/").status_code == 403
    photo = {"sha256": "0" * 64, "bytes": 9, "captured_at": "2026-11-24T10:00:00Z"}
    shot = phone.send_op("photo.attach", ACCOUNT, photo, by=ANA)
    assert (shot["status"], shot["code"]) == ("quarantined", "no-photos-here")
    assert desk_op("arrears.resume", ACCOUNT, {"ticket": ACCOUNT})["status"] == "applied"
    assert {c["type"] for c in phone.pull(cursor=None).json["changes"]} >= {"arrears"}


@pytest.mark.rule("U5")
def test_a_call_outside_hours_makes_a_conflict(app, ben, phone):
    import_ledger(ben, LEDGER_ROWS)
    ben.post(f"/desk/arrears/{ACCOUNT}/prefer", {"do_not_call": "on"})
    verdict = phone.send_op("arrears.call", ACCOUNT, {"outcome": "unreachable"}, by=BEN)
    assert verdict["status"] == "applied"
    with app.app_context():
        merge = db.session.query(Conflict).filter_by(subject=ACCOUNT).one()
    assert merge.rule == "called-at-a-wrong-hour"


def test_feedback_about_an_unknown_account_is_applied(phone):
    payload = {"channel": "phone", "matter": "complaint", "contact": "1", "details": "x"}
    ticket = phone.add_op(
        "ticket.open", None, {**payload, "about_type": "arrears", "about": CHU}, by=ANA
    )
    phone.add_op("ticket.resolve", ticket["subject"], {"how": "mended"}, by=ANA)
    phone.add_op("ticket.feed_back", ticket["subject"], {"reaction": "satisfied"}, by=ANA)
    assert {verdict["status"] for verdict in phone.send_outbox().values()} == {"applied"}
    assert phone.get_record("ticket", ticket["subject"])["state"] == "closed"


SHEETS = Path(__file__).parent / "spreadsheets"
LABELS = ("1-1-101", "1-1-202", "1-2-102", "2-1-102", "2-1-201")


@pytest.fixture
def homes(desk_op):
    """The homes of the sheets in `spreadsheets/`, by label."""
    for label in LABELS:
        home = {"label": {"zh": label, "en": label}, "area_id": STAIRS}
        desk_op("unit.add", fixed_id(label), home, by=EVE)
    return {label: fixed_id(label) for label in LABELS}


def import_file(ben, content, **choices):
    """Upload a file and send the form of its preview on, with what it proposes or `choices`."""
    file = {"file": (io.BytesIO(content), "ledger")}
    page = ben.post("/desk/arrears/preview", file, content_type="multipart/form-data", headers=EN)
    assert page.status_code == 200
    hidden = {"ledger": hidden_value(page, "ledger"), "batch": hidden_value(page, "batch")}
    cleared = re.findall(r'name="cleared" value="([^"]*)"', page.text)
    ben.post("/desk/arrears/import", {**hidden, "cleared": cleared, **choices})
    return unescape(page.text)


def owed(app, homes):
    """What each home owes, in cents."""
    with app.app_context():
        accounts = db.session.scalars(ArrearsAccount.for_site(HOME_SITE)).all()
    labels = {unit: label for label, unit in homes.items()}
    return {labels[account.unit]: owed_cents(vars(account)) for account in accounts}


def test_accounts_are_listed_in_the_natural_order_of_their_homes(ben, desk_op):
    labels = ("1-2-102", "1-10-101", "1-2-99")
    for label in labels:
        desk_op("unit.add", fixed_id(label), {"label": {"zh": label}, "area_id": STAIRS}, by=EVE)
    rows = "".join(f"{label},fee,10,1\n" for label in labels)
    import_file(ben, f"房号,款项,期间,金额\n{rows}".encode())
    page = ben.get("/desk/arrears/", headers=EN).text
    found = list(dict.fromkeys(re.findall(r"1-\d+-\d+", page)))
    assert found == ["1-2-99", "1-2-102", "1-10-101"]


def test_calls_are_listed_with_their_result_and_what_was_wrong(ben, phone, desk_op):
    import_ledger(ben, LEDGER_ROWS)
    ben.post(f"/desk/arrears/{ACCOUNT}/prefer", {"do_not_call": "on"})
    told = {"outcome": "reached", "itemised": True, "told": {"fee 10": "17345"}}
    desk_op("arrears.call", ACCOUNT, told, by=BEN)
    phone.send_op("arrears.call", ACCOUNT, {"outcome": "unreachable", "note": "rang twice"}, by=EVE)
    page = " ".join(ben.get("/desk/arrears/calls", headers=EN).text.split())
    assert page.count(f"/desk/arrears/{ACCOUNT}") == 2
    for said in (
        "173.45",
        "rang twice",
        "not reached",
        "at an hour they do not accept",
        "Ben",
        "claimed",
    ):
        assert said in page, said
    reached = ben.get("/desk/arrears/calls?outcome=reached", headers=EN).text
    assert "173.45" in reached and "rang twice" not in reached
    accounts = ben.get("/desk/arrears/?state=not_reached", headers=EN).text
    assert f"/desk/arrears/{ACCOUNT}" in accounts and "Do not call" in accounts


def test_several_accounts_get_a_collector_at_once(app, ben, homes):
    import_file(ben, (SHEETS / "20-ledger-with-bad-rows.csv").read_bytes())
    with app.app_context():
        accounts = db.session.scalars(ArrearsAccount.for_site(HOME_SITE)).all()
    sent = {"all": str(len(accounts)), "state": "owing", "assign.collector_id": BEN}
    assert ben.post("/desk/arrears/bulk/assign", sent).status_code == 303
    with app.app_context():
        accounts = db.session.scalars(ArrearsAccount.for_site(HOME_SITE)).all()
    assert len(accounts) > 1 and {account.collector_id for account in accounts} == {BEN}
    refused = ben.post("/desk/arrears/bulk/assign", {**sent, "assign.collector_id": CHU})
    assert refused.status_code == 200, "a guard cannot collect, and the page says so"


@pytest.mark.rule("U21")
def test_a_mended_file_never_takes_the_place_of_the_whole(app, ben, homes):
    import_file(ben, (SHEETS / "20-ledger-with-bad-rows.csv").read_bytes())
    expected = {"1-1-101": 23550, "1-1-202": 8000, "1-2-102": 6000}
    assert owed(app, homes) == expected
    page = import_file(ben, (SHEETS / "22-bad-rows-mended.xlsx").read_bytes())
    assert "235.50" in page and "35.50" in page and "Keep these items" in page
    assert owed(app, homes) == expected
    page = import_file(ben, (SHEETS / "22-bad-rows-mended.xlsx").read_bytes(), complete="on")
    assert "1-2-102: ¥ 60.00" in re.sub(r"\s+", " ", page)
    assert owed(app, homes) == {**expected, "1-2-102": 0}


@pytest.mark.rule("U10", "U21")
def test_a_complete_list_never_clears_a_home_that_stands_in_the_file(app, ben, homes):
    first = [HEADINGS, *((label, "物业费", "2026-10", "80") for label in LABELS[:3])]
    import_file(ben, write_workbook(first))
    bad = [*first[:2], ("1-1-202", "物业费", "2026-10", "12,5")]
    page = import_file(ben, write_workbook(bad), complete="on", scope="whole")
    assert "not a clear amount" in page
    assert owed(app, homes) == {"1-1-101": 8000, "1-1-202": 8000, "1-2-102": 0}
    unknown = [*first[:2], ("1-1-2O2", "物业费", "2026-10", "80")]
    page = import_file(ben, write_workbook(unknown), complete="on")
    assert "Only then can the list be complete" in page
    assert owed(app, homes)["1-1-202"] == 8000


@pytest.mark.rule("U21")
def test_a_payment_that_the_ledger_does_not_know_is_kept_unless_somebody_decides(app, ben, homes):
    import_file(ben, (SHEETS / "24-ledger-as-typed.csv").read_bytes())
    account = arrears_account_id(HOME_SITE, homes["2-1-102"])
    ben.post(f"/desk/arrears/{account}/pay", {"amount": "６０．００元", "receipt": "R1"})
    assert owed(app, homes) == {"2-1-102": 0, "2-1-201": 7000}
    resaved = (SHEETS / "25-same-ledger-resaved-in-excel.xlsx").read_bytes()
    page = import_file(ben, resaved)
    assert "paid ¥ 60.00" in page and "Unchanged: 2" in page
    assert owed(app, homes) == {"2-1-102": 0, "2-1-201": 7000}
    grown = [HEADINGS, ("2-1-102", "物业费", "2026-10", "60"), ("2-1-102", "水费", "2026-10", "5")]
    import_file(ben, write_workbook(grown))
    assert owed(app, homes)["2-1-102"] == 500
    import_file(ben, write_workbook(grown), paid_included=homes["2-1-102"])
    assert owed(app, homes)["2-1-102"] == 6500


def test_two_meters_of_a_month_are_told_as_one_sum(app, ben, homes):
    rows = [HEADINGS, *[("1-1-101", "电费", "2026-10", "30")] * 2, ("1-1-101", "抵扣", "", "-10")]
    assert "Both count" in import_file(ben, write_workbook(rows))
    account = arrears_account_id(HOME_SITE, homes["1-1-101"])
    ben.post(f"/desk/arrears/{account}/call", {"outcome": "reached", "itemised": "on"})
    with app.app_context():
        row = db.session.get(ArrearsAccount, (HOME_SITE, account))
    assert row.calls[0]["told"] == {"电费 2026-10": "6000", "抵扣": "-1000"}


def test_a_file_with_other_headings_says_what_is_missing_and_what_was_found(ben):
    page = preview_ledger(ben, [("房号", "款项", "期间", "总价"), ("1203", "物业费", "10", "1")])
    assert page.status_code == 422
    assert "Not found: Amount." in page.text and "Found: 房号, 款项, 期间, 总价." in page.text
