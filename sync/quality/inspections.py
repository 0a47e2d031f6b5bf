"""Inspections: somebody assesses an area or a person's work, criterion by criterion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid5

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.clock import FOREVER, SITE_ZONE, format_time
from sync.protocol.feature import Feature, RecordType
from sync.protocol.op import (
    MAX_TEXT_LENGTH,
    Accepted,
    EmptyPayload,
    HistoryEntry,
    Id,
    Kind,
    Op,
    Payload,
    Refused,
    derive_op,
)
from sync.protocol.photos import Photos, photos_of
from sync.protocol.roles import DESK_ROLES, role_mask
from sync.protocol.text import _l

RESULTS = ("pass", "fail", "na")
RESULT_LABELS = {"pass": _l("pass"), "fail": _l("fail"), "na": _l("not applicable")}
SCORE_FORMULA = "pass-weight/1"
"""Sum of the weights that passed over the sum of the weights that applied, rounded half up to
1/1000."""

MAX_ITEMS = 60
VISIBLE_FOR = timedelta(days=14)

Item = Mapping[str, Any]


class InspectionLike(Protocol):
    """The fields of an inspection that the rules read."""

    id: str
    slot: str
    of_self: bool
    official_at: datetime | None


@dataclass(frozen=True, slots=True)
class Score:
    """The sums of the weights that passed and that applied. `per_mille` is None if nothing
    applied."""

    passed_weight: int
    applicable_weight: int

    @property
    def per_mille(self) -> int | None:
        total = self.applicable_weight
        return (2000 * self.passed_weight + total) // (2 * total) if total else None


def ItemIdField() -> fields.String:  # noqa: N802 - named like a field type
    """A field for the id of a criterion within its checklist."""
    return fields.String(validate=Length(min=1, max=40))


def ByItemField(value: fields.Field[Any]) -> fields.Dict:  # noqa: N802
    """A field for a value for each of some criteria."""
    return fields.Dict(keys=ItemIdField(), values=value, validate=Length(max=MAX_ITEMS))


class InspectionRecordPayload(Payload):
    """The results of an inspection. `rest` is the result of the criteria that are not named;
    `waive` are the criteria that were fixed on the spot."""

    template_id = Id(required=True)
    edition = fields.Integer(required=True, strict=True, validate=Range(min=1, max=10_000))
    area = Id(allow_none=True, load_default=None)
    person = Id(allow_none=True, load_default=None)
    results = ByItemField(fields.String(validate=OneOf(RESULTS)))
    rest = fields.String(validate=OneOf(RESULTS))
    notes = ByItemField(fields.String(validate=Length(max=MAX_TEXT_LENGTH)))
    shots = ByItemField(Photos())
    photos = Photos()
    waive = fields.List(ItemIdField(), validate=Length(max=MAX_ITEMS))
    responsible_id = Id(allow_none=True)

    @validates_schema
    def validate_subject(self, payload: dict[str, Any], **_: Any) -> None:
        """An inspection is about one area or one person. Raises ValidationError otherwise."""
        if bool(payload["area"]) == bool(payload["person"]):
            raise ValidationError("Name one area or one person.")


class InspectionMakeOfficialPayload(Payload):
    instead_of = Id(allow_none=True, load_default=None)


def record(_: None, op: Op) -> Accepted:
    """I3, I4, I5: an inspection is always stored, with the score by the edition that was used."""
    payload, criteria = op.payload, criteria_of_edition(op)
    results = complete_results(criteria, payload)
    score, of_self = score_results(criteria, results), payload["person"] == op.by
    failed = [item for item in criteria if results.get(item["id"]) == "fail"]
    template = op.related.get(payload["template_id"])
    day = op.occurred_at.astimezone(SITE_ZONE).date().isoformat()
    changes = {
        **{name: payload[name] for name in ("template_id", "edition", "area", "person")},
        "code": template.code if template else "?",
        "label": template.label if template else {"zh": "?", "en": "?"},
        "criteria": list(criteria),
        "results": results,
        "notes": payload.get("notes", {}),
        "shots": payload.get("shots", {}),
        "assessor_id": op.by,
        "inspected_at": op.occurred_at,
        "day": day,
        "slot": f"{payload['template_id']}|{payload['area'] or payload['person']}|{day}",
        "of_self": of_self,
        "score": score.per_mille,
        "gained": score.passed_weight,
        "possible": score.applicable_weight,
        "formula": SCORE_FORMULA,
        "critical": [item["id"] for item in failed if item["critical"]],
    }
    return Accepted(changes, flag=record_flag(op, of_self), followups=rectification_ops(op, failed))


def criteria_of_edition(op: Op) -> Sequence[Item]:
    """The criteria of the edition that was used; none if it is unknown."""
    template = op.related.get(op.payload["template_id"])
    criteria: Sequence[Item] = (
        template.versions.get(str(op.payload["edition"]), ()) if template else ()
    )
    return criteria


def complete_results(criteria: Iterable[Item], payload: Mapping[str, Any]) -> dict[str, str]:
    """I3: a criterion that was not named has the result of the rest, or was not assessed."""
    rest = {item["id"]: payload["rest"] for item in criteria} if "rest" in payload else {}
    return {**rest, **payload.get("results", {})}


def score_results(criteria: Iterable[Item], results: Mapping[str, str]) -> Score:
    """I4: the weights that passed and the weights that applied, as whole numbers."""
    weights = [(item["weight"], results.get(item["id"])) for item in criteria]
    passed = sum(weight for weight, result in weights if result == "pass")
    return Score(passed, passed + sum(weight for weight, result in weights if result == "fail"))


def record_flag(op: Op, of_self: bool) -> str | None:
    """I5, I6: the flag of an inspection: unknown edition, unknown criteria, own work, or None."""
    criteria = criteria_of_edition(op)
    if not criteria:
        return "unknown-edition"
    used = {*op.payload.get("results", ()), *op.payload.get("notes", ())}
    if used - {item["id"] for item in criteria}:
        return "unknown-items"
    return "self-inspection" if of_self else None


def rectification_ops(op: Op, failed: Iterable[Item]) -> tuple[Op, ...]:
    """I7: one corrective action for each failed criterion, unless it was fixed on the spot."""
    waived = op.payload.get("waive", ())
    return tuple(
        derive_op(
            op,
            "rectification.raise",
            rectification_id(op.subject, item["id"]),
            failure_payload(op, item),
        )
        for item in failed
        if item["id"] not in waived
    )


def rectification_id(inspection: str, item: str) -> str:
    """The id of the corrective action for a criterion, so that there is only one."""
    return str(uuid5(UUID(inspection), item))


def failure_payload(op: Op, item: Item) -> dict[str, Any]:
    """The payload of `rectification.raise` for a failed criterion."""
    payload = op.payload
    return {
        "inspection_id": op.subject,
        "item": item["id"],
        "code": op.related[payload["template_id"]].code,
        "label": item["label"],
        "critical": item["critical"],
        "area": payload["area"],
        "person": payload["person"],
        "finding": payload.get("notes", {}).get(item["id"]),
        "before": payload.get("shots", {}).get(item["id"], []),
        "responsible_id": payload["person"] or payload.get("responsible_id"),
    }


def make_official(inspection: InspectionLike, op: Op) -> Accepted | Refused:
    """I6, I8: the desk chooses the official inspection, which replaces the one chosen before."""
    if inspection.of_self:
        return Refused("self-inspection")
    if inspection.official_at:
        return Refused("already-official")
    other = op.related.get(op.payload["instead_of"] or "")
    replaces = other is not None and other.official_at and other.slot == inspection.slot
    followups = (
        (derive_op(op, "inspection.unmake_official", other.id, {}),) if replaces and other else ()
    )
    return Accepted({"official_at": op.occurred_at, "official_by_id": op.by}, followups=followups)


def unmake_official(inspection: InspectionLike, _: Op) -> Accepted | Refused:
    """I8: without the choice, both inspections are equal again."""
    if not inspection.official_at:
        return Refused("not-official")
    return Accepted({"official_at": None, "official_by_id": None})


def official_inspection(same_slot: Iterable[Any]) -> Any | None:
    """I8: of several inspections of the same subject and day, the one chosen last, or the only
    one."""
    candidates = [inspection for inspection in same_slot if not inspection.of_self]
    chosen = [inspection for inspection in candidates if inspection.official_at]
    if chosen:
        return max(chosen, key=lambda inspection: (inspection.official_at, inspection.id))
    return candidates[0] if len(candidates) == 1 else None


def fold(_: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """The photos of every criterion and those added later, without duplicates."""
    photos = [sha256 for entry in history for sha256 in photos_of(entry)]
    return {"photos": list(dict.fromkeys(photos))}


def state(_: Any) -> str:
    """An inspection has a single state."""
    return "recorded"


def visible_until(inspection: Any) -> str:
    """Phones show an inspection for two weeks."""
    return format_time(inspection["inspected_at"] + VISIBLE_FOR)


KINDS = {
    "inspection.record": Kind(
        payload=InspectionRecordPayload,
        rule=record,
        type="inspection",
        fact=True,
        creates=True,
        related_fields=("template_id",),
        optimistic_patch={
            "state": "recorded",
            "inspected_at": "$at",
            "assessor_id": "$by",
            "assessor": "$by_name",
            "score": None,
            "until": FOREVER,
        },
        label=_l("Inspection done"),
    ),
    "inspection.make_official": Kind(
        payload=InspectionMakeOfficialPayload,
        rule=make_official,
        type="inspection",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        related_fields=("instead_of",),
        label=_l("Inspection made official"),
    ),
    "inspection.unmake_official": Kind(
        payload=EmptyPayload,
        rule=unmake_official,
        type="inspection",
        fact=False,
        roles=DESK_ROLES,
        from_desk_only=True,
        label=_l("Inspection no longer official"),
    ),
}


FEATURE = Feature(
    types={
        "inspection": RecordType(
            label=_l("Inspection"),
            state=state,
            visible_until=visible_until,
            fold=fold,
            audience=lambda _, __: role_mask(DESK_ROLES),
            states={"recorded": _l("recorded")},
        ),
    },
    kinds=KINDS,
    fields={
        "assessor_id": _l("Inspected by"),
        "inspected_at": _l("Inspected at"),
        "official_at": _l("Official since"),
        "official_by_id": _l("Made official by"),
        "instead_of": _l("Instead of"),
        "notes": _l("Notes"),
        "rest": _l("All other criteria"),
        "results": _l("Results"),
        "shots": _l("Photos"),
        "template_id": _l("Checklist"),
        "waive": _l("Fixed on the spot"),
    },
    values={"result": RESULT_LABELS, "results": RESULT_LABELS, "rest": RESULT_LABELS},
)
