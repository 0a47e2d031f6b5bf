"""Quarantined ops: what they contain, and how the desk has one judged."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from server.db.engine import DATABASE_ERRORS, db, write_transaction
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.models.quarantine import DECIDABLE
from server.oplog.incoming import NewOp
from server.oplog.op_row import Answer
from server.oplog.receive import lock_site, make_op, submit_in_transaction
from server.oplog.redaction import PURGED_FLAG
from sync import KINDS
from sync.protocol.clock import format_time, parse_time
from sync.protocol.op import CLAIMED, DESK, PERSON
from sync.protocol.op_validation import is_portable_json
from sync.review.quarantine import ACCEPTED, CORRECTED

KIND_BY_OUTCOME = {ACCEPTED: "aside.accept", CORRECTED: "aside.mend"}


@dataclass(frozen=True, slots=True)
class Draft:
    """The content of a quarantined op, its payload upcast to the current version."""

    kind: str
    subject: str
    by: str
    base: int | None
    occurred_at: datetime
    payload: dict[str, Any]


class NotApplicable(Exception):
    """The op was not applied and nothing changed; `code` is the refusal code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def quarantine_record_id(op_id: str) -> str:
    """The id of the record about a quarantined op, derived from the op's id."""
    return str(uuid5(UUID(op_id), "aside"))


def parse_draft(op: LoggedOp) -> Draft | None:
    """The content of an op, or None if it is too damaged or too new to be judged."""
    raw = json.loads(op.body)
    kind = KINDS.get(str(raw.get("kind")))
    if PURGED_FLAG in op.flags or op.status not in DECIDABLE or not kind or not kind.from_phones:
        return None
    try:
        ids = {name: str(UUID(raw[name])) for name in ("subject", "by")}
        payload = kind.upcast(int(raw.get("v", 1)), raw["payload"])
    except Exception:  # upcasters expect valid payloads; a damaged op may raise anything
        return None
    if (
        not isinstance(payload, dict)
        or not is_portable_json(payload)
        or raw.get("v", 1) > kind.payload_version
    ):
        return None
    base = raw.get("base") if type(raw.get("base")) is int else None
    moment = _occurred_at(op, raw.get("at"))
    return Draft(str(raw["kind"]), **ids, base=base, occurred_at=moment, payload=payload)


def _occurred_at(op: LoggedOp, claimed: Any) -> datetime:
    """When it happened; for a damaged op by its own `at`, but not after its arrival."""
    if op.at is None:
        with suppress(TypeError, ValueError, OverflowError):
            return min(parse_time(claimed), op.received_at)
    return op.occurred_at


def judge_quarantined(
    site_id: str,
    op: LoggedOp,
    draft: Draft,
    *,
    by: str,
    payload: dict[str, Any] | None = None,
    reason: str | None = None,
) -> Answer:
    """X2, X3, X11: judge a new op in place of a quarantined one, and record the decision.

    Both in one transaction. Raises NotApplicable, with nothing changed, if the op is not applied.
    """
    outcome = ACCEPTED if payload is None else CORRECTED
    record, instead = quarantine_record_id(op.id), str(uuid5(UUID(op.id), "instead"))
    new_payload = draft.payload if payload is None else payload
    base = draft.base if payload is None else None  # a correction is made on the current record
    author, proof = _author_in_place(op, draft, by=by, is_corrected=payload is not None)
    moment = draft.occurred_at if author == draft.by else datetime.now(UTC)
    op_in_place = make_op(draft.kind, draft.subject, new_payload, by=author, base=base, id=instead)
    op_in_place["stands_for"] = {
        "op": op.id,
        "how": outcome,
        "occurred_at": format_time(moment),
        "proof": proof,
    }
    decision = {"instead_id": instead, **({"reason": reason} if reason else {})}
    ops = [
        make_open_op(op.id),
        op_in_place,
        make_op(KIND_BY_OUTCOME[outcome], record, decision, by=by),
    ]
    try:
        with write_transaction():
            _require_open(site_id, op.id)
            _, verdict, decision_verdict = submit_in_transaction(site_id, ops)
            for answer, accepted_statuses in (
                (decision_verdict, APPLIED_STATUSES),
                (verdict, (*APPLIED_STATUSES, "contested")),
            ):
                if answer["status"] not in accepted_statuses:
                    raise NotApplicable(answer["code"])
    except DATABASE_ERRORS:  # database unavailable: not the op's fault
        raise
    except StatementError as error:
        raise NotApplicable("malformed") from error
    return verdict


def objection(
    op: LoggedOp, draft: Draft, *, by: str, roles: frozenset[str], is_corrected: bool = False
) -> str | None:
    """L7, L9. Why a person may not have an op judged, as a refusal code; None if they may, as far
    as their roles are concerned."""
    kind = KINDS[draft.kind]
    if not needs_takeover(op, draft, is_corrected=is_corrected):
        return None
    if kind.personal and by != draft.by:
        return "only-the-author"
    if kind.forbidden_roles & roles:
        return "barred"
    return "not-allowed" if kind.roles and not kind.fact and not kind.roles & roles else None


def needs_takeover(op: LoggedOp, draft: Draft, *, is_corrected: bool = False) -> bool:
    """L7. Whether an op needs a proof that its author never gave, so that whoever decides has to
    stand for it. What the desk corrects was not said by its author like that."""
    return KINDS[draft.kind].needs_proof and (is_corrected or op.proof != PERSON)


def _author_in_place(op: LoggedOp, draft: Draft, *, by: str, is_corrected: bool) -> tuple[str, str]:
    """L7, L9. In whose name an op is judged in place of a quarantined one, and how sure that is.

    Raises NotApplicable if it would be taken over although it speaks for its author alone.
    """
    if not needs_takeover(op, draft, is_corrected=is_corrected):
        return draft.by, PERSON if op.proof == PERSON and not is_corrected else CLAIMED
    if KINDS[draft.kind].personal and by != draft.by:
        raise NotApplicable("only-the-author")
    return by, DESK


def next_step(op: LoggedOp, author: str) -> str:
    """Who has to do what so that an op that nobody proved takes effect; "" for another one."""
    draft = parse_draft(op) if op.code == "unproven" else None
    if draft is None:
        return ""
    if json.loads(op.body).get("sig"):
        return gettext(
            "%(name)s unlocks that phone with their PIN; then it is accepted by itself.",
            name=author,
        )
    if KINDS[draft.kind].personal:
        return gettext(
            "%(name)s confirms it: once more on a phone with their PIN, or here after signing in.",
            name=author,
        )
    return gettext(
        "Take it over, or ask %(name)s to record it once more with their PIN.", name=author
    )


def _require_open(site_id: str, op_id: str) -> None:
    """Raise NotApplicable if the op has been judged or decided meanwhile."""
    lock_site(site_id)
    conditions = LoggedOp.site_id == site_id, LoggedOp.id == op_id
    if db.session.scalar(select(LoggedOp.status).where(*conditions)) not in DECIDABLE:
        raise NotApplicable("already-settled")


def make_open_op(op_id: str) -> NewOp:
    """The op that creates the record about a quarantined op; sending it twice is harmless."""
    id_ = str(uuid5(UUID(op_id), "aside.open"))
    return make_op("aside.open", quarantine_record_id(op_id), {"op_id": op_id}, id=id_)
