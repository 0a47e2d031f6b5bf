"""Verification: every record follows from the log, and any other change is a fault."""

import pytest
from sqlalchemy import text

from server.db.engine import db, write_transaction
from server.oplog.replay import find_faults
from tests import seed_data


@pytest.fixture
def logged_history(phone, desk_op):
    """Completed tasks, a contested cancellation, a masked note, and an op that waited."""
    tick = phone.add_op(
        "task.complete", seed_data.TASK, {"note": "110101199003070000"}, by=seed_data.ANA
    )
    phone.send_outbox()
    phone.add_op("task.cancel", seed_data.TASK, {"reason": "rain"}, by=seed_data.BEN, base=1)
    phone.add_op("task.undo", seed_data.TASKS[1], by=seed_data.ANA)
    visit = {"visitor": "Wang", "purpose": "family"}
    arrive = phone.add_op("visit.arrive", None, visit, by=seed_data.CHU)
    leave = phone.add_op("visit.depart", arrive["subject"], by=seed_data.CHU, after=arrive["id"])
    phone.outbox.remove(arrive)
    phone.send_outbox()
    assert phone.push(ops=[arrive]).expect_ok()["verdicts"][0]["status"] == "applied"
    return tick, leave


def open_conflict_id():
    return db.session.execute(text("SELECT id FROM merge WHERE settled_at IS NULL")).scalar_one()


def test_an_untouched_log_has_no_faults(app, logged_history, desk_op):
    with app.app_context():
        conflict = open_conflict_id()
    assert desk_op("merge.settle", conflict, {"take": "incoming"})["status"] == "applied"
    assert desk_op("merge.reopen", conflict)["status"] == "applied"
    with app.app_context():
        assert find_faults(seed_data.HOME_SITE) == []
        assert find_faults(seed_data.OTHER_SITE) == []


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE task SET done_by_id = '{ben}' WHERE id = '{task}'",
        "UPDATE visit SET visitor = 'Nobody'",
        "DELETE FROM op WHERE kind = 'task.complete'",
        "UPDATE op SET body = replace(body, 'rain', 'snow') WHERE kind = 'task.cancel'",
        "UPDATE feed SET body = replace(body, 'Wang', 'Zhao')",
        "UPDATE feed SET version = version + 1 WHERE id = '{task}'",
        "UPDATE feed SET audience = -1 WHERE type = 'schedule' OR type = 'task'",
        "UPDATE feed SET readers = '{ben}' WHERE id = '{task}'",
        "DELETE FROM visit",
    ],
)
def test_a_change_that_bypasses_the_write_path_is_a_fault(app, logged_history, tampering):
    with app.app_context():
        with write_transaction():
            db.session.execute(text(tampering.format(ben=seed_data.BEN, task=seed_data.TASK)))
        assert find_faults(seed_data.HOME_SITE) != []
