"""An inspection: criteria with their photos, and what was put right, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext

from server.auth.access import get_or_404
from server.db.engine import db
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import (
    Block,
    Document,
    FactList,
    Facts,
    Photo,
    Photos,
    Section,
    Table,
)
from server.desk.documents.sources import (
    NOTHING,
    area,
    author,
    full_time,
    log_mark,
    person,
    said,
    site_label,
    words,
)
from server.desk.labels import value_label
from server.i18n.locale import localize
from server.models.inspections import Inspection
from server.models.rectifications import Rectification
from server.oplog.receive import ops_about
from sync.protocol.roles import DESK_ROLES


def build(id_: str) -> Document:
    inspection = get_or_404(Inspection, id_)
    found = db.session.scalars(
        Rectification.for_inspection(inspection.site_id, inspection.id)
    ).all()
    ops = [
        op for id_ in (inspection.id, *(each.id for each in found)) for op in _ops(id_, inspection)
    ]
    blocks: list[Block] = [_criteria(inspection)]
    if shots := _shots(inspection):
        blocks.append(Photos(shots))
    return Document(
        words(gettext("Inspection"), localize(inspection.label)),
        subtitle=site_label(),
        facts=_facts(inspection),
        sections=[Section(gettext("Criteria"), blocks), *map(_put_right, found)],
        signatures=[gettext("Assessor"), gettext("Whose work"), gettext("Date")],
        footer=log_mark(ops),
    )


def _ops(id_: str, inspection: Inspection) -> Sequence[Any]:
    return ops_about(inspection.site_id, id_)


def _facts(inspection: Inspection) -> Facts:
    assessor = author(inspection.assessor_id, inspection.id, inspection.inspected_at)
    score = NOTHING if inspection.score is None else _score(inspection)
    return said(
        [
            (gettext("Area"), area(inspection.area)),
            (gettext("Person"), person(inspection.person)),
            (gettext("Time"), full_time(inspection.inspected_at)),
            (gettext("Assessor"), assessor),
            (gettext("Checklist"), f"{inspection.code} · {_edition(inspection)}"),
            (gettext("Score"), score),
            (gettext("Whose work"), ", ".join(map(person, inspection.performers))),
            (gettext("Official"), full_time(inspection.official_at)),
        ]
    )


def _edition(inspection: Inspection) -> str:
    return str(gettext("edition %(number)s", number=inspection.edition))


def _score(inspection: Inspection) -> str:
    points = f"({inspection.gained}/{inspection.possible}, {inspection.formula})"
    score = gettext("Score: %(score)s of 100", score=(inspection.score or 0) // 10)
    return f"{score} {points}"


def _criteria(inspection: Inspection) -> Table:
    columns = [gettext("Criterion"), gettext("Weight"), gettext("Result"), gettext("Note")]
    return Table(columns, [_criterion(inspection, item) for item in inspection.criteria])


def _criterion(inspection: Inspection, item: dict[str, Any]) -> list[str]:
    result = inspection.results.get(item["id"])
    name = localize(item["label"])
    return [
        words(name, gettext("(critical)")) if item.get("critical") else name,
        str(item["weight"]),
        value_label("inspection", "result", result) if result else gettext("not looked at"),
        inspection.notes.get(item["id"], ""),
    ]


def _shots(inspection: Inspection) -> list[Photo]:
    labels = {item["id"]: localize(item["label"]) for item in inspection.criteria}
    by_criterion = [
        Photo(name, labels.get(id_, ""))
        for id_, names in inspection.shots.items()
        for name in names
    ]
    named = {photo.sha256 for photo in by_criterion}
    return by_criterion + [Photo(name) for name in inspection.photos if name not in named]


def _put_right(found: Rectification) -> Section:
    """A criterion that failed, with the photos before and after it was put right."""
    facts = said(
        [
            (gettext("Finding"), found.finding),
            (gettext("Responsible"), person(found.responsible_id)),
            (gettext("Fix by"), full_time(found.due_at)),
            (gettext("Fixed"), _who_and_when(found, found.done_by_id, found.done_at)),
            (gettext("Note"), found.note),
            (gettext("Checked"), _who_and_when(found, found.verified_by_id, found.verified_at)),
        ]
    )
    before = [Photo(name, gettext("Before")) for name in found.before]
    after = [Photo(name, gettext("After")) for name in found.after]
    blocks: list[Block] = [FactList(facts)]
    if before or after:
        blocks.append(Photos([*before, *after]))
    return Section(words(gettext("To be fixed"), localize(found.label)), blocks)


def _who_and_when(found: Rectification, by: str | None, at: Any) -> str:
    return f"{full_time(at)} {author(by, found.id, at)}" if at else gettext("not yet")


DOCUMENT = DocumentType("inspection", "/desk/inspections/<id>", DESK_ROLES, build)
