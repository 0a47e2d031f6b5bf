"""What a site holds about people who work here, and texts about anybody in records of work.

None of it is erased: `server.desk.kept_otherwise` says why, and until when it stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from flask import url_for
from flask_babel import gettext
from sqlalchemy import JSON, ColumnElement, Select, Text, false, func, or_, select
from sqlalchemy import cast as cast_to

from server.db.engine import db
from server.desk.kept_otherwise import KEPT_OTHERWISE, reason_for
from server.desk.labels import op_label, type_label, value_label
from server.desk.personal_search import Found, Search, Terms, found_record, text_conditions
from server.models import MODELS_BY_TYPE
from server.models.access import Account, LoginSession
from server.models.column_classes import PERSONAL, SENSITIVE, columns_of
from server.models.credentials import Credential
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.models.people import Person
from server.models.security_log import AccessEntry
from sync.protocol.conflict_resolution import to_json_value

SEARCHED_TYPES = tuple(
    type_ for kept in KEPT_OTHERWISE for type_ in kept.types if type_ != "access"
)
"""The types that are searched; entries of the security log are counted."""

ABOUT: Mapping[str, tuple[str, ...]] = {
    "person": ("id",),
    "team": ("leader_id", "member_ids"),
    "shift": ("person_id",),
    "case": ("answers_id", "subject_id"),
    "session": ("facilitator_id", "attendees"),
    "readiness": ("person",),
    "inspection": ("person",),
    "rectification": ("person",),
}
"""The fields that say whom a record is about."""

NOT_SEARCHED = frozenset({"photos", "token", "shots", "scans", "before", "after"})
"""Columns with secrets, ids and hashes instead of texts."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many entries of a kind there are about one of our own people; `address` leads to them."""

    name: str
    what: str
    count: int
    address: str | None


def find_people(search: Search) -> list[Person]:
    """Everybody who works or worked here whose name or staff number has what is looked for."""
    columns = Person.__table__.c
    conditions = [
        *text_conditions([columns.name], Terms(name=search.terms.name)),
        *text_conditions([columns.employee_no], Terms(number=search.terms.number)),
    ]
    if not conditions:
        return []
    return list(db.session.scalars(Person.for_site(search.site_id).where(or_(*conditions))))


def find_staff_records(search: Search, people: Sequence[Person]) -> Iterator[Found]:
    """Records about these people, and records of work whose texts have what is looked for."""
    usernames = _usernames(people)
    for type_ in SEARCHED_TYPES:
        for values in _values(search, type_, [person.id for person in people]):
            found = found_record(search, type_, values, [reason_for(type_)])
            if type_ == "person" and (username := usernames.get(found.id)):
                found.fields.append((gettext("User name"), username))
                found.values["username"] = username
            if type_ == "round" and (notes := _scan_notes(search, found.id)):
                found.fields.append((gettext("Note"), "; ".join(notes)))
                found.values["notes"] = notes
            yield found


def _usernames(people: Sequence[Person]) -> dict[str, str]:
    ids = [person.id for person in people]
    rows = select(Account.person_id, Account.username).where(Account.person_id.in_(ids))
    return {row.person_id: row.username for row in db.session.execute(rows) if row.username}


def _scans_with_a_note(search: Search) -> Select[Any]:
    """Applied ops of scans whose note has the name. A round keeps the note of the first scan of
    each checkpoint, and the log has them all."""
    ops = cast(Any, LoggedOp.metadata.tables["op"]).c
    is_scan = ops.site_id == search.site_id, ops.kind == "round.scan"
    is_applied = ops.status.in_(APPLIED_STATUSES)  # the payload of any other may have any shape
    name = text_conditions([ops.payload], Terms(name=search.terms.name))
    return select(ops.subject, ops.payload).where(*is_scan, is_applied, or_(false(), *name))


def _scan_notes(search: Search, round_id: str) -> list[str]:
    scans = _scans_with_a_note(search).where(LoggedOp.subject == round_id)
    payloads = db.session.execute(scans.order_by(LoggedOp.in_order())).scalars("payload")
    return [payload["note"] for payload in payloads if payload.get("note")]


