"""People: roles, trades, contractors of their workers, and what follows for tickets and tasks."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from sync import RECORD_TYPES, Accepted, Quarantined, Refused, judge
from sync.estate.people import known_trades
from sync.protocol.roles import FRONT_DESK_ROLES, TRADES, role_mask
from sync.protocol.scope import firm_key, group_keys, trade_key
from tests.sync.builders import ANA, BEN, CHU, COLUMNS, NOON, make_op, opened_ticket

FIRM, OTHER_FIRM = "firm-1", "firm-2"
FIRMS = {
    FIRM: SimpleNamespace(agreement=None, ended_at=None),
    OTHER_FIRM: SimpleNamespace(agreement=None, ended_at=NOON),
}


def person(**more):
    known = {"roles": ["cleaner"], "trades": [], "contractor_id": None, "active_to": None}
    return SimpleNamespace(**{"id": ANA, "version": 1, **known, **more})


def judged(kind, row, related=(), by=BEN, **payload):
    op = replace(make_op(kind, ANA, by=by, payload=payload), related=dict(related))
    return judge("person", row, op)


@pytest.mark.rule("E21")
def test_trades_and_contractor_belong_to_their_roles():
    uuid = "01937000-0000-7000-8000-00000000000f"
    related = {uuid: FIRMS[FIRM]}
    for row, payload, code in [
        (person(), {"trades": ["plumber"]}, "trade-without-repair"),
        (person(), {"contractor_id": uuid}, "firm-without-contractor-worker"),
        (person(roles=["repair"], trades=["locks"]), {"roles": ["guard"]}, "trade-without-repair"),
        (person(roles=["contractor_worker"]), {"contractor_id": BEN}, "no-such-record"),
        (person(active_to=NOON), {"roles": ["guard"]}, "already-left"),
        (person(), {"roles": ["cleaner"]}, "nothing-changed"),
        (person(), {}, "nothing-changed"),
    ]:
        assert judged("person.revise", row, related, **payload) == Refused(code)
    both = {"roles": ["repair", "contractor_worker"], "trades": ["locks"], "contractor_id": uuid}
    assert judged("person.revise", person(), related, **both) == Accepted(both)
    ended = {uuid: FIRMS[OTHER_FIRM]}
    worker = person(roles=["contractor_worker"])
    refused = judged("person.revise", worker, ended, contractor_id=uuid)
    assert refused == Refused("contract-ended")
    bound = person(roles=["contractor_worker"], contractor_id=uuid)
    freed = judged("person.revise", bound, contractor_id=None)
    assert freed == Accepted({"contractor_id": None})
    added = judged("person.add", None, name="Lei", roles=["guard"], trades=["locks"])
    assert added == Refused("trade-without-repair")


@pytest.mark.rule("E21")
@pytest.mark.parametrize("payload", [{"roles": []}, {"roles": ["king"]}, {"trades": ["alchemy"]}])
def test_a_person_has_known_roles_and_trades(payload):
    assert isinstance(judged("person.revise", person(), **payload), Quarantined)


@pytest.mark.rule("E21")
def test_nobody_changes_their_own_roles():
    assert judged("person.revise", person(), by=ANA, roles=["admin"]) == Refused("own-roles")


@pytest.mark.rule("E21")
def test_a_repair_worker_without_a_trade_does_everything():
    assert known_trades(["repair"], ["locks"]) == {"locks"}
    assert known_trades(["repair"], []) == set(TRADES)
    assert known_trades(["cleaner"], ["locks"]) == set()


@pytest.mark.rule("W8")
def test_groups_are_trades_and_colleagues_of_the_same_contractor():
    trades = {ANA: {"locks"}, BEN: {"lifts"}}
    firms = {BEN: FIRM, CHU: FIRM, "d": OTHER_FIRM}
    assert group_keys([ANA], trades, firms) == {trade_key("locks")}
    assert group_keys([CHU], trades, firms) == {firm_key(BEN), firm_key(CHU)}
    assert group_keys(["d"], trades, firms) == {firm_key("d")}
    assert group_keys(["nobody"], trades, firms) == set()


def reads(type_, **record):
    rules = RECORD_TYPES[type_]
    return rules.audience(record, lambda _: frozenset()), set(rules.groups(record))


@pytest.mark.rule("K24", "W8")
def test_a_ticket_for_a_trade_is_for_those_who_have_it():
    front = role_mask(FRONT_DESK_ROLES)
    assert reads("ticket", asked_role="repair", asked_trade="locks") == (front, {"trade:locks"})
    everybody = role_mask(FRONT_DESK_ROLES | {"repair"})
    assert reads("ticket", asked_role="repair", asked_trade=None) == (everybody, set())
    assert reads("ticket", asked_role=None, asked_trade=None) == (front, set())


@pytest.mark.rule("W8")
def test_work_that_nobody_is_responsible_for_is_for_no_contractor():
    audience, groups = reads("task", responsible_id=None, role="contractor_worker")
    assert (audience & role_mask({"contractor_worker"}), groups) == (0, set())
    assert reads("task", responsible_id=ANA, role="cleaner")[1] == {firm_key(ANA)}


def submit(ticket, kind, by=ANA, minutes=1, **payload):
    return ticket.apply(make_op(f"ticket.{kind}", by=by, minutes=minutes, payload=payload))


@pytest.mark.rule("K24")
def test_a_ticket_waits_for_a_trade_until_somebody_acts():
    for kind, payload in [
        ("accept", {}),
        ("give_back", {"reason": "off_duty"}),
        ("hold", {"for_id": CHU}),
        ("escalate", {"to_id": CHU, "reason": "urgent"}),
        ("hand_over", {"role": "guard"}),
    ]:
        ticket = opened_ticket()
        submit(ticket, "hand_over", role="repair", trade="locks")
        assert (ticket.row.asked_role, ticket.row.asked_trade) == ("repair", "locks")
        assert ticket.row.timeline[-1]["trade"] == "locks"
        submit(ticket, kind, by=BEN, minutes=2, **payload)
        assert ticket.row.asked_trade is None, kind


@pytest.mark.rule("K24")
@pytest.mark.parametrize(
    "payload", [{"trade": "locks"}, {"trade": "locks", "role": "guard"}, {"trade": "x"}]
)
def test_only_repair_workers_are_asked_by_trade(payload):
    assert isinstance(submit(opened_ticket(), "hand_over", **payload), Quarantined)


def tick(kind, responsible, firms, **payload):
    """The flag of what Ana says of a task."""
    end = datetime(2026, 11, 25, tzinfo=UTC)
    known = {"id": "t", "responsible_id": responsible, "items": ["a"], "standing": False}
    times = {"window_end": end, "grace": 0}
    task = SimpleNamespace(**dict.fromkeys(COLUMNS["task"]) | known | times)
    related = {id_: SimpleNamespace(contractor_id=firm) for id_, firm in firms.items()}
    op = replace(make_op(f"task.{kind}", "t", payload=payload), related=related)
    return judge("task", task, op).flag


@pytest.mark.rule("T19")
@pytest.mark.parametrize(
    ("kind", "payload"),
    [("complete", {}), ("confirm", {}), ("tick", {"item": 0}), ("skip", {"reason": "locked"})],
)
def test_what_a_contractors_worker_says_of_the_work_of_others_is_flagged(kind, payload):
    firms = {ANA: FIRM, BEN: FIRM, CHU: OTHER_FIRM}
    assert tick(kind, ANA, firms, **payload) is None
    assert tick(kind, BEN, firms, **payload) is None
    for responsible in (CHU, "a cleaner", None):
        assert tick(kind, responsible, firms, **payload) == "other-firm"
        assert tick(kind, responsible, {}, **payload) is None, "a worker of ours"


@pytest.mark.rule("T19")
def test_taking_a_tick_back_is_never_flagged():
    assert tick("untick", CHU, {ANA: FIRM, CHU: OTHER_FIRM}, item=0) is None
