"""The phones of the large demo: each collects ops, and sends them in batches once an hour."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from server.auth.credentials import token_digest
from server.db.engine import db, write_transaction
from server.maintenance.demo.ids import demo_id
from server.maintenance.demo.large.estate import SITE_ID
from server.models.access import Device
from server.oplog.incoming import Source
from server.oplog.receive import receive_ops
from sync import KINDS
from sync.protocol.clock import format_time
from sync.protocol.hash_chain import content_hash

MAX_BATCH = 200
LABELS = {
    **{f"cleaning{number}": f"保洁{number}号机" for number in range(1, 7)},
    "gate1": "北门岗亭机",
    "gate2": "南门岗亭机",
    "patrol": "巡逻机",
    "desk": "前台机",
    "repair": "维修机",
}
"""By key. Phones send in this order: a repair worker accepts a ticket after another opened it."""


class RefusedOp(RuntimeError):
    """An op of the demo was not applied: the demo is not as the rules want it."""


@dataclass
class Phone:
    """A phone with its hash chain. Its token is random and thrown away: nobody can use it."""

    key: str
    outbox: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    n: int = 0
    last_hash: str | None = None

    @property
    def device_id(self) -> str:
        return demo_id("otter", "phone", self.key)

    @property
    def lineage(self) -> str:
        return demo_id("otter", "lineage", self.key)

    def enrol(self, now: datetime) -> None:
        with write_transaction():
            device = Device(
                id=self.device_id,
                site_id=SITE_ID,
                label=LABELS[self.key],
                enrolled_at=now,
                token_hash=token_digest(secrets.token_urlsafe(32)),
                lineage=self.lineage,
            )
            db.session.add(device)

    def do(self, at: datetime, kind: str, subject: str, payload: dict[str, Any], by: str) -> None:
        """Put what a person did at a time into the outbox, in the order of time when it is sent."""
        draft = {"kind": kind, "subject": subject, "by": by, "payload": payload}
        self.outbox.append((at, draft))

    def send(self, until: datetime, arrival: datetime) -> Counter[str]:
        """Send what was done up to a time; returns the number of ops by kind."""
        due = sorted((entry for entry in self.outbox if entry[0] <= until), key=lambda e: e[0])
        self.outbox = [entry for entry in self.outbox if entry[0] > until]
        sent: Counter[str] = Counter()
        for start in range(0, len(due), MAX_BATCH):
            ops = [self._next_op(at, draft) for at, draft in due[start : start + MAX_BATCH]]
            source = Source(
                received_at=arrival,
                sent_at=arrival,
                device_id=self.device_id,
                lineage=self.lineage,
            )
            submit_checked(ops, source)
            sent.update(op["kind"] for op in ops)
        return sent

    def _next_op(self, at: datetime, draft: dict[str, Any]) -> dict[str, Any]:
        self.n += 1
        op = {
            **draft,
            "id": self._op_id(),
            "v": KINDS[draft["kind"]].payload_version,
            "n": self.n,
            "prev": self.last_hash,
            "base": None,
            "after": None,
            "at": format_time(at),
            "mono": None,
            "boot": None,
        }
        self.last_hash = op["hash"] = content_hash(op)
        return op

    def _op_id(self) -> str:
        """The same in every run. Of version 4, because phones may not send ids of version 5."""
        return str(UUID(bytes=uuid5(UUID(self.lineage), str(self.n)).bytes, version=4))

    def report(self, now: datetime) -> None:
        """Store the status report of a phone that has sent everything."""
        empty: dict[str, Any] = {"pending": {}, "oldest": None, "photos": 0, "photo_bytes": 0}
        with write_transaction():
            device = db.session.get_one(Device, self.device_id)
            device.seen_at = device.clear_at = now
            device.offset_ms, device.app = 0, "1"
            device.report = {"n": self.n, "hash": self.last_hash, **empty}
            device.storage = {"usage": 40_000_000, "quota": 2_000_000_000, "persisted": True}


def submit_checked(ops: Sequence[Mapping[str, Any]], source: Source) -> None:
    """Submit ops through the write path; raises RefusedOp unless every one was applied."""
    answers = receive_ops(SITE_ID, ops, source).answers
    db.session.remove()
    for op, answer in zip(ops, answers, strict=True):
        if answer["status"] not in ("applied", "merged"):
            raise RefusedOp(f"{op['kind']} {op['payload']}: {answer}")
