"""Accountability cases: statement, decision, appeal, leads, categories, monthly close."""

import re
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select, update

from server.db.engine import db, write_transaction
from server.desk.case_register import has_state
from server.desk.lists import ListContext
from server.models.access import Device
from server.models.cases import Case
from server.models.categories import CaseCategory
from server.models.months import ClosedMonth
from server.models.places import Site
from server.models.tasks import Task
from server.oplog.directory import directory_of
from server.oplog.incoming import Source
from server.oplog.receive import make_op, receive_ops, submit_many
from server.oplog.replay import find_faults
from sync.accountability.case_labels import STATES
from sync.accountability.cases import state
from sync.accountability.categories import category_id
from sync.accountability.categories_content import CATEGORIES
from sync.accountability.months import month_id
from sync.protocol.roles import DESK_ROLES
from tests.seed_data import ANA, BEN, CHU, EVE, HOME_SITE, fixed_id, task_payload
from tests.server.conftest import is_refused

EN = {"Accept-Language": "en"}
CATEGORY_ID, LOSS_CATEGORY_ID = (category_id(HOME_SITE, code) for code in ("AC-1", "AC-6"))
MISSED_TASK = fixed_id("missed long ago")


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture(autouse=True)
def published_categories(app, desk_op, phone):
    """Two published categories, acknowledged by Ana and Ben."""
    for content, id_ in ((CATEGORIES[0], CATEGORY_ID), (CATEGORIES[5], LOSS_CATEGORY_ID)):
        desk_op("category.add", id_, content, by=EVE)
        desk_op("category.publish", id_, by=EVE)
        for by in (ANA, BEN):
            assert phone.send_op("category.acknowledge", id_, by=by)["status"] == "applied"


@pytest.fixture
def eve(signed_in):
    return signed_in(EVE)


@pytest.fixture
def raised_case(app, desk_op):
    """A case of Ben against Ana about something that happened just now; its id."""
    facts = [{"code": "told_against", "at": datetime.now(UTC).isoformat(), "text": "Bins"}]
    payload = {"category_id": CATEGORY_ID, "sub": "1a", "subject_kind": "person", "answers_id": ANA}
    verdict = desk_op("case.raise", fixed_id("case"), {**payload, "facts": facts})
    assert verdict["status"] == "applied"
    return fixed_id("case")


@pytest.fixture
def asked_case(raised_case, desk_op):
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    assert desk_op("case.ask", raised_case, {"answer_until": until})["status"] == "applied"
    return raised_case


def stored(app, table=Case, id_=None):
    with app.app_context():
        found = db.session.get(table, (HOME_SITE, id_ or fixed_id("case")))
        db.session.expunge_all()
        return found


@pytest.mark.rule("A3", "A10")
@pytest.mark.clause("G2")
def test_the_subject_states_on_the_phone_and_reads_the_decision(app, phone, asked_case, ben, eve):
    shown = phone.get_record("case", asked_case)
    assert (shown["state"], shown["facts"][0]["text"]) == ("asked", "Bins")
    assert {"raised_by_id", "heard_at", "happened_at"} & shown.keys() == set()
    payload = {"answer": "stated", "text": "The lift was stuck"}
    assert phone.send_op("case.state", asked_case, payload, by=ANA)["status"] == "applied"
    assert "The lift was stuck" in ben.get(f"/desk/cases/{asked_case}").text
    decision = {"finding": "not_responsible", "measures": "Nobody told the lift firm"}
    assert eve.post(f"/desk/cases/{asked_case}/decide", decision).status_code == 303
    shown = phone.get_record("case", asked_case)
    assert (shown["state"], shown["decided_by"]) == ("decided", "Eve")
    assert is_refused(ben.post(f"/desk/cases/{asked_case}/close"), "say-why")
    phone.send_op("case.acknowledge", asked_case, by=ANA)
    assert ben.post(f"/desk/cases/{asked_case}/close").status_code == 303
    assert stored(app).closed_at
    assert ("case", asked_case) not in phone.pull_all()


