"""An accountability case: facts, those that explain first, then statements and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from server.auth.access import get_or_404
from server.desk.case_list import case_state
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Document, Event, Facts, Section, Story
from server.desk.documents.sources import (
    author,
    events,
    full_time,
    log_mark,
    person,
    said,
    site_label,
    words,
)
from server.desk.labels import state_label, value_label
from server.i18n.filters import money
from server.i18n.locale import localize
from server.models.cases import Case
from server.oplog.receive import ops_about
from sync.accountability.case_payloads import is_accusing
from sync.protocol.roles import DESK_ROLES


def build(id_: str) -> Document:
    case = get_or_404(Case, id_)
    ops, empty = ops_about(case.site_id, case.id), gettext("Nothing yet.")
    facts = sorted(case.facts, key=lambda fact: (is_accusing(fact), fact["at"]))
    told = [_statement(case, one) for one in (*case.statements, *case.appeals)]
    decided = [_decision(case, one) for one in case.decisions]
    return Document(
        words(gettext("Accountability case"), case.code, localize(case.label)),
        subtitle=site_label(),
        facts=_facts(case),
        sections=[
            Section(gettext("All facts"), [Story([_fact(each) for each in facts], empty)]),
            Section(gettext("Subject's statements"), [Story(told, empty)]),
            Section(gettext("Decisions"), [Story(decided, empty)]),
            Section(gettext("What happened"), [Story(events(ops))]),
        ],
        signatures=[gettext("Decided by"), gettext("Subject"), gettext("Date")],
        footer=log_mark(ops),
    )


def _facts(case: Case) -> Facts:
    kind = value_label("case", "subject_kind", case.subject_kind)
    return said(
        [
            (gettext("Status"), state_label("case", case_state(case))),
            (gettext("Subject"), f"{kind}: {case.subject_name or person(case.answers_id)}"),
            (gettext("Who answers"), person(case.answers_id)),
            (gettext("Category"), localize(case.sub_label)),
            (gettext("Amount"), money(case.amount) if case.amount else None),
            (gettext("Opened at"), full_time(case.raised_at)),
            (gettext("Opened by"), author(case.raised_by_id, case.id, case.raised_at)),
            (gettext("Statement requested"), full_time(case.asked_at)),
            (gettext("Statement due"), full_time(case.answer_until)),
            (gettext("Decision read"), full_time(case.acknowledged_at)),
            (gettext("Closed at"), full_time(case.closed_at)),
            (gettext("Reason for closing"), case.because),
        ]
    )


def _fact(fact: Mapping[str, Any]) -> Event:
    reason = value_label("case", "reason", fact["reason"]) if fact.get("reason") else ""
    words = [value_label("case", "fact", fact["code"]), fact.get("text"), reason]
    return Event(full_time(fact["at"]), " · ".join(filter(None, words)))


def _statement(case: Case, one: Mapping[str, Any]) -> Event:
    words = [author(case.answers_id, case.id, one["at"])]
    if one.get("answer") == "declined":
        words.append(value_label("case", "answer", "declined"))
    return Event(full_time(one["at"]), " · ".join(filter(None, (*words, one.get("text")))))


def _decision(case: Case, one: Mapping[str, Any]) -> Event:
    finding = value_label("case", "finding", one["finding"])
    return Event(
        full_time(one["at"]),
        f"{finding} · {author(one['by_id'], case.id, one['at'])}",
        [one["measures"]],
    )


DOCUMENT = DocumentType("case", "/desk/cases/<id>", DESK_ROLES, build, logged_as="case")
