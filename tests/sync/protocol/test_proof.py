"""Which kinds need proof of their author, and since when something can be confirmed."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from server.models import MODELS_BY_TYPE
from sync import KINDS, Op, Refused, judge
from sync.protocol.clock import parse_time

NEED_PROOF = {
    *("arrears.approve_visit", "arrears.hand_up", "arrears.prefer", "arrears.visit"),
    *("case.acknowledge", "case.appeal", "case.state", "category.acknowledge"),
    *("lost.close", "lost.state", "rectification.verify", "session.acknowledge"),
    *("shift.take_over", "task.assign", "task.cancel", "ticket.merge"),
}
"""What phones send, and stands only with the signature of its author."""

DATED = {name: kind for name, kind in KINDS.items() if kind.not_before}
SINCE = parse_time("2026-11-20T08:00:00+08:00")


@pytest.mark.rule("L3")
def test_decisions_statements_and_confirmations_of_phones_need_proof():
    assert {n for n, kind in KINDS.items() if kind.from_phones and kind.needs_proof} == NEED_PROOF


def test_facts_of_ordinary_work_need_none():
    for name in ("task.complete", "round.scan", "visit.arrive", "arrears.call", "ticket.revise"):
        assert not KINDS[name].needs_proof


def op_at(kind, at):
    ids = dict.fromkeys(("id", "subject", "by"), "0199d1c4-8a00-7000-8000-00000000000a")
    return Op(kind=kind, occurred_at=at, received_at=SINCE + timedelta(days=1), **ids)


@pytest.mark.rule("L8")
@pytest.mark.parametrize("kind", DATED)
@pytest.mark.asvs("2.2.3")
def test_nothing_is_confirmed_before_it_existed(kind):
    type_, field = KINDS[kind].type, KINDS[kind].not_before
    assert field in MODELS_BY_TYPE[type_].__table__.columns
    record = SimpleNamespace(**{field: SINCE})
    early = op_at(kind, SINCE - timedelta(minutes=1))
    assert judge(type_, record, early) == Refused("before-it-existed")


@pytest.mark.parametrize("kind", [name for name, kind in DATED.items() if kind.fact])
def test_what_was_never_published_is_not_confirmed(kind):
    record = SimpleNamespace(**{KINDS[kind].not_before: None})
    assert judge(KINDS[kind].type, record, op_at(kind, SINCE)) == Refused("before-it-existed")


def test_what_confirms_something_says_since_when_it_can():
    confirming = {name for name in NEED_PROOF if name.split(".")[1].startswith(("ack", "approve"))}
    assert confirming <= DATED.keys()