@pytest.mark.rule("A8")
def test_a_case_cannot_be_decided_before_the_statement(app, raised_case, ben, eve, phone):
    decision = {"finding": "responsible", "measures": "A talk"}
    for page in (ben, eve):
        assert is_refused(page.post(f"/desk/cases/{raised_case}/decide", decision), "not-asked")
    assert "Ask for a statement first" in ben.get(f"/desk/cases/{raised_case}", headers=EN).text
    later = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}"
    assert ben.post(f"/desk/cases/{raised_case}/ask", {"answer_until": later}).status_code == 303
    assert is_refused(eve.post(f"/desk/cases/{raised_case}/decide", decision), "statement-waits")
    assert 'name="measures"' not in eve.get(f"/desk/cases/{raised_case}").text
    phone.send_op("case.state", raised_case, {"answer": "declined"}, by=ANA)
    form = eve.get(f"/desk/cases/{raised_case}").text
    assert 'name="measures"' in form
    assert 'value="responsible" required>' in form and "checked" not in form
    for half in ({"finding": "responsible"}, {"measures": "A talk"}, {}):
        assert is_refused(eve.post(f"/desk/cases/{raised_case}/decide", half), "malformed")
    assert stored(app).finding is None


@pytest.mark.rule("A6")
def test_the_proposed_due_time_of_a_statement_is_accepted(app, raised_case, ben):
    page = ben.get(f"/desk/cases/{raised_case}").text
    proposed = re.search(r'name="answer_until" value="([^"]+)"', page).group(1)
    ben.post(f"/desk/cases/{raised_case}/ask", {"answer_until": proposed})
    case = stored(app)
    assert case.asked_at and case.statement_hours == 24
    assert case.answer_until >= case.asked_at + timedelta(hours=24)


@pytest.mark.rule("J6")
def test_a_case_names_the_phones_that_may_still_send_something(app, raised_case, ben, new_phone):
    assert "may still hold records" not in ben.get(f"/desk/cases/{raised_case}", headers=EN).text
    new_phone()
    with app.app_context(), write_transaction():
        long_ago = datetime.now(UTC) - timedelta(days=3)
        silent = {"enrolled_at": long_ago, "clear_at": None, "label": "Guards 2"}
        db.session.execute(update(Device).values(**silent))
    page = ben.get(f"/desk/cases/{raised_case}", headers=EN).text
    assert "may still hold records" in page and "Guards 2" in page


@pytest.mark.rule("A11")
def test_an_appeal_is_reviewed_by_another_person(app, phone, asked_case, ben, eve):
    phone.send_op("case.state", asked_case, {"answer": "declined"}, by=ANA)
    decision = {"finding": "responsible", "measures": "A talk"}
    eve.post(f"/desk/cases/{asked_case}/decide", decision)
    phone.send_op("case.appeal", asked_case, {"text": "It was not me"}, by=ANA)
    assert phone.get_record("case", asked_case)["state"] == "appealed"
    assert is_refused(eve.post(f"/desk/cases/{asked_case}/review", decision), "same-decider")
    other = {"finding": "not_responsible", "measures": "Nothing"}
    assert ben.post(f"/desk/cases/{asked_case}/review", other).status_code == 303
    assert [one["by_id"] for one in stored(app).decisions] == [EVE, BEN]


@pytest.mark.rule("A7")
def test_a_statement_by_another_person_makes_a_conflict(app, phone, asked_case, ben):
    verdict = phone.send_op(
        "case.state", asked_case, {"answer": "stated", "text": "It was her"}, by=CHU
    )
    assert verdict["status"] == "applied"
    assert stored(app).statements == []
    page = ben.get("/desk/settle/", headers=EN).text
    assert "It does not count as the person&#39;s own statement" in page


