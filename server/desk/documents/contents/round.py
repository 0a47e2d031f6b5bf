"""A patrol as a story: each checkpoint where it was scanned, with its photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext

from server.auth.access import get_or_404
from server.db.engine import db
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Block, Document, Event, Paragraph, Photo, Section, Story
from server.desk.documents.sources import (
    as_of,
    author,
    events,
    full_time,
    log_mark,
    newest_op,
    period,
    person,
    photos_named,
    site_label,
    words,
)
from server.desk.labels import value_label
from server.i18n.locale import localize
from server.models.access import Device
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.models.patrol import PatrolRound
from server.oplog.receive import ops_about
from sync.protocol.clock import format_time
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.work.patrol_report import PointReport, point_reports, uncounted_scans

SCANNED = ("scanned", "late")
POINT_FACTS = ("round.scan", "round.fine", "round.skip")
"""The kinds that are told at their checkpoint."""


def build(id_: str) -> Document:
    round_ = get_or_404(PatrolRound, id_)
    ops = ops_about(round_.site_id, round_.id)
    phones = db.session.scalars(Device.for_site(round_.site_id)).all()
    reports = point_reports(round_, phones, as_of(newest_op()))
    scanned = sum(report.status in SCANNED for report in reports)
    return Document(
        words(gettext("Patrol"), localize(round_.label)),
        subtitle=site_label(),
        facts=[
            (gettext("Time"), period(round_.window_start, round_.window_end)),
            (gettext("Responsible"), person(round_.responsible_id)),
            (gettext("Checkpoints scanned"), f"{scanned}/{len(reports)}"),
        ],
        sections=_sections(round_, reports, ops),
        signatures=[gettext("Guard"), gettext("Supervisor"), gettext("Date")],
        footer=log_mark(ops),
    )


def _sections(
    round_: PatrolRound, reports: Sequence[PointReport], ops: Sequence[LoggedOp]
) -> list[Section]:
    facts = _facts_by_point(ops)
    walked = [_event(round_, each, facts.get(each.point["checkpoint"], [])) for each in reports]
    sections = [Section(gettext("Checkpoints"), [Story(walked, gettext("No checkpoints."))])]
    elsewhere = gettext("Not on this patrol")
    names = {point["checkpoint"]: localize(point["label"]) for point in round_.points}
    uncounted: list[Block] = [
        Paragraph(
            f"{full_time(scan['at'])} · {person(scan['by_id'])} · "
            f"{names.get(scan['checkpoint'], elsewhere)}",
            is_warning=True,
        )
        for scan in uncounted_scans(round_)
    ]
    if uncounted:
        sections.append(Section(gettext("Scans that do not count here"), uncounted))
    decisions = [op for op in ops if op.kind not in POINT_FACTS]
    if told := events(decisions):
        sections.append(Section(gettext("Decisions and changes"), [Story(told)]))
    return sections


def _event(round_: PatrolRound, report: PointReport, ops: Sequence[LoggedOp]) -> Event:
    """A checkpoint with what `ops` say of it: the photos of each, and scans after the first."""
    fact, point = report.fact, report.point
    words = [localize(point["label"]), value_label("round", "point", report.status)]
    if report.in_order:
        words.append(gettext("all OK"))
    if fact.get("by_id"):
        words.append(author(fact["by_id"], round_.id, fact.get("at")))
    notes = [*_notes(round_, report), *(_scanned_again(op) for op in ops if _is_again(op, fact))]
    shown = [
        Photo(name, full_time(op.occurred_at)) for op in ops for name in photos_named(op.payload)
    ]
    return Event(full_time(report.at), " · ".join(words), notes, shown)


def _is_again(op: LoggedOp, fact: Mapping[str, Any]) -> bool:
    """Whether an op is a scan of a checkpoint beside the one that its report tells of."""
    return op.kind == "round.scan" and format_time(op.occurred_at) != fact.get("at")


def _scanned_again(op: LoggedOp) -> str:
    words = [gettext("also scanned"), full_time(op.occurred_at), person(op.by)]
    return " · ".join([*words, *filter(None, [op.payload.get("note")])])


def _notes(round_: PatrolRound, report: PointReport) -> list[str]:
    """What else is known about a checkpoint: method, flags, reason, note, the desk's decision."""
    fact = report.fact
    notes = []
    if fact.get("method"):
        notes.append(value_label("round", "method", fact["method"]))
    if report.since_last is not None:
        minutes, seconds = divmod(int(report.since_last.total_seconds()), 60)
        length = f"{minutes}:{seconds:02}"
        notes.append(gettext("%(length)s since the last checkpoint", length=length))
    notes.extend(value_label("round", "flag", flag) for flag in fact.get("flags") or ())
    if fact.get("reason"):
        notes.append(value_label("round", "reason", fact["reason"]))
    if fact.get("note"):
        notes.append(fact["note"])
    if fine := round_.fines.get(report.point["checkpoint"], {}).get("note"):
        notes.append(fine)
    if decided := round_.disposed.get(report.point["checkpoint"]):
        label = value_label("task", "disposition", decided["disposition"])
        notes.append(" · ".join(filter(None, (label, decided.get("note")))))
    return [" · ".join(notes)] if notes else []


def _facts_by_point(ops: Sequence[LoggedOp]) -> dict[str, list[LoggedOp]]:
    """What was recorded at each checkpoint and took effect, in the order in which it happened."""
    found: dict[str, list[LoggedOp]] = {}
    for op in sorted(ops, key=lambda op: (op.occurred_at, op.id)):
        if op.status in APPLIED_STATUSES and op.kind in POINT_FACTS:
            found.setdefault(op.payload["checkpoint"], []).append(op)
    return found


DOCUMENT = DocumentType("round", "/desk/patrol/<id>", FRONT_DESK_ROLES, build)
