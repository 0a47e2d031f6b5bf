"""The shape of a row of the op log, and of the answer that its sender gets."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NotRequired, TypedDict

from sync.protocol.clock import format_time, parse_time

PENDING_STATUSES = ("waiting", "deferred")
"""Statuses of ops that are judged later: when what they depend on arrives, or after an upgrade."""

NO_SUCH_RECORD, UNSIGNED = "no-such-record", "unsealed"
"""Codes of ops that arrived before their record, or in a file without a valid signature."""

UNPROVEN, BAD_SIGNATURE = "unproven", "bad-signature"
"""Codes of ops whose author is not proven though their kind needs it, or whose signature is not
that of any key of their author."""

REVOKED_CREDENTIAL = "revoked-credential"
"""The code of ops that were signed with a key that had been blocked before they arrived."""


class Outcome(TypedDict, total=False):
    """What became of an op. Keys that do not apply are absent."""

    status: str
    code: str
    text: str
    version: int
    """The record's version after this op."""
    seq: int
    """The record's number in the feed after this batch."""
    merge: str
    """What was merged or contested, as a sentence."""
    at: str
    """W1: the corrected time of the op, if it is not the phone's own."""


class Answer(Outcome):
    """The verdict on one op, as it is stored and sent."""

    id: str | None
    """The op's id as its sender wrote it; None for a damaged op without one."""


class OpIdentity(TypedDict):
    """The columns that decide whether an op was received before."""

    id: str
    status: str
    hash: str | None
    kind: str
    flags: list[str]
    verdict: Answer


class OpRow(OpIdentity):
    """Every column of the table `op`. The last three are set when the batch is written."""

    site_id: str
    lineage: str | None
    n: int | None
    v: int
    subject: str | None
    subject_type: str | None
    by: str | None
    device_id: str | None
    at: str | None
    occurred_at: datetime
    received_at: datetime
    uncertainty_ms: int
    base: int | None
    after: str | None
    body: str
    payload: dict[str, Any]
    code: str | None
    version: int | None
    fact: bool
    changes: dict[str, Any]
    merge_id: str | None
    moved: list[list[Any]] | None
    proof: str | None
    """How sure it is who made it; None for an op of a version that did not know."""
    credential: str | None
    """The credential that signed it."""
    place: NotRequired[int]
    digest: NotRequired[str]
    link: NotRequired[str]


def set_answer(row: OpRow, outcome: Outcome) -> None:
    """Replace the answer of a row, keeping its id.

    This is done in place: an op that waits may be judged later in the same batch, when its answer
    is already in the list of answers.
    """
    answer: Any = row["verdict"]
    id_ = answer["id"]
    answer.clear()
    answer.update(outcome, id=id_)
    if row["at"] and parse_time(row["at"]) != row["occurred_at"]:
        answer["at"] = format_time(row["occurred_at"])


def awaits_proof(row: OpIdentity) -> bool:
    """Whether an op is judged once its author's key proves it."""
    return row["verdict"].get("code") in (UNPROVEN, BAD_SIGNATURE, REVOKED_CREDENTIAL)


def is_unsigned(row: OpIdentity) -> bool:
    """Whether an op came in a file without a valid signature, and not from the phone since."""
    return row["verdict"].get("code") == UNSIGNED
