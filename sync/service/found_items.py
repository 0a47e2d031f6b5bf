"""Found items: recorded by whoever found them, stored, and given to their owner or to the
police."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from marshmallow import fields
from marshmallow.validate import Length

from sync.protocol.clock import FOREVER, format_time
from sync.protocol.erasure import amend_kind, photos_unless_purged, purge_kind
from sync.protocol.feature import Feature, PersonalData, RecordType
from sync.protocol.op import (
    MAX_LABEL_LENGTH,
    MAX_NAME_LENGTH,
    MAX_TEXT_LENGTH,
    Accepted,
    HistoryEntry,
    Id,
    Kind,
    Op,
    Payload,
)
from sync.protocol.photos import Photos, photos_of
from sync.protocol.roles import FRONT_DESK_ROLES, role_mask
from sync.protocol.text import _l, _lp

REDACTED_VALUES: dict[str, Any] = {
    **dict.fromkeys(("what", "condition", "found_where", "finder", "place", "told_whom"), "*"),
    **dict.fromkeys(("note", "keeper", "to", "how_known", "station", "officer", "receipt"), "*"),
    "ended_with": "*",
    "photos": [],
    "sha256": "0" * 64,
}
"""The personal data of a found item, with the values that replace it when it is erased."""


class FoundItemLike(Protocol):
    """The field of a found item that the rules read."""

    ended_at: datetime | None


class FindRecordPayload(Payload):
    what = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))
    condition = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    area = Id(allow_none=True)
    found_where = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    finder = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    place = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    photos = Photos()


class FindAmendPayload(Payload):
    what = fields.String(validate=Length(min=1, max=MAX_NAME_LENGTH))
    condition = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    found_where = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))
    finder = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))


class FindNotifyPayload(Payload):
    told_whom = fields.String(required=True, validate=Length(min=1, max=MAX_LABEL_LENGTH))
    note = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))


class FindKeepPayload(Payload):
    """A link in the chain of custody: who has the item now, and where it is stored."""

    keeper = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))
    place = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))


class FindReturnPayload(Payload):
    to = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))
    how_known = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))


class FindToPolicePayload(Payload):
    station = fields.String(required=True, validate=Length(min=1, max=MAX_NAME_LENGTH))
    officer = fields.String(allow_none=True, validate=Length(max=MAX_NAME_LENGTH))
    receipt = fields.String(allow_none=True, validate=Length(max=MAX_LABEL_LENGTH))


def record(_: None, op: Op) -> Accepted:
    """O1: a found item is recorded with its condition, its place and its keeper."""
    blank = dict.fromkeys(("condition", "area", "found_where", "finder"))
    given = {name: op.payload[name] for name in ("what", *blank) if name in op.payload}
    return Accepted({**blank, **given})


def flag_if_ended(find: FoundItemLike, _: Op) -> Accepted:
    """O2: a fact about an item that was already given away is stored and flagged."""
    return Accepted({}, flag="after-the-end" if find.ended_at else None)


def fold(find: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """O2, O3: notices and keepers in the order of their times; the first return or hand-over to the
    police counts."""
    recording = next((entry for entry in history if entry.kind == "find.record"), None)
    if recording is None:
        return {}
    ends = [entry for entry in history if entry.kind in ("find.return", "find.to_police")]
    end = next(iter(ends), None)
    custody = [recording, *(entry for entry in history if entry.kind == "find.keep")]
    return {
        "found_at": recording.occurred_at,
        "found_by_id": recording.by,
        "notices": [signed_payload(entry) for entry in history if entry.kind == "find.notify"],
        "chain": [signed_payload(entry, "keeper", "place") for entry in custody],
        "ended_at": end and end.occurred_at,
        "ended_by_id": end and end.by,
        "ended_how": end and ("police" if end.kind == "find.to_police" else "returned"),
        "ended_with": end and (end.payload.get("to") or end.payload.get("station")),
        "receipt": end and (end.payload.get("receipt") or end.payload.get("how_known")),
        "photos": photos_unless_purged(find, [s for entry in history for s in photos_of(entry)]),
    }


def signed_payload(entry: HistoryEntry, *names: str) -> dict[str, Any]:
    """The payload of an op with its time and author. With `names`, only these fields."""
    payload = {n: v for n, v in entry.payload.items() if not names or n in names}
    return {"at": format_time(entry.occurred_at), "by_id": entry.by, **payload}


def state(find: Any) -> str:
    """Whether an item was returned, handed to the police, announced ("notified") or only stored."""
    return find["ended_how"] or ("notified" if find["notices"] else "kept")


def visible_until(find: Any) -> str:
    """Phones show an item until it is given to its owner or to the police."""
    return format_time(find["ended_at"]) if find["ended_at"] else FOREVER


def fact_kind(
    payload: type[Payload], rule: Any, optimistic_patch: dict[str, Any], **kwargs: Any
) -> Kind:
    """A kind of fact about a found item."""
    return Kind(
        payload=payload,
        rule=rule,
        type="find",
        fact=True,
        overlay_payload=False,
        optimistic_patch=optimistic_patch,
        **kwargs,
    )


CUSTODY_LINK_PATCH = {"at": "$at", "by_id": "$by", "by": "$by_name"}
ENDED_PATCH = {"ended_at": "$at", "ended_by": "$by_name"}

KINDS = {
    "find.record": Kind(
        payload=FindRecordPayload,
        rule=record,
        type="find",
        fact=True,
        creates=True,
        optimistic_patch={
            "state": "kept",
            "found_at": "$at",
            "found_by": "$by_name",
            "chain": [{**CUSTODY_LINK_PATCH, "place": "$place"}],
            "notices": [],
            "until": FOREVER,
        },
        label=_l("Found item recorded"),
    ),
    "find.notify": fact_kind(
        FindNotifyPayload,
        flag_if_ended,
        {
            "state": "notified",
            "notices+": {**CUSTODY_LINK_PATCH, "told_whom": "$told_whom", "note": "$note"},
        },
        label=_l("Found item notice given"),
    ),
    "find.keep": fact_kind(
        FindKeepPayload,
        flag_if_ended,
        {"chain+": {**CUSTODY_LINK_PATCH, "keeper": "$keeper", "place": "$place"}},
        label=_l("Found item moved"),
    ),
    "find.return": fact_kind(
        FindReturnPayload,
        flag_if_ended,
        {**ENDED_PATCH, "state": "returned", "ended_with": "$to", "receipt": "$how_known"},
        label=_l("Found item returned"),
    ),
    "find.to_police": fact_kind(
        FindToPolicePayload,
        flag_if_ended,
        {**ENDED_PATCH, "state": "police", "ended_with": "$station", "receipt": "$receipt"},
        label=_l("Found item handed to police"),
    ),
    "find.amend": amend_kind("find", FindAmendPayload, _l("Found item corrected")),
    "find.purge": purge_kind("find", REDACTED_VALUES, _l("Found item erased")),
}


FEATURE = Feature(
    types={
        "find": RecordType(
            label=_l("Found item"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda _, __: role_mask(FRONT_DESK_ROLES | {"guard"}),
            people=lambda find: [find["found_by_id"]],
            personal=PersonalData(
                term="find_days",
                ended=("ended_at",),
                why=_l("Another owner may come later (Civil Code 314-318)."),
            ),
            redacted_values=REDACTED_VALUES,
            states={
                "kept": _l("in storage"),
                "notified": _l("notice given"),
                "returned": _l("returned to owner"),
                "police": _l("handed to police"),
            },
        ),
    },
    kinds=KINDS,
    fields={
        "receipt": _lp("find", "Police receipt number"),
        "what": _lp("find", "Found item"),
        "to": _lp("find", "Returned to"),
        "found_where": _l("Found where"),
        "finder": _l("Found by"),
        "place": _l("Stored at"),
        "told_whom": _l("Who was told"),
        "keeper": _l("Kept by"),
        "how_known": _l("Proof of ownership"),
        "ended_with": _l("Finally given to"),
    },
    sentences={
        "find.record": (
            _l("%(who)s recorded %(what)s, kept at %(place)s"),
            _l("%(who)s recorded %(what)s"),
        ),
        "find.notify": (_l("%(who)s notified %(told_whom)s"),),
        "find.keep": (
            _l("%(keeper)s now keeps it at %(place)s, noted %(who)s"),
            _l("%(keeper)s now keeps it, noted %(who)s"),
        ),
        "find.return": (
            _l("%(who)s returned it to %(to)s, known by: %(how_known)s"),
            _l("%(who)s returned it to %(to)s"),
        ),
        "find.to_police": (_l("%(who)s handed it to the police: %(station)s"),),
        "find.amend": (_l("%(who)s corrected %(changes)s"),),
        "find.purge": (_l("Personal data was erased, as its time was over"),),
    },
)
