"""Log rows of ops that are new to the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from server.oplog.hash_chain import previous_positions
from server.oplog.incoming import MAX_KIND_LENGTH, IncomingOp, Source, printable
from server.oplog.op_row import OpRow
from sync import KINDS, Op
from sync.protocol.clock import CorrectedTime
from sync.protocol.json_codec import dump_json
from sync.protocol.op import canonical_uuid
from sync.protocol.redaction import mask_id_numbers, may_contain_id_number

MASKED_FLAG = "masked"
"""The flag of an op whose text differs from what was sent: an identity number was masked."""


class RowBuilder:
    """Builds the rows of one batch. Each row begins as applied; judging it changes that."""

    def __init__(self, site_id: str, source: Source) -> None:
        self.site_id, self.source = site_id, source

    def for_incoming(
        self, op: IncomingOp, moment: CorrectedTime, pending: OpRow | None = None
    ) -> OpRow:
        """The row of an op that somebody sent; `pending` is its stored row if it waited."""
        raw, body = _mask_identity_numbers(op.raw)
        kind = printable(raw.get("kind"), MAX_KIND_LENGTH)
        row = self._blank_row(op.id, kind, body, moment.occurred_at)
        row["lineage"] = self.source.lineage if op.n is not None else None
        row["n"] = op.n
        row["hash"] = op.claimed_hash
        row["uncertainty_ms"] = moment.uncertainty_ms
        row["flags"] = [*moment.flags, *([MASKED_FLAG] if raw is not op.raw else [])]
        row["verdict"] = {"id": op.claimed_id}
        row["moved"] = previous_positions(pending) if pending else None
        row["proof"], row["credential"] = op.proof, op.signature.credential_id
        if op.fault is None:
            _fill_in_content(row, raw)
        return row

    def for_consequence(self, op: Op, cause: OpRow) -> OpRow:
        """The row of an op that follows from another one, and is as sure as that; nobody sent
        it."""
        raw = {"id": op.id, "kind": op.kind, "v": op.v, "subject": op.subject, "base": None}
        raw |= {"after": None, "by": op.by, "payload": op.payload}
        row = self._blank_row(op.id, op.kind, dump_json(raw), op.occurred_at)
        _fill_in_content(row, raw)
        row["proof"] = cause["proof"]
        return row

    def _blank_row(self, id_: str, kind: str, body: str, occurred_at: datetime) -> OpRow:
        return {
            "site_id": self.site_id,
            "id": id_,
            "lineage": None,
            "n": None,
            "hash": None,
            "kind": kind,
            "v": 1,
            "subject": None,
            "subject_type": None,
            "by": None,
            "device_id": self.source.device_id,
            "at": None,
            "occurred_at": occurred_at,
            "received_at": self.source.received_at,
            "uncertainty_ms": 0,
            "base": None,
            "after": None,
            "body": body,
            "payload": {},
            "status": "applied",
            "code": None,
            "version": None,
            "fact": False,
            "changes": {},
            "flags": [],
            "merge_id": None,
            "verdict": {"id": id_},
            "moved": None,
            "proof": None,
            "credential": None,
        }


def _fill_in_content(row: OpRow, raw: Mapping[str, Any]) -> None:
    """Copy the fields of a well-formed op into its row."""
    kind = KINDS.get(raw["kind"])
    row["v"] = raw["v"]
    row["subject"] = canonical_uuid(raw["subject"])
    row["by"] = canonical_uuid(raw["by"])
    row["at"] = raw.get("at")
    row["base"] = raw["base"]
    row["after"] = raw["after"]
    row["payload"] = raw["payload"]
    row["fact"] = kind is not None and kind.fact


def _mask_identity_numbers(raw: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """V5. An op and its JSON with identity numbers masked; the same object where there is none."""
    body = dump_json(raw)
    if not may_contain_id_number(body) or (clean := mask_id_numbers(raw)) == raw:
        return raw, body
    return clean, dump_json(clean)
