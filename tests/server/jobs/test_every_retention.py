"""Every type of record with personal data is erased when its days are over, and stays explained by
the log; a word that stands in every text of it is nowhere afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from server.db.engine import db
from server.jobs import retention
from server.jobs.retention import PERSONAL_TYPES
from server.models import MODELS_BY_TYPE
from server.models.places import Site
from server.oplog.replay import find_faults
from sync import KINDS, RECORD_TYPES
from sync.estate.places import SiteRetainPayload
from tests.seed_data import ANA, BEN, CHU, EVE, FLAT, HOME_SITE, STAIRS, fixed_id

WORD = "canarius"
"""Stands in every text that somebody types in these tests."""

FIRM = fixed_id("firm")
TICKET, CASE, FOUND, ACCOUNT = map(fixed_id, ("ticket", "case", "found", "account"))
ENTRY, EXIT = fixed_id("entry"), fixed_id("exit")
PARTY = f"{FIRM}|{WORD}"


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def do(desk_op):
    """Makes ops that must be applied: (who, kind, record, payload)."""

    def act(*steps: tuple[str, str, str, dict[str, Any]]) -> None:
        for by, kind, subject, payload in steps:
            answer = desk_op(kind, subject, payload, by=by)
            assert answer["status"] == "applied", (kind, answer)

    act((EVE, "contractor.add", FIRM, {"name": "Spruce", "service": "tv", "accountable_id": EVE}))
    return act


@pytest.fixture
def purge(app):
    """Runs the purge as if some days had passed; returns what it erased, by type."""

    def run(days: int) -> dict[str, int]:
        with app.app_context():
            now = datetime.now(UTC) + timedelta(days=days)
            records = retention.purge_expired(HOME_SITE, now).records
            assert find_faults(HOME_SITE) == []
            return records

    return run


def tables_with(app, word: str) -> list[str]:
    """The tables in which a word stands in any column."""
    with app.app_context():
        names = db.inspect(db.engine).get_table_names()
        return [
            n for n in names if word in str(db.session.execute(text(f'SELECT * FROM "{n}"')).all())
        ]


def closed_ticket(do) -> None:
    photo = {"photos": ["a" * 64]}
    opening = {"contact": WORD, "unit": FLAT, "channel": "phone", "matter": "report", **photo}
    do(
        (CHU, "ticket.open", TICKET, {**opening, "item": WORD, "holder": WORD, "condition": WORD}),
        (CHU, "ticket.revise", TICKET, {"details": WORD, "contact": f"{WORD} 1"}),
        (CHU, "ticket.hand_over", TICKET, {"handler_id": ANA, "reason": WORD}),
        (ANA, "ticket.give_back", TICKET, {"reason": WORD}),
        (CHU, "ticket.hold", TICKET, {"for_id": ANA, "reason": WORD}),
        (CHU, "ticket.escalate", TICKET, {"to_id": BEN, "reason": "major", "note": WORD}),
        (BEN, "ticket.accept", TICKET, {}),
        (BEN, "ticket.follow", TICKET, {"text": WORD}),
        (BEN, "ticket.inform", TICKET, {"said": WORD, "because": WORD}),
        (BEN, "ticket.enquire", TICKET, {"who": WORD, "answered": WORD}),
        (BEN, "ticket.register", TICKET, {"item": f"{WORD} 2", "holder": WORD}),
        (BEN, "ticket.pass_on", TICKET, {"item": WORD, "to": WORD}),
        (BEN, "ticket.return_item", TICKET, {"item": WORD, "to": WORD}),
        (BEN, "ticket.succeed", TICKET, {"from_id": CHU, "to_id": EVE}),
        (BEN, "ticket.resolve", TICKET, {"how": WORD}),
        (BEN, "ticket.feed_back", TICKET, {"reaction": "satisfied", "note": WORD, "because": WORD}),
        (CHU, "ticket.revise", TICKET, {"details": f"{WORD} again"}),
        (BEN, "ticket.return_item", TICKET, {"item": f"{WORD} 2", "to": WORD}),
        (BEN, "ticket.reopen", TICKET, {"reason": WORD}),
        (BEN, "ticket.resolve", TICKET, {"how": WORD}),
        (BEN, "ticket.feed_back", TICKET, {"reaction": "satisfied", "because": WORD}),
        (BEN, "ticket.amend", TICKET, {"contact": f"{WORD} 3", "declined_because": WORD}),
    )


def joined_entries(do) -> None:
    went = {"unit": FLAT, "purpose": WORD, "worker": WORD, "contractor": FIRM}
    do(
        (CHU, "entry.begin", ENTRY, {**went, "second_person": WORD, "remarks": WORD}),
        (CHU, "entry.exit", EXIT, {**went, "remarks": WORD}),
        (BEN, "entry.join", EXIT, {"into": ENTRY}),
        (BEN, "entry.strike", ENTRY, {"reason": WORD}),
    )


def closed_case(do) -> None:
    now, home = datetime.now(UTC).isoformat(), {"unit": FLAT}
    do(
        (CHU, "lost.open", CASE, {"item": WORD, "details": WORD, "last_seen_where": WORD} | home),
        (CHU, "lost.contact", CASE, {"contact": WORD}),
        (
            CHU,
            "lost.compile",
            CASE,
            {"unit": FLAT, "since": now, "before": now}
            | {"entries": {ENTRY: WORD}, "purposes": {ENTRY: WORD}}
            | {"parties": {PARTY: WORD, f"|{WORD}": WORD}, "unheard": [WORD]},
        ),
        (CHU, "lost.ask", CASE, {"party": PARTY, "name": WORD}),
        (CHU, "lost.state", CASE, {"party": f"|{WORD}", "name": WORD, "said": WORD}),
        (BEN, "lost.contract_out", CASE, {"contractor": FIRM, "note": WORD}),
        (CHU, "lost.offer_police", CASE, {"answer": "yes"}),
        (CHU, "lost.to_police", CASE, {"station": WORD, "officer": WORD, "receipt": WORD}),
        (CHU, "lost.find", CASE, {"where": WORD, "note": WORD}),
        (CHU, "lost.next", CASE, {"next_action": WORD, "next_action_at": now}),
        (CHU, "lost.return", CASE, {"to": WORD, "note": WORD}),
        (CHU, "lost.tell", CASE, {"said": WORD}),
        (BEN, "lost.close", CASE, {"outcome": "returned", "closing_note": WORD}),
        (BEN, "lost.reopen", CASE, {"reason": WORD}),
        (BEN, "lost.close", CASE, {"outcome": "informed", "closing_note": WORD}),
    )


def returned_item(do) -> None:
    do(
        (ANA, "find.record", FOUND, {"what": WORD, "finder": WORD, "place": WORD, "area": STAIRS}),
        (CHU, "find.notify", FOUND, {"told_whom": WORD, "note": WORD}),
        (CHU, "find.keep", FOUND, {"keeper": WORD, "place": WORD}),
        (CHU, "find.return", FOUND, {"to": WORD, "how_known": WORD}),
    )


def paid_account(do) -> None:
    lines = [{"what": "Fee", "period": "2026-10", "cents": 500}]
    do(
        (BEN, "arrears.list", ACCOUNT, {"unit": FLAT, "lines": lines, "batch": "nov"}),
        (BEN, "arrears.assign", ACCOUNT, {"collector_id": BEN}),
        (BEN, "arrears.call", ACCOUNT, {"outcome": "unreachable", "override_reason": WORD}),
        (BEN, "arrears.ask_visit", ACCOUNT, {"reason": WORD}),
        (EVE, "arrears.approve_visit", ACCOUNT, {}),
        (BEN, "arrears.visit", ACCOUNT, {"outcome": "met", "note": WORD}),
        (BEN, "arrears.hand_up", ACCOUNT, {"reason": WORD}),
        (BEN, "arrears.pay", ACCOUNT, {"cents": 500, "receipt": WORD}),
    )


@pytest.mark.rule("V18")
@pytest.mark.asvs("14.2.4")
@pytest.mark.parametrize(
    ("make", "type_", "days", "count"),
    [
        (closed_ticket, "ticket", 365, 1),
        (joined_entries, "entry", 90, 2),
        (closed_case, "lost", 365, 1),
        (returned_item, "find", 365, 1),
        (paid_account, "arrears", 1095, 1),
    ],
    ids=["ticket", "entry", "lost", "find", "arrears"],
)
def test_a_record_of_any_type_is_erased_when_its_days_are_over(
    app, do, phone, purge, make, type_, days, count
):
    make(do)
    assert purge(days - 1).get(type_) is None
    assert tables_with(app, WORD)
    assert purge(days + 1)[type_] == count
    with app.app_context():
        retention.purge_expired(HOME_SITE, datetime.now(UTC) + timedelta(days=3000))
    assert tables_with(app, WORD) == []
    assert phone.records_of(type_) == [] and phone.pull_all() is not None
    with app.app_context():
        assert find_faults(HOME_SITE) == []
        record = db.session.scalars(db.select(MODELS_BY_TYPE[type_])).first()
        assert FLAT not in str(vars(record))


@pytest.mark.rule("V18")
def test_what_is_open_or_owed_is_never_over(do, purge):
    lines = [{"what": "Fee", "period": "2026-10", "cents": 500}]
    do(
        (CHU, "ticket.open", TICKET, {"details": WORD}),
        (CHU, "find.record", FOUND, {"what": WORD}),
        (BEN, "arrears.list", ACCOUNT, {"unit": FLAT, "lines": lines, "batch": "nov"}),
        (CHU, "lost.open", CASE, {"item": WORD}),
    )
    assert purge(3600) == {}


@pytest.mark.rule("V18")
def test_late_facts_about_an_erased_ticket_are_stored_without_their_texts(app, do, purge, phone):
    closed_ticket(do)
    assert purge(366)["ticket"] == 1
    late = [
        ("ticket.enquire", {"who": WORD, "answered": WORD}),
        ("ticket.register", {"item": WORD, "photos": ["b" * 64]}),
        ("ticket.resolve", {"how": WORD}),
    ]
    for kind, payload in late:
        assert phone.send_op(kind, TICKET, payload, by=CHU)["status"] == "applied"
    assert tables_with(app, WORD) == []
    assert phone.records_of("ticket") == []
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.mark.rule("V18")
def test_ops_that_were_never_applied_go_with_the_days_of_their_type(app, do, purge, phone):
    for kind in ("ticket.open", "lost.open", "find.record"):
        phone.send_op(kind, None, {"odd": WORD}, by=CHU)
    phone.push({**phone.add_op("ticket.open", None, {"details": "x"}, by=CHU), "kind": "tea.drink"})
    phone.outbox.clear()
    purge(364)
    assert tables_with(app, WORD)
    purge(366)
    assert tables_with(app, WORD) == []


@pytest.mark.rule("V18")
def test_every_term_is_a_setting_of_the_site(app, desk_op, signed_in):
    terms = {personal.term for personal in PERSONAL_TYPES.values()}
    assert terms <= SiteRetainPayload().fields.keys() & vars(Site).keys()
    form = dict.fromkeys(terms - {"retention_days"}, "400") | {"retention_days": "20"}
    assert signed_in(BEN).post("/desk/retention/", form).status_code == 403
    eve = signed_in(EVE)
    assert eve.post("/desk/retention/", form).status_code == 303
    page = eve.get("/desk/retention/", headers={"Accept-Language": "en"}).text
    assert not {n for p in PERSONAL_TYPES.values() for n in p.ended if f"<td>{n}</td>" in page}
    with app.app_context():
        site = db.session.get(Site, (HOME_SITE, HOME_SITE))
        assert {term: str(getattr(site, term)) for term in terms} == form
    for days in ("29", "4000"):
        answer = desk_op("site.retain", HOME_SITE, {"ticket_days": int(days)}, by=EVE)
        assert answer["status"] == "quarantined"


def test_every_type_with_personal_data_can_be_purged():
    assert {f"{name}.purge" for name in PERSONAL_TYPES} <= KINDS.keys()
    assert all(RECORD_TYPES[name].redacted_values for name in PERSONAL_TYPES)
