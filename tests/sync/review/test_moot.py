"""Questions that settle themselves when something arrives later."""

from uuid import uuid4

import pytest

from sync import Accepted, Refused, is_flag_moot
from sync.protocol.refusals import REFUSALS
from sync.review.moot import MOOT_TESTS, stands_already
from tests.sync.builders import ANA, BEN, CHU, InMemoryRecord, make_op, opened_ticket, planned_task

VISIT = {"visitor": "Mr Wang", "purpose": "family"}


def flagged(record, op, flag):
    """Apply an op that is flagged; returns whether the question is moot by now."""
    assert record.apply(op).flag == flag
    return lambda: is_flag_moot(flag, record.type, record.row, op.id, record.history)


def feed_back(minutes, **payload):
    given = {"reaction": "satisfied", **payload}
    return make_op("ticket.feed_back", by=ANA, minutes=minutes, payload=given)


@pytest.mark.rule("M7")
@pytest.mark.clause("F6")
def test_feedback_before_the_repair_is_answered_by_an_earlier_repair():
    ticket = opened_ticket()
    moot = flagged(ticket, feed_back(60), "feedback-too-early")
    ticket.apply(make_op("ticket.follow", minutes=65, payload={"note": "Called"}))
    assert not moot()
    ticket.apply(make_op("ticket.resolve", by=ANA, minutes=30, payload={"how": "New lamp"}))
    assert moot()


@pytest.mark.rule("M7")
def test_feedback_before_the_repair_stays_a_question_after_a_later_repair():
    ticket = opened_ticket()
    moot = flagged(ticket, feed_back(60), "feedback-too-early")
    ticket.apply(make_op("ticket.resolve", by=ANA, minutes=90, payload={"how": "New lamp"}))
    assert not moot()
    ticket.apply(feed_back(120))
    assert moot(), "the resident was asked again after the repair"


@pytest.mark.rule("M7")
@pytest.mark.parametrize("answer", ["task.undo", "task.amend"])
def test_work_after_a_cancellation_is_answered_by_its_end(answer):
    task = planned_task()
    task.apply(make_op("task.cancel", by=BEN, payload={"reason": "Rain"}))
    moot = flagged(task, make_op("task.complete", by=ANA, minutes=5), "done-after-cancel")
    task.apply(make_op("task.undo", by=CHU, minutes=6))
    assert not moot()
    payload = {"cancelled_at": None} if answer == "task.amend" else {}
    task.apply(make_op(answer, by=ANA, minutes=7, payload=payload))
    assert moot()


@pytest.mark.rule("M7")
def test_a_skip_of_finished_work_is_answered_when_the_work_is_taken_back():
    task = planned_task()
    task.apply(make_op("task.complete", by=BEN, minutes=1))
    reason = {"reason": "Locked"}
    moot = flagged(task, make_op("task.skip", minutes=2, payload=reason), "skipped-though-done")
    assert not moot()
    task.apply(make_op("task.undo", by=BEN, minutes=3))
    assert moot()


@pytest.mark.rule("M7")
def test_a_second_exit_is_answered_when_the_first_is_taken_back():
    visit = InMemoryRecord("visit")
    visit.apply(make_op("visit.arrive", payload=VISIT))
    visit.apply(make_op("visit.depart", by=BEN, minutes=10))
    moot = flagged(visit, make_op("visit.depart", minutes=20), "left-again")
    visit.apply(make_op("visit.attend", minutes=21, payload={"step": "farewell"}))
    assert not moot()
    visit.apply(make_op("visit.return", by=BEN, minutes=12))
    assert moot()


@pytest.mark.rule("M7")
def test_an_exit_before_the_entry_is_answered_by_the_admission():
    visit = InMemoryRecord("visit")
    visit.apply(make_op("visit.expect", payload=VISIT))
    moot = flagged(visit, make_op("visit.depart", minutes=30), "left-before-arriving")
    visit.apply(make_op("visit.admit", by=BEN, minutes=5))
    assert moot()


@pytest.mark.rule("M7")
def test_a_signature_is_answered_by_the_hand_over_that_names_its_author():
    shift = InMemoryRecord("shift")
    shift.apply(make_op("shift.open", payload={"uniform": True}))
    moot = flagged(shift, make_op("shift.take_over", by=BEN, minutes=60), "signed-by-another")
    shift.apply(make_op("shift.hand_over", minutes=59, payload={"to": BEN}))
    assert moot()


@pytest.mark.rule("M7")
def test_an_acceptance_is_answered_by_the_hand_over_that_arrives_later():
    ticket = opened_ticket()
    moot = flagged(ticket, make_op("ticket.accept", by=BEN, minutes=30), "not-the-handler")
    ticket.apply(make_op("ticket.hand_over", minutes=20, payload={"handler_id": BEN}))
    assert moot()


@pytest.mark.rule("M7")
def test_a_check_of_ones_own_fix_is_answered_by_somebody_elses():
    action = InMemoryRecord("rectification")
    raised = {
        **{"inspection_id": str(uuid4()), "item": "corners", "code": "IT-01", "critical": False},
        **{"label": {"en": "Corners"}, "area": str(uuid4()), "person": None, "finding": None},
    }
    action.apply(make_op("rectification.raise", payload=raised))
    action.apply(make_op("rectification.complete", by=ANA, minutes=10))
    check = {"result": "pass"}
    own = make_op("rectification.verify", by=ANA, minutes=20, payload=check)
    moot = flagged(action, own, "verified-own-work")
    assert not moot()
    action.apply(make_op("rectification.verify", by=BEN, minutes=30, payload=check))
    assert moot()


@pytest.mark.rule("M7")
def test_a_contested_value_that_was_written_since_is_no_question():
    ticket = opened_ticket()
    assert not stands_already({"details": "New"}, ticket.row)
    ticket.apply(make_op("ticket.amend", payload={"details": "New"}))
    assert stands_already({"details": "New"}, ticket.row)
    assert not stands_already({}, ticket.row)


@pytest.mark.rule("M7")
def test_every_flag_with_a_test_has_a_sentence():
    assert MOOT_TESTS.keys() <= REFUSALS.keys()


@pytest.mark.rule("M8")
def test_ops_that_raise_the_same_question_are_added_to_it_until_it_is_settled():
    conflict = InMemoryRecord("merge")
    sides = {"base": {}, "theirs": {}, "incoming": {}, "rule": "left-again"}
    identity = {"op_id": str(uuid4()), "subject": str(uuid4()), "subject_type": "visit"}
    conflict.apply(make_op("merge.open", payload={**identity, **sides}))
    added = str(uuid4())
    for _ in range(2):
        assert isinstance(conflict.apply(make_op("merge.add", payload={"op_id": added})), Accepted)
    assert conflict.row.more_op_ids == [added]
    lapsed = {"arrived": "visit.return", "rule": "left-again"}
    conflict.apply(make_op("merge.lapse", payload=lapsed))
    assert (conflict.row.taken, conflict.row.settled_by_id) == ("moot", None)
    for kind, payload in (("merge.add", {"op_id": added}), ("merge.lapse", lapsed)):
        assert conflict.apply(make_op(kind, payload=payload)) == Refused("already-settled")