@pytest.mark.clause("G7")
def test_a_supervisor_cannot_act_on_their_own_case(app, desk_op, ben, eve):
    facts = [{"code": "told_against", "at": datetime.now(UTC).isoformat(), "text": "No rounds"}]
    payload = {"category_id": CATEGORY_ID, "sub": "1a", "subject_kind": "manager", "facts": facts}
    desk_op("case.raise", fixed_id("case"), {**payload, "answers_id": BEN}, by=EVE)
    page = ben.get(f"/desk/cases/{fixed_id('case')}").text
    assert "No rounds" in page and 'name="measures"' not in page and '/find"' not in page
    for word in ("find", "ask", "decide", "review", "close"):
        answer = ben.post(f"/desk/cases/{fixed_id('case')}/{word}", {"because": "x", "text": "x"})
        assert is_refused(answer, "own-case") or is_refused(answer, "malformed")
    again = desk_op("case.raise", None, {**payload, "answers_id": BEN}, by=BEN)
    assert again["code"] == "own-case"


def test_case_decisions_are_for_the_desk_only(desk_op, phone, raised_case, client):
    for kind in ("case.find", "case.ask", "case.decide", "case.review", "case.close"):
        for by in (ANA, CHU):
            assert desk_op(kind, raised_case, {}, by=by)["code"] == "not-allowed"
    for kind in ("category.publish", "category.deactivate"):
        assert desk_op(kind, CATEGORY_ID, {}, by=BEN)["code"] == "not-allowed"
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    verdict = phone.send_op("case.ask", raised_case, {"answer_until": until}, by=BEN)
    assert (verdict["status"], verdict["code"]) == ("quarantined", "not-for-phones")
    assert client.get(f"/desk/cases/{raised_case}").status_code == 303


def test_another_site_cannot_see_a_case(dao, raised_case):
    assert dao.get(f"/desk/cases/{raised_case}").status_code == 404
    assert dao.post(f"/desk/cases/{raised_case}/close").status_code == 404
    assert "Bins" not in dao.get("/desk/cases/").text


@pytest.mark.rule("A13")
def test_phones_get_a_case_once_a_statement_is_requested(app, phone, raised_case, desk_op):
    assert ("case", raised_case) not in phone.pull_all()
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    desk_op("case.ask", raised_case, {"answer_until": until})
    assert phone.get_record("case", raised_case)["state"] == "asked"


@pytest.fixture
def missed_task(app):
    now = datetime.now(UTC)
    over = {"window_start": now - timedelta(hours=30), "window_end": now - timedelta(hours=24)}
    times = {name: moment.isoformat() for name, moment in over.items()}
    with app.app_context():
        submit_many(HOME_SITE, [make_op("task.plan", MISSED_TASK, {**task_payload(), **times})])


@pytest.mark.rule("A17", "A18")
@pytest.mark.clause("G10")
def test_a_missed_task_becomes_a_case_with_explaining_facts(app, missed_task, ben):
    where = f"code=missed&amp;type=task&amp;id={MISSED_TASK}"
    assert where in ben.get("/desk/misses/").text
    assert where in ben.get("/desk/raise/").text
    asked = {"code": "missed", "type": "task", "id": MISSED_TASK}
    assert (
        "not on duty at the time"
        in ben.get("/desk/raise/case", query_string=asked, headers=EN).text
    )
    form = {
        "category": f"{CATEGORY_ID}|1a",
        "subject_kind": "person",
        "answers_id": ANA,
        "text": "Stairs",
    }
    id_ = ben.post("/desk/raise/case", {**asked, **form}).location.rpartition("/")[2]
    found = stored(app, Case, id_)
    assert {fact["code"] for fact in found.facts} == {"off_duty", "missed"}
    assert stored(app, Task, MISSED_TASK).disposition == "case"
    assert where not in ben.get("/desk/raise/").text
    page = ben.get(f"/desk/cases/{id_}", headers=EN).text
    assert "This category had not been published when it happened" in page
    assert page.index("not on duty at the time") < page.index("not done in time")


@pytest.mark.clause("G8")
def test_the_amount_of_a_loss_is_stored_in_cents(app, ben, desk_op):
    firm = {"name": "Lift Ltd", "service": "Lifts", "accountable_id": EVE}
    desk_op("contractor.add", fixed_id("firm"), firm)
    form = {"category": f"{LOSS_CATEGORY_ID}|", "subject_kind": "contractor", "answers_id": ANA}
    form |= {"subject_id": fixed_id("firm"), "text": "The door", "at": "2026-11-01T10:00"}
    for amount, code in (("1,234.5", None), ("12.345", "malformed"), ("x", "malformed")):
        answer = ben.post("/desk/raise/case", {**form, "amount": amount})
        assert is_refused(answer, code) if code else "/desk/cases/" in answer.location
    assert is_refused(ben.post("/desk/raise/case", form), "amount")
    with app.app_context():
        (case,) = db.session.scalars(Case.for_site(HOME_SITE))
        assert (case.amount, case.subject_name) == (123450, "Lift Ltd")
    assert "1234.50" in ben.get(f"/desk/cases/{case.id}").text


