"""The rules of inspections: scores, flags, corrective actions, and which one is official."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

from sync.protocol.clock import SITE_ZONE
from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.op import (
    Accepted,
    Op,
    Refused,
    derive_op,
)

SCORE_FORMULA = "pass-weight/1"
"""Sum of the weights that passed over the sum of the weights that applied, rounded half up to
1/1000."""


Item = Mapping[str, Any]


class InspectionLike(Protocol):
    """The fields of an inspection that the rules read."""

    id: str
    slot: str
    of_self: bool
    official_at: datetime | None
    code: str
    area: str | None
    person: str | None
    criteria: list[dict[str, Any]]
    results: dict[str, str]
    notes: dict[str, str]
    shots: dict[str, list[str]]
    actions: dict[str, str] | None


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


def record(_: None, op: Op) -> Accepted:
    """I3, I4, I5: an inspection is always stored, with the score by the edition that was used."""
    payload, criteria = op.payload, criteria_of_edition(op)
    results = complete_results(criteria, payload)
    score, of_self = score_results(criteria, results), op.by in performers(op)
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
        **_optional_fields(payload),
    }
    return Accepted(changes, flag=record_flag(op, of_self), followups=rectification_ops(op, failed))


def _optional_fields(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that only newer inspections have, so that older ones stay as they were judged."""
    given = {name: payload[name] for name in ("performers", "task_id") if payload.get(name)}
    chosen = payload.get("actions") if "rest_action" not in payload else None
    return {**given, **({"actions": chosen} if chosen else {})}


def performers(op: Op) -> set[str]:
    """I6: whose work was inspected: the person, those who are named, and who did the task."""
    payload = op.payload
    named = {payload["person"], *payload.get("performers", ())}
    task = op.related.get(payload.get("task_id") or "")
    done_by = {task.done_by_id, *(task.helper_ids or ())} if task else set()
    return {id_ for id_ in named | done_by if id_}


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
    """I7: one corrective action for each failed criterion for which the inspector asked for one."""
    actions, rest = op.payload.get("actions", {}), op.payload.get("rest_action")
    return tuple(
        derive_op(
            op,
            "rectification.raise",
            rectification_id(op.subject, item["id"]),
            failure_payload(op, item),
        )
        for item in failed
        if actions.get(item["id"], rest) == "rectify"
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
        "responsible_id": payload.get("assign", {}).get(item["id"])
        or payload["person"]
        or payload.get("responsible_id"),
    }


def rectify(inspection: InspectionLike, op: Op) -> Accepted | Refused:
    """I7: the desk asks later for a corrective action for a failed criterion."""
    id_ = op.payload["item"]
    item = next((item for item in inspection.criteria if item["id"] == id_), None)
    if item is None or inspection.results.get(id_) != "fail":
        return Refused("not-failed")
    payload = {
        "inspection_id": inspection.id,
        "item": id_,
        "code": inspection.code,
        "label": item["label"],
        "critical": item["critical"],
        "area": inspection.area,
        "person": inspection.person,
        "finding": inspection.notes.get(id_),
        "before": inspection.shots.get(id_, []),
        "responsible_id": op.payload.get("responsible_id") or inspection.person,
    }
    if op.payload.get("due_at"):
        payload["due_at"] = to_json_value(op.payload["due_at"])
    raised = derive_op(op, "rectification.raise", rectification_id(inspection.id, id_), payload)
    return Accepted(
        {"actions": {**(inspection.actions or {}), id_: "rectify"}}, followups=(raised,)
    )


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
