"""Judges ops that waited for a proof, once the key of their author is known."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import select

from server.db.engine import db
from server.models.oplog import LoggedOp
from server.oplog.incoming import Source
from server.oplog.op_row import BAD_SIGNATURE, UNPROVEN
from server.oplog.receive import receive_ops
from server.oplog.redaction import PURGED_FLAG
from sync.protocol.message_fields import MAX_OPS


def judge_proven_ops(site_id: str, device_id: str, person_id: str, now: datetime) -> None:
    """L4. Judge the signed ops of a person on a phone that were set aside because the server did
    not know their key: after a restore, or before a one-time PIN was changed.

    They are received again as they first arrived. What still proves nothing stays as it is.
    """
    waiting = select(LoggedOp.lineage, LoggedOp.body, LoggedOp.flags).where(
        LoggedOp.site_id == site_id,
        LoggedOp.device_id == device_id,
        LoggedOp.by == person_id,
        LoggedOp.status.in_(("held", "quarantined")),
        LoggedOp.code.in_((UNPROVEN, BAD_SIGNATURE)),
    )
    by_lineage: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for lineage, body, flags in db.session.execute(waiting.order_by(LoggedOp.in_order())).all():
        raw = json.loads(body)
        if raw.get("sig") and PURGED_FLAG not in flags:
            by_lineage[lineage].append(raw)
    for lineage, raws in by_lineage.items():
        source = Source(received_at=now, sent_at=now, device_id=device_id, lineage=lineage)
        for start in range(0, len(raws), MAX_OPS):
            receive_ops(site_id, raws[start : start + MAX_OPS], source)
