"""Quarantine: ops without effect, until a supervisor accepts, corrects or dismisses them."""

from __future__ import annotations

from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length

from sync.protocol.clock import FOREVER
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import MAX_LABEL_LENGTH, Accepted, Id, Kind, Op, Payload, Refused
from sync.protocol.roles import DESK_ONLY_AUDIENCE, DESK_ROLES
from sync.protocol.text import Texts, _l, _lp

ACCEPTED, CORRECTED, DISMISSED = "accepted", "mended", "dismissed"

OTHER_REASON = "unreadable"
REASON_GROUPS = {
    "unproven": ("unproven", "bad-signature", "revoked-credential"),
    "blocked": ("revoked",),
    "left": ("left",),
    "file": ("unsealed",),
}
"""Codes of ops in quarantine by what the desk has to look at; all others are OTHER_REASON."""


class QuarantinedOpLike(Protocol):
    """The fields of a quarantined op that the rules read."""

    op_id: str
    outcome: str | None


class AsideOpenPayload(Payload):
    op_id = Id(required=True)


class AsideReplacementPayload(Payload):
    """`instead_id` is the op that replaces the quarantined one, which stays in the log
    unchanged."""

    instead_id = Id(required=True)
    reason = fields.String(
        allow_none=True, load_default=None, validate=Length(min=1, max=MAX_LABEL_LENGTH)
    )


class AsideDismissPayload(Payload):
    reason = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))


def reason_group(code: str | None) -> str:
    """The group of reasons to which a code belongs."""
    return next((group for group, codes in REASON_GROUPS.items() if code in codes), OTHER_REASON)


def open_(_: None, op: Op) -> Accepted:
    """X1: a quarantined op waits for the desk, with its payload."""
    return Accepted({"op_id": op.payload["op_id"], "opened_at": op.received_at})


def accept(aside: QuarantinedOpLike, op: Op) -> Accepted | Refused:
    """X2: an accepted op is judged now as if it had arrived in order; once, also after a
    dismissal."""
    return _replace(aside, op, ACCEPTED)


def mend(aside: QuarantinedOpLike, op: Op) -> Accepted | Refused:
    """X3: a corrected op is judged as a new op that names the old one, which stays unchanged."""
    return _replace(aside, op, CORRECTED)


def _replace(aside: QuarantinedOpLike, op: Op, outcome: str) -> Accepted | Refused:
    if aside.outcome in (ACCEPTED, CORRECTED):
        return Refused("already-settled")
    decision = {"outcome": outcome, "instead_id": op.payload["instead_id"]}
    return Accepted({**decision, "reason": op.payload.get("reason"), **_settled_by(op)})


def dismiss(aside: QuarantinedOpLike, op: Op) -> Accepted | Refused:
    """X4: a dismissed op needs a reason, and can still be accepted later."""
    if aside.outcome:
        return Refused("already-settled")
    decision = {"outcome": DISMISSED, "reason": op.payload["reason"]}
    return Accepted({**decision, **_settled_by(op)})


def _settled_by(op: Op) -> dict[str, Any]:
    return {"settled_at": op.occurred_at, "settled_by_id": op.by}


def state(aside: Any) -> str:
    """The decision on the op, or "open"."""
    return aside["outcome"] or "open"


def visible_until(_: Any) -> str:
    """A quarantined op never leaves the feed; only the desk sees it."""
    return FOREVER


GROUP_LABELS: Texts = {
    "unproven": _l("Not confirmed by PIN"),
    "blocked": _l("Phone blocked"),
    "left": _l("No longer works here"),
    "file": _l("From an unsigned file"),
    "unreadable": _l("Could not be read"),
}

KINDS = {
    "aside.open": Kind(
        payload=AsideOpenPayload,
        rule=open_,
        type="aside",
        fact=False,
        creates=True,
        from_server_only=True,
        label=_l("Quarantined record opened"),
    ),
    "aside.accept": Kind(
        payload=AsideReplacementPayload,
        rule=accept,
        type="aside",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        label=_l("Quarantined record accepted"),
    ),
    "aside.mend": Kind(
        payload=AsideReplacementPayload,
        rule=mend,
        type="aside",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        label=_l("Quarantined record corrected"),
    ),
    "aside.dismiss": Kind(
        payload=AsideDismissPayload,
        rule=dismiss,
        type="aside",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        label=_l("Quarantined record dismissed"),
    ),
}


FEATURE = Feature(
    types={
        "aside": RecordType(
            label=_l("Quarantined record"),
            state=state,
            visible_until=visible_until,
            audience=lambda _, __: DESK_ONLY_AUDIENCE,
            states={
                "open": _l("needs a decision"),
                "accepted": _lp("quarantine", "accepted"),
                "mended": _l("corrected"),
                "dismissed": _l("dismissed"),
            },
        ),
    },
    kinds=KINDS,
    fields={
        "instead_id": _l("Replaced by"),
        "settled_at": _lp("aside", "Decided at"),
        "opened_at": _lp("aside", "First viewed at"),
    },
    values={
        "outcome": {
            "accepted": _l("Accepted"),
            "mended": _l("Corrected"),
            "dismissed": _l("Dismissed"),
        },
        "group": GROUP_LABELS,
    },
    sentences={
        "aside.open": (_l("%(who)s opened a quarantined record"),),
        "aside.accept": (
            _l("%(who)s accepted it: %(reason)s"),
            _l("%(who)s accepted it"),
        ),
        "aside.mend": (
            _l("%(who)s corrected and accepted it: %(reason)s"),
            _l("%(who)s corrected and accepted it"),
        ),
        "aside.dismiss": (_l("%(who)s dismissed it: %(reason)s"),),
    },
)
