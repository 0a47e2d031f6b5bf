"""Inspections: somebody looks at a place or at somebody's work, criterion by criterion."""

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
SCORE_FORMULA = "pass-weight/1"
"""The sum of the weights of what passed, over that of what applied; rounded half up to 1/1000."""

MAX_ITEMS = 60
VISIBLE_FOR = timedelta(days=14)

Item = Mapping[str, Any]


class InspectionLike(Protocol):
    """What the rules need to know of an inspection."""

    id: str
    slot: str
    of_self: bool
    official_at: datetime | None


@dataclass(frozen=True, slots=True)
class Score:
    """Weights that passed and that applied; per mille, and None where nothing applied."""

    passed_weight: int
    applicable_weight: int

    @property
    def per_mille(self) -> int | None:
        whole = self.applicable_weight
        return (2000 * self.passed_weight + whole) // (2 * whole) if whole else None


def ItemIdField() -> fields.String:  # noqa: N802 - reads as the field type that it is
    """The name of a criterion within its checklist."""
    return fields.String(validate=Length(min=1, max=40))


def ByItemField(value: fields.Field[Any]) -> fields.Dict:  # noqa: N802
    """Something for each of some criteria."""
    return fields.Dict(keys=ItemIdField(), values=value, validate=Length(max=MAX_ITEMS))


class InspectionRecordPayload(Payload):
    """What was seen. `rest`: the result of whatever is not named; `waive`: settled on the spot."""

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
    def validate_subject(self, assessment: dict[str, Any], **_: Any) -> None:
        """It is about one place or about one person."""
        if bool(assessment["area"]) == bool(assessment["person"]):
            raise ValidationError("Name one area or one person.")


class InspectionMakeOfficialPayload(Payload):
    instead_of = Id(allow_none=True, load_default=None)


def record(_: None, op: Op) -> Accepted:
    """I3, I4, I5: what was seen is kept whatever it says, with the score of its own edition."""
    said, criteria = op.payload, criteria_of_edition(op)
    results = complete_results(criteria, said)
    score, of_self = score_results(criteria, results), said["person"] == op.by
    failed = [item for item in criteria if results.get(item["id"]) == "fail"]
    template = op.related.get(said["template_id"])
    day = op.occurred_at.astimezone(SITE_ZONE).date().isoformat()
    changes = {
        **{name: said[name] for name in ("template_id", "edition", "area", "person")},
        "code": template.code if template else "?",
        "label": template.label if template else {"zh": "?", "en": "?"},
        "criteria": list(criteria),
        "results": results,
        "notes": said.get("notes", {}),
        "shots": said.get("shots", {}),
        "assessor_id": op.by,
        "inspected_at": op.occurred_at,
        "day": day,
        "slot": f"{said['template_id']}|{said['area'] or said['person']}|{day}",
        "of_self": of_self,
        "score": score.per_mille,
        "gained": score.passed_weight,
        "possible": score.applicable_weight,
        "formula": SCORE_FORMULA,
        "critical": [item["id"] for item in failed if item["critical"]],
    }
    return Accepted(changes, flag=record_flag(op, of_self), followups=rectification_ops(op, failed))


def criteria_of_edition(op: Op) -> Sequence[Item]:
    """The criteria as they were in the edition that was used; none where it is not known."""
    template = op.related.get(op.payload["template_id"])
    found: Sequence[Item] = (
        template.versions.get(str(op.payload["edition"]), ()) if template else ()
    )
    return found


def complete_results(criteria: Iterable[Item], said: Mapping[str, Any]) -> dict[str, str]:
    """I3: what was not named has the result of the rest, or was not assessed."""
    rest = {item["id"]: said["rest"] for item in criteria} if "rest" in said else {}
    return {**rest, **said.get("results", {})}


def score_results(criteria: Iterable[Item], results: Mapping[str, str]) -> Score:
    """I4: weights of what passed over weights of what applied; no floats anywhere."""
    weights = [(item["weight"], results.get(item["id"])) for item in criteria]
    gained = sum(weight for weight, result in weights if result == "pass")
    return Score(gained, gained + sum(weight for weight, result in weights if result == "fail"))


def record_flag(op: Op, of_self: bool) -> str | None:
    """I5, I6: why the desk should look: an edition, a criterion not known, or one's own work."""
    criteria = criteria_of_edition(op)
    if not criteria:
        return "unknown-edition"
    named = {*op.payload.get("results", ()), *op.payload.get("notes", ())}
    if named - {item["id"] for item in criteria}:
        return "unknown-items"
    return "self-inspection" if of_self else None


def rectification_ops(op: Op, failed: Iterable[Item]) -> tuple[Op, ...]:
    """I7: each failed criterion raises one rectification, unless it was settled on the spot."""
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
    """The same for whoever works it out, so that it is raised once."""
    return str(uuid5(UUID(inspection), item))


def failure_payload(op: Op, item: Item) -> dict[str, Any]:
    """What a rectification is told about its failure."""
    said = op.payload
    return {
        "inspection_id": op.subject,
        "item": item["id"],
        "code": op.related[said["template_id"]].code,
        "label": item["label"],
        "critical": item["critical"],
        "area": said["area"],
        "person": said["person"],
        "finding": said.get("notes", {}).get(item["id"]),
        "before": said.get("shots", {}).get(item["id"], []),
        "responsible_id": said["person"] or said.get("responsible_id"),
    }


def make_official(inspection: InspectionLike, op: Op) -> Accepted | Refused:
    """I6, I8: the desk says which one counts; it steps into the place of the one before."""
    if inspection.of_self:
        return Refused("self-inspection")
    if inspection.official_at:
        return Refused("already-official")
    other = op.related.get(op.payload["instead_of"] or "")
    rival = other is not None and other.official_at and other.slot == inspection.slot
    then = (derive_op(op, "inspection.unmake_official", other.id, {}),) if rival and other else ()
    return Accepted({"official_at": op.occurred_at, "official_by_id": op.by}, followups=then)


def unmake_official(inspection: InspectionLike, _: Op) -> Accepted | Refused:
    """I8: taken back, both stand side by side again."""
    if not inspection.official_at:
        return Refused("not-official")
    return Accepted({"official_at": None, "official_by_id": None})


def official_inspection(same_slot: Iterable[Any]) -> Any | None:
    """I8: of the same thing on the same day: the one chosen last, or the only one there is."""
    able = [one for one in same_slot if not one.of_self]
    chosen = [one for one in able if one.official_at]
    if chosen:
        return max(chosen, key=lambda one: (one.official_at, one.id))
    return able[0] if len(able) == 1 else None


def fold(_: Any, history: Sequence[HistoryEntry]) -> dict[str, Any]:
    """Photos of every criterion, and those that were added later, belong to the inspection."""
    photos = [sha256 for entry in history for sha256 in photos_of(entry)]
    return {"photos": list(dict.fromkeys(photos))}


def state(_: Any) -> str:
    """An inspection has no states: it was made."""
    return "recorded"


def visible_until(inspection: Any) -> str:
    """A phone lists it for two weeks."""
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
    values={"result": {"pass": _l("pass"), "fail": _l("fail"), "na": _l("not applicable")}},
)