def test_the_register_is_filtered_by_state_category_and_subject(ben, asked_case):
    for asked_for, there in (
        ("", True),
        ("state=asked", True),
        ("state=closed", False),
        ("code=AC-1&kind=person", True),
        ("kind=team", False),
    ):
        assert (asked_case in ben.get(f"/desk/cases/?{asked_for}").text) == there


def test_the_register_finds_exactly_the_cases_of_a_state(app, raised_case):
    rng, now = Random(7), datetime.now(UTC)
    names = ("asked_at", "stated_at", "found_at", "decided_at", "acknowledged_at")
    names += ("appealed_at", "closed_at")
    with app.test_request_context():
        context = ListContext(HOME_SITE, BEN, DESK_ROLES, directory_of(HOME_SITE), now)
        like = db.session.get_one(Case, (HOME_SITE, raised_case))
        fixed = {c.name: getattr(like, c.name) for c in Case.__table__.columns}
        for number in range(150):
            times = {n: rng.choice([None, now, now + timedelta(hours=1)]) for n in names}
            said = [{"answer": rng.choice(["stated", "declined"])}] if times["stated_at"] else []
            more = {"id": fixed_id(f"case {number}"), "statements": said}
            db.session.add(Case(**{**fixed, **times, **more}))
        db.session.flush()
        found = {
            name: set(db.session.scalars(select(Case.id).where(has_state(name, context))))
            for name in STATES
        }
        for one in db.session.scalars(Case.for_site(HOME_SITE)):
            assert [name for name in STATES if one.id in found[name]] == [state(vars(one))]
        db.session.rollback()


def test_add_a_fact_to_a_case(app, ben, asked_case):
    fact = {"code": "told_for", "at": "2026-11-01T10:00", "text": "She was ill"}
    assert ben.post(f"/desk/cases/{asked_case}/find", fact).status_code == 303
    assert stored(app).facts[-1]["text"] == "She was ill"
    assert stored(app).asked_at
    assert is_refused(
        ben.post(f"/desk/cases/{asked_case}/find", {**fact, "at": "soon"}), "malformed"
    )


@pytest.mark.rule("A1", "A2")
@pytest.mark.clause("G9")
def test_add_publish_and_deactivate_a_category(app, ben, eve, phone):
    words = {"label.zh": "钥匙", "label.en": "Keys", "text.zh": "丢了", "text.en": "Lost"}
    form = {"code": "ac-7", **words, "subs": "7a 总钥匙 / master key\n7b 门卡 / card"}
    assert ben.post("/desk/rules/add", form).status_code == 403
    assert eve.post("/desk/rules/add", form).status_code == 303
    id_ = category_id(HOME_SITE, "AC-7")
    assert [sub["code"] for sub in stored(app, CaseCategory, id_).subs] == ["7a", "7b"]
    assert is_refused(eve.post("/desk/rules/add", form), "already-exists")
    assert is_refused(
        eve.post("/desk/rules/add", {**form, "code": "AC-8", "subs": "8a"}), "malformed"
    )
    assert ("category", id_) not in phone.pull_all()
    eve.post(f"/desk/rules/{id_}/publish")
    assert phone.get_record("category", id_)["state"] == "active"
    phone.send_op("category.acknowledge", id_, by=CHU)
    assert "read by 1 of" in ben.get(f"/desk/rules/{id_}", headers=EN).text
    assert re.search(r">1 of \d+<", ben.get("/desk/rules/", headers=EN).text)
    eve.post(f"/desk/rules/{id_}/deactivate")
    assert ("category", id_) not in phone.pull_all()


