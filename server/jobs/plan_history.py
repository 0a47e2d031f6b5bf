"""What the log says about plans: the versions of schedules and routes, and since when places are
there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from server.db.engine import db
from server.db.statements import chunks
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from sync import KINDS
from sync.work.plan_versions import PlanChange, PlanVersion, plan_versions

OP_TABLE = LoggedOp.metadata.tables["op"]
SCHEDULE_KINDS = ("schedule.add", "schedule.change")
ROUTE_KINDS = ("route.add", "route.change")
PLACE_KINDS = ("area.add", "unit.add", "unit.occupy")


def schedule_versions(site_id: str, ids: Collection[str]) -> dict[str, list[PlanVersion]]:
    """The versions of these schedules, by id."""
    return _versions(site_id, ids, SCHEDULE_KINDS)


def route_versions(site_id: str, ids: Collection[str]) -> dict[str, list[PlanVersion]]:
    """The versions of these patrol routes, by id."""
    return _versions(site_id, ids, ROUTE_KINDS)


def plan_changes(
    site_id: str, ids: Collection[str], kinds: Collection[str]
) -> dict[str, list[PlanChange]]:
    """The changes that ops made to these schedules or routes, by id, in the order of the log."""
    changes: dict[str, list[PlanChange]] = {id_: [] for id_ in ids}
    asked_at: dict[str, datetime] = {}
    for op in _applied_ops(site_id, ids, kinds):
        kind, earlier = KINDS[op.kind], changes[op.subject]
        payload = kind.payload().load(kind.upcast(op.v, op.payload))
        # an op that waited for another one took effect after it, though it arrived before it
        asked_at[op.subject] = max(asked_at.get(op.subject, op.received_at), op.received_at)
        tzid = earlier[0].fields["tzid"] if earlier else payload["tzid"]
        earlier.append(PlanChange.from_payload(payload, asked_at[op.subject], tzid))
    return changes


def _versions(
    site_id: str, ids: Collection[str], kinds: Collection[str]
) -> dict[str, list[PlanVersion]]:
    changes = plan_changes(site_id, ids, kinds)
    return {id_: plan_versions(changes[id_]) for id_ in ids}


def due_since(site_id: str, place_ids: Collection[str]) -> dict[str, datetime]:
    """Since when areas are there, and homes are there and occupied, by id."""
    since: dict[str, datetime] = {}
    for op in _applied_ops(site_id, place_ids, PLACE_KINDS):
        if op.payload.get("occupied", True):
            since.setdefault(op.subject, op.received_at)
        else:
            since.pop(op.subject, None)
    return since


def _applied_ops(
    site_id: str, subjects: Collection[str], kinds: Collection[str]
) -> Iterator[Row[Any]]:
    """The ops of these kinds about these records. Few ops are about one, and the index finds them
    by it: that of the statuses would find nearly all there are."""
    names = ("subject", "kind", "status", "v", "payload", "received_at")
    query = select(*(OP_TABLE.c[name] for name in names)).where(OP_TABLE.c.site_id == site_id)
    for ids in chunks(sorted(subjects)):
        about = query.where(OP_TABLE.c.subject.in_(ids)).order_by(LoggedOp.in_order())
        for op in db.session.execute(about):
            if op.kind in kinds and op.status in APPLIED_STATUSES:
                yield op
