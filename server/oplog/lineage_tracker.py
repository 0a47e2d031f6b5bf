"""One phone's hash chain while a batch of its ops is received."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import update

from server.db.engine import db
from server.db.statements import insert_rows, replace_rows
from server.models.access import Device
from server.oplog.incoming import MAX_HASH_LENGTH, IncomingOp, Source, printable
from server.oplog.log_reader import LINEAGE_TABLE, ChainEntry, LogReader
from server.oplog.op_row import OpRow
from sync.protocol.hash_chain import LineageState

DEVICE_TABLE = Device.metadata.tables["device"]


class LineageTracker:
    """H1, H2, H4, L5. Which numbers of a chain have arrived, and whether an op forks it.

    `is_foreign`: the chain is that of another phone, so nothing is received on it.
    A source without a lineage (the desk, an unsigned file) has an empty chain that is not stored.
    """

    def __init__(self, reader: LogReader, source: Source, ops: Iterable[IncomingOp]) -> None:
        self.site_id, self.source = reader.site_id, source
        self.state, self.is_stored, self.is_foreign = LineageState(), False, False
        self.entries: dict[int, ChainEntry] = {}
        if source.lineage:
            stored = reader.lineage_state(source.lineage)
            if stored and stored[1] not in (None, source.device_id):
                self.is_foreign = True
                return
            self.state, self.is_stored = stored[0] if stored else LineageState(), bool(stored)
            numbers = sorted({n for op in ops if op.n for n in (op.n - 1, op.n)})
            self.entries = reader.chain_entries(source.lineage, numbers)
        self.state.mark_lost(source.lost)

    def record_op(self, op: IncomingOp) -> None:
        """Record that an op's number has arrived."""
        if op.n is not None:
            self.state.record_op(op.n, printable(op.raw.get("hash"), MAX_HASH_LENGTH))

    def add_entry(self, op: IncomingOp, row: OpRow) -> None:
        """Make an op of this batch known to the fork check of later ones."""
        if op.n is not None:
            self.entries[op.n] = ChainEntry(op.id, row["hash"])

    def is_fork(self, op: IncomingOp) -> bool:
        """H4. Whether another op has this op's number, or it names another predecessor."""
        if op.n is None:
            return False
        if op.n in self.entries:
            return True
        previous = self.entries.get(op.n - 1)
        return previous is not None and op.fault is None and previous.hash != op.raw["prev"]

    def save(self) -> None:
        """Store how far the chain has arrived, and when the phone was last seen."""
        if not self.source.lineage or self.is_foreign:
            return
        if self.source.is_live:
            device = update(DEVICE_TABLE).where(DEVICE_TABLE.c.id == self.source.device_id)
            seen = device.values(seen_at=self.source.received_at)
            db.session.connection().execute(seen)
        row = {
            "site_id": self.site_id,
            "lineage": self.source.lineage,
            "device_id": self.source.device_id,
            "upto": self.state.upto,
            "hash": self.state.hash,
            "gaps": self.state.gaps,
            "lost": self.state.lost,
        }
        if self.is_stored:
            replace_rows(LINEAGE_TABLE, ("site_id", "lineage"), [row])
        else:
            insert_rows(LINEAGE_TABLE, [row])