@pytest.mark.rule("A6")
def test_set_the_hours_for_a_statement(app, eve):
    eve.post("/desk/rules/waiting", {"statement_hours": "48"})
    assert stored(app, Site, HOME_SITE).statement_hours == 48
    assert is_refused(eve.post("/desk/rules/waiting", {"statement_hours": "0"}), "malformed")


@pytest.fixture
def last_month():
    first = datetime.now(UTC).replace(day=1)
    return f"{first - timedelta(days=3):%Y-%m}"


@pytest.mark.rule("A16")
@pytest.mark.clause("G10")
def test_a_month_closes_once_every_missed_task_is_decided(app, desk_op, ben, eve, last_month):
    middle = datetime.fromisoformat(f"{last_month}-15T00:00:00+00:00")
    window = {"window_start": middle, "window_end": middle + timedelta(hours=2)}
    times = {name: moment.isoformat() for name, moment in window.items()}
    with app.app_context():
        submit_many(HOME_SITE, [make_op("task.plan", MISSED_TASK, {**task_payload(), **times})])
    month = {"month": last_month}
    assert is_refused(eve.post("/desk/months/close", month), "misses-wait")
    assert "1 waiting for a decision" in ben.get("/desk/months/", headers=EN).text
    assert (
        desk_op("task.dispose", MISSED_TASK, {"disposition": "not_at_fault"})["status"] == "applied"
    )
    assert ben.post("/desk/months/close", month).status_code == 403
    assert eve.post("/desk/months/close", month).status_code == 303
    closed = stored(app, ClosedMonth, month_id(HOME_SITE, last_month))
    assert closed.counts == {"not_at_fault": 1}
    page = ben.get("/desk/months/", headers=EN).text
    assert "waiting for a decision: 0" in page
    assert desk_op("month.close", closed.id, {}, by=EVE)["status"] != "applied"
    now = f"{datetime.now(UTC) + timedelta(hours=8):%Y-%m}"
    assert is_refused(eve.post("/desk/months/close", {"month": now}), "not-over")
    assert eve.post("/desk/months/close", {"month": "1999-01"}).status_code == 404


def test_a_month_waits_for_phones_that_have_not_reported(app, eve, new_phone, last_month):
    middle = datetime.fromisoformat(f"{last_month}-15T00:00:00+00:00")
    window = {"window_start": middle, "window_end": middle + timedelta(hours=2)}
    times = {name: moment.isoformat() for name, moment in window.items()}
    with app.app_context():
        submit_many(HOME_SITE, [make_op("task.plan", MISSED_TASK, {**task_payload(), **times})])
        with write_transaction():
            db.session.execute(update(Device).values(enrolled_at=middle, clear_at=None))
    assert is_refused(eve.post("/desk/months/close", {"month": last_month}), "not-yet-known")


@pytest.mark.rule("A17")
def test_a_missed_reply_becomes_a_lead(app, ben):
    promised_at, opened_at = (datetime.now(UTC) - timedelta(hours=hours) for hours in (1, 2))
    payload = {"channel": "phone", "matter": "report", "contact": "1", "details": "x"}
    payload["promised_at"] = promised_at.isoformat()
    with app.app_context():
        op = make_op("ticket.open", fixed_id("matter"), payload, by=CHU)
        receive_ops(HOME_SITE, [op], Source.for_desk(opened_at))
    page = ben.get("/desk/raise/?type=ticket", headers=EN).text
    assert "promised reply missed" in page and "code=breach&amp;type=ticket" in page
    form = {"category": f"{CATEGORY_ID}|1a", "subject_kind": "person", "answers_id": ANA}
    lead = {"code": "breach", "type": "ticket", "id": fixed_id("matter"), "text": "no word"}
    assert ben.get("/desk/raise/case", query_string=lead, headers=EN).status_code == 200
    ben.post("/desk/raise/case", {**form, **lead})
    with app.app_context():
        [raised] = db.session.scalars(Case.for_site(HOME_SITE)).all()
    assert [fact["code"] for fact in raised.facts] == ["breach"]
    assert "promised reply missed" not in ben.get("/desk/raise/?type=ticket", headers=EN).text
