"""Every record follows from the log; whatever was changed beside it is found."""

import pytest
from sqlalchemy import text

from server.db.engine import db, write_transaction
from server.oplog.replay import find_faults
from tests import cast


@pytest.fixture
def history(phone, desk):
    """Ticks, a cancel that is contested and settled, a masked note, an op that waited."""
    tick = phone.op("task.complete", cast.TASK, {"note": "110101199003070000"}, by=cast.ANA)
    phone.send()
    phone.op("task.cancel", cast.TASK, {"reason": "rain"}, by=cast.BEN, base=1)
    phone.op("task.undo", cast.TASKS[1], by=cast.ANA)
    said = {"visitor": "Wang", "purpose": "family"}
    arrive = phone.op("visit.arrive", None, said, by=cast.CHU)
    leave = phone.op("visit.depart", arrive["subject"], by=cast.CHU, after=arrive["id"])
    phone.outbox.remove(arrive)
    phone.send()
    assert phone.push(ops=[arrive]).told()["verdicts"][0]["status"] == "applied"
    return tick, leave


def contested():
    return db.session.execute(text("SELECT id FROM merge WHERE settled_at IS NULL")).scalar_one()


def test_an_untouched_log_explains_every_record(app, history, desk):
    with app.app_context():
        merge = contested()
    assert desk("merge.settle", merge, {"take": "incoming"})["status"] == "applied"
    assert desk("merge.reopen", merge)["status"] == "applied"
    with app.app_context():
        assert find_faults(cast.HOME) == []
        assert find_faults(cast.AWAY) == []


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE task SET done_by_id = '{ben}' WHERE id = '{task}'",
        "UPDATE visit SET visitor = 'Nobody'",
        "DELETE FROM op WHERE kind = 'task.complete'",
        "UPDATE op SET body = replace(body, 'rain', 'snow') WHERE kind = 'task.cancel'",
        "UPDATE feed SET body = replace(body, 'Wang', 'Zhao')",
        "UPDATE feed SET version = version + 1 WHERE id = '{task}'",
        "UPDATE feed_digest SET digest = '0000000000000000'",
        "DELETE FROM visit",
    ],
)
def test_whatever_is_changed_beside_the_door_is_found(app, history, tampering):
    with app.app_context():
        with write_transaction():
            db.session.execute(text(tampering.format(ben=cast.BEN, task=cast.TASK)))
        assert find_faults(cast.HOME) != []
