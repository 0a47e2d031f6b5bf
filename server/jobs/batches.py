"""Receives the ops of a job in short transactions, between which others may write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from server.oplog.incoming import NewOp, Source
from server.oplog.receive import receive_ops

BATCH_SIZE = 100
"""Ops in one transaction: nobody else writes meanwhile, so it has to be short."""


def receive_in_batches(site_id: str, ops: Sequence[NewOp], now: datetime) -> int:
    """Receive ops of the server at a time; returns how many. Each batch stands by itself."""
    for start in range(0, len(ops), BATCH_SIZE):
        receive_ops(site_id, ops[start : start + BATCH_SIZE], Source.for_desk(now))
    return len(ops)
