"""Flags of an op that say under which circumstances it arrived, and when it counts."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from server.oplog.incoming import IncomingOp
from server.oplog.op_row import OpRow
from server.oplog.row_builder import MASKED_FLAG
from sync import KINDS
from sync.protocol.clock import NETWORK_TOLERANCE, CorrectedTime
from sync.protocol.op import canonical_uuid

NOT_ON_PHONE_FLAG = "not-on-phone"
"""The flag of an op in the name of somebody who is not among the people of the phone."""

SIGNED_LATE_FLAG = "signed-late"
"""The flag of an op that is dated before anything proved who made it."""

ARRIVAL_FLAGS = frozenset({MASKED_FLAG, NOT_ON_PHONE_FLAG, SIGNED_LATE_FLAG})
"""Flags that are set anew whenever an op arrives."""


def proven_since(op: IncomingOp, stored: OpRow | None, received_at: datetime) -> datetime | None:
    """Since when it is proven who made an op: since its key exists, or since its author confirmed
    what was held, by signing it anew. None if nothing proves it."""
    if op.is_trusted or not op.signature.is_proof:
        return None
    if stored is not None and json.loads(stored["body"]).get("sig") != op.raw["sig"]:
        return received_at
    return op.signature.key_since


def with_circumstances(
    op: IncomingOp,
    moment: CorrectedTime,
    proven_at: datetime | None,
    people: Collection[str] | None,
) -> CorrectedTime:
    """L10, L11. The time and the flags of an op, which is dated `moment`. `people` are those of the
    phone, None: everybody."""
    flags = moment.flags
    if op.fault is None and people is not None and canonical_uuid(op.raw["by"]) not in people:
        flags = (*flags, NOT_ON_PHONE_FLAG)
    if proven_at is None or moment.occurred_at >= proven_at - NETWORK_TOLERANCE:
        return replace(moment, flags=flags)
    kind = KINDS.get(op.raw["kind"])
    counts_at = proven_at if kind and kind.counts_when_proven else moment.occurred_at
    return replace(moment, occurred_at=counts_at, flags=(*flags, SIGNED_LATE_FLAG))
