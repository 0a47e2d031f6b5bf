"""The history of records as text: who did what, when, on which phone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from server.db.engine import db
from server.desk import labels
from server.desk.formatting import RECORD_ID, author_name, format_value, labelled_values
from server.i18n.locale import localize, moment
from server.models.access import Device
from server.models.directory import Directory
from server.models.inspections import Inspection
from server.models.oplog import LoggedOp
from server.models.tasks import Task
from server.oplog.certainty import certainty_of_op
from server.oplog.directory import directory_of

LATE_AFTER = timedelta(minutes=2)
HIDDEN_FIELDS = (
    *("site_id", "schedule_id", "category_id", "op_id"),
    *("subject", "subject_type", "base", "theirs", "incoming", "stands", "result", "party"),
    *("leaves", "bytes", "more_op_ids", "tzid", "seals", "digest", "device_id"),
)
"""Fields of payloads and records that are not shown."""
ITEM_KINDS = ("task.tick", "task.untick")
CRITERION_FIELDS = ("results", "notes", "actions", "assign", "shots")
"""Fields of an inspection that have a value for each criterion."""


@dataclass(frozen=True, slots=True)
class OpLine:
    """One op with its texts. `values` is its payload with the names of items and criteria."""

    op: LoggedOp
    author: str
    action_label: str
    device_label: str
    status_label: str
    reason_label: str
    flag_labels: list[str]
    values: dict[str, Any]
    fields: list[tuple[str, str]]

    @property
    def certainty(self) -> str | None:
        """How sure it is that the author made it; None for the server, and for what it logs of
        somebody."""
        if self.op.subject_type == "access":
            return None
        return certainty_of_op(self.op.by, self.op.proof, self.op.device_id)

    @property
    def sync_delay(self) -> timedelta | None:
        """The time between the event and its arrival; None if it is at most LATE_AFTER."""
        return sync_delay(self.op)

    @property
    def occurred_at(self) -> datetime:
        moment: datetime = self.op.occurred_at
        return moment


def sync_delay(op: LoggedOp) -> timedelta | None:
    """The time between an event and the arrival of its op; None if it is at most LATE_AFTER."""
    wait: timedelta = op.received_at - op.occurred_at
    return wait if wait > LATE_AFTER else None


def op_lines(ops: Iterable[LoggedOp], times: Callable[[datetime], str] = moment) -> list[OpLine]:
    """These ops, all of one site, with their texts; `times` writes a time."""
    ops = list(ops)
    if not ops:
        return []
    names, phones = directory_of(ops[0].site_id), device_labels(ops[0].site_id)
    items, criteria = _task_items(ops), _criteria(ops)
    lines = []
    for op in ops:
        subject, payload = op.subject or "", op.payload if isinstance(op.payload, dict) else {}
        named = _with_item_label(payload, items.get(subject))
        values = _with_criteria(named, criteria.get(subject, {}), names)
        shown = readable_fields(values if payload else op.payload)
        lines.append(
            OpLine(
                op=op,
                author=author_name(op.by, names),
                action_label=labels.op_label(op.kind),
                device_label=phones.get(op.device_id or "", ""),
                status_label=labels.status_label(op.status),
                reason_label=labels.refusal_label(op.code) if op.code else "",
                flag_labels=[labels.refusal_label(flag) for flag in op.flags],
                values=values,
                fields=labelled_values(op.subject_type, shown, names, kind=op.kind, times=times),
            )
        )
    return lines


def readable_fields(payload: Any) -> dict[str, Any]:
    """The fields of a payload that are shown. A payload that could not be read may be anything."""
    if not isinstance(payload, dict):
        return {"payload": str(payload)[:200]}
    return {name: raw for name, raw in payload.items() if name not in HIDDEN_FIELDS}


def _task_items(ops: Sequence[LoggedOp]) -> dict[str, list[dict[str, str]]]:
    """The items of the tasks that these ops tick, by task."""
    ids = {op.subject for op in ops if op.kind in ITEM_KINDS and op.subject}
    if not ids:
        return {}
    tasks = select(Task.id, Task.items).where(Task.site_id == ops[0].site_id, Task.id.in_(ids))
    return {row.id: row.items or [] for row in db.session.execute(tasks)}


def _with_item_label(fields: dict[str, Any], items: list[dict[str, str]] | None) -> dict[str, Any]:
    """The fields with the name of the item instead of its index; people count from 1."""
    index = fields.get("item")
    if items is None or not isinstance(index, int) or index < 0:
        return fields
    return {**fields, "item": items[index] if index < len(items) else str(index + 1)}


def _criteria(ops: Sequence[LoggedOp]) -> dict[str, dict[str, Any]]:
    """The labels of the criteria of the inspections that these ops are about, by criterion."""
    ids = {op.subject for op in ops if op.subject_type == "inspection" and op.subject}
    if not ids:
        return {}
    rows = select(Inspection.id, Inspection.criteria).where(
        Inspection.site_id == ops[0].site_id, Inspection.id.in_(ids)
    )
    return {
        row.id: {item["id"]: item["label"] for item in row.criteria or []}
        for row in db.session.execute(rows)
    }


def _with_criteria(
    fields: dict[str, Any], labels_by_id: Mapping[str, Any], names: Directory
) -> dict[str, Any]:
    """The fields of an inspection with the names of its criteria instead of their ids."""
    if not labels_by_id:
        return fields
    named = dict(fields)
    if isinstance(fields.get("item"), str):
        named["item"] = labels_by_id.get(fields["item"], "")
    for name in CRITERION_FIELDS:
        values = fields.get(name)
        if isinstance(values, dict):
            texts = (
                f"{localize(labels_by_id[id_])}: {format_value('inspection', name, value, names)}"
                for id_, value in values.items()
                if id_ in labels_by_id
            )
            named[name] = "; ".join(texts)
    return named


def record_places(body: Mapping[str, Any], names: Directory) -> list[Any]:
    """The labels of the area and of the home that a record is about, as far as it names them."""
    area = _place_label(body, ("area_id", "area", "area_label"), names.area_label)
    home = _place_label(body, ("unit_id", "unit", "host_unit"), names.unit_label)
    return [label for label in (area, home) if label]


def _place_label(
    body: Mapping[str, Any], fields: Iterable[str], label_of: Callable[[str], Any]
) -> Any:
    for name in fields:
        value = body.get(name)
        label = value if isinstance(value, dict) else label_of(value) if value else None
        if label:
            return label
    return None


def record_title(type_: str, body: dict[str, Any]) -> Any:
    """The title of a record: its label, number or name, else the name of its type."""
    title_fields = ("label", "number", "visitor", "what", "name", "title", "person", "item", "who")
    for name in title_fields:
        title = body.get(name)
        if isinstance(title, str):
            title = "" if RECORD_ID.fullmatch(title) else labels.value_label(type_, name, title)
        if title:
            return title
    return labels.type_label(type_)


def device_labels(site_id: str) -> dict[str, str]:
    """The names of the phones of a site, by id."""
    rows = db.session.execute(select(Device.id, Device.label).where(Device.site_id == site_id))
    return {row.id: row.label for row in rows}