def _values(search: Search, type_: str, people: Sequence[str]) -> Iterator[dict[str, Any]]:
    table = cast(Any, MODELS_BY_TYPE[type_]).__table__
    names = [n for n in columns_of(table.name, PERSONAL, SENSITIVE) if n not in NOT_SEARCHED]
    columns = [table.c[name] for name in names]
    texts = [column for column in columns if not isinstance(column.type, JSON)]
    lists = [column for column in columns if isinstance(column.type, JSON)]
    # the lists hold times and ids besides: any four digits are in some of them
    conditions = text_conditions(texts, search.terms)
    conditions += text_conditions(lists, Terms(name=search.terms.name))
    if type_ == "round":
        rounds = _scans_with_a_note(search).with_only_columns(LoggedOp.subject)
        conditions.append(table.c.id.in_(rounds))
    for name in ABOUT.get(type_, ()):
        conditions += _names_one_of(table.c[name], people)
    if conditions:
        query = select(table).where(table.c.site_id == search.site_id, or_(*conditions))
        newest = query.order_by(table.c.id.desc()).limit(search.most)
        yield from (dict(row) for row in db.session.execute(newest).mappings())


def _names_one_of(column: Any, people: Sequence[str]) -> list[ColumnElement[bool]]:
    if isinstance(column.type, JSON):
        return [cast_to(column, Text).contains(person) for person in people]
    return [column.in_(people)] if people else []


def count_entries(search: Search, people: Sequence[Person]) -> list[Counted]:
    """What is about these people and has no page of its own, or too many entries to list."""
    ids = [person.id for person in people]
    if not ids:
        return []
    tables = (
        (gettext("Entries of the log made by them"), LoggedOp, LoggedOp.by),
        (gettext("Keys on phones"), Credential, Credential.person_id),
        (gettext("Sessions at the desk"), LoginSession, LoginSession.person_id),
    )
    counts = [(what, _numbers(table, search, column, ids)) for what, table, column in tables]
    found = [
        Counted(person.name, what, numbers[person.id], None)
        for person in people
        for what, numbers in counts
        if numbers.get(person.id)
    ]
    return [*found, *_security_log_counts(search, people)]


def _security_log_counts(search: Search, people: Sequence[Person]) -> Iterator[Counted]:
    for person in people:
        query = select(func.count()).where(*_entries(search, [person.id]))
        if number := db.session.scalar(query):
            address = url_for("security_log.index", person=person.id)
            yield Counted(person.name, gettext("Security log"), number, address)


def _numbers(table: Any, search: Search, column: Any, ids: Sequence[str]) -> dict[str, int]:
    in_site = table.site_id == search.site_id, column.in_(ids)
    rows = db.session.execute(select(column, func.count()).where(*in_site).group_by(column))
    return {row[0]: row[1] for row in rows}


def _entries(search: Search, ids: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    concerned = or_(AccessEntry.by_id.in_(ids), AccessEntry.about_id.in_(ids))
    return AccessEntry.site_id == search.site_id, concerned


def staff_files(search: Search, people: Sequence[Person]) -> dict[str, list[dict[str, Any]]]:
    """For a file: what these people entered, without what stands in it, which is about others too;
    and the entries of the security log about them. By the name of the file."""
    ids = [person.id for person in people]
    if not ids:
        return {}
    ops = select(LoggedOp.kind, LoggedOp.occurred_at, LoggedOp.subject_type, LoggedOp.subject)
    made = ops.where(LoggedOp.site_id == search.site_id, LoggedOp.by.in_(ids))
    entries = select(AccessEntry).where(*_entries(search, ids)).order_by(AccessEntry.at)
    sessions = select(LoginSession).where(LoginSession.site_id == search.site_id)
    keys = select(Credential).where(Credential.site_id == search.site_id)
    return {
        "sessions": [
            {
                gettext("Time"): search.times(session.started_at),
                gettext("Network address"): session.address or "",
                gettext("Details"): session.browser or "",
            }
            for session in db.session.scalars(sessions.where(LoginSession.person_id.in_(ids)))
        ],
        "phone_keys": [
            {gettext("Time"): search.times(key.created_at), "id": key.id}
            for key in db.session.scalars(keys.where(Credential.person_id.in_(ids)))
        ],
        "log_entries": [
            {
                gettext("Time"): search.times(row.occurred_at),
                gettext("Event"): op_label(row.kind),
                gettext("Record"): type_label(row.subject_type or ""),
                "id": row.subject or "",
            }
            for row in db.session.execute(made.order_by(LoggedOp.in_order()))
        ],
        "security_log": [
            {
                gettext("Time"): search.times(entry.at),
                gettext("Event"): value_label("access", "event", entry.event),
                gettext("Network address"): entry.address or "",
                gettext("Details"): str(to_json_value(entry.details) or ""),
            }
            for entry in db.session.scalars(entries)
        ],
    }
