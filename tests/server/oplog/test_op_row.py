"""The types of the write path match the tables."""

from datetime import UTC, datetime

from server.models.oplog import LoggedOp
from server.oplog.incoming import IncomingOp, Source
from server.oplog.op_row import OpIdentity, OpRow
from server.oplog.receive import make_op
from server.oplog.row_builder import RowBuilder
from sync.protocol.clock import CorrectedTime
from tests.seed_data import HOME_SITE, TASK

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
COLUMNS = set(LoggedOp.metadata.tables["op"].columns.keys())


def test_an_op_row_has_every_column_of_the_log():
    assert OpRow.__annotations__.keys() | OpIdentity.__annotations__.keys() == COLUMNS


def test_a_new_row_lacks_only_what_is_set_when_it_is_written():
    source = Source.for_desk(NOW)
    op = IncomingOp.from_trusted(make_op("task.cancel", TASK, {"reason": "rain"}))
    row = RowBuilder(HOME_SITE, source).for_incoming(op, CorrectedTime(NOW, 0))
    assert COLUMNS - row.keys() == {"place", "digest", "link"}
