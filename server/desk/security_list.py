"""The list of the security log: who signed in, changed access, exported or looked data up."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from sqlalchemy import ColumnElement, select

from server.auth.access import current_user
from server.db.engine import db
from server.desk.form_fields import Options
from server.desk.formatting import format_value
from server.desk.lists import (
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    OptionFilter,
    PeriodFilter,
    PersonFilter,
    RecordList,
    ValueFilter,
    View,
    WordsFilter,
    text_column,
)
from server.models.access import Device
from server.models.security_log import AccessEntry
from server.oplog.hash_chain import log_head
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.text import _l, _lp

ALARMING = frozenset({"sign_in_failed", "denied", "foreign_lineage", "log_mismatch"})
"""Events that should not happen: they are marked."""
READING = frozenset({"export", "lookup", "number"})
"""Events by which personal data left the server or were read."""


def is_one_of(events: frozenset[str]) -> ColumnElement[bool]:
    """Whether an entry is about one of these events."""
    return AccessEntry.event.in_(sorted(events))


KINDS = {
    "alarming": Choice(
        label=_lp("security log", "should not happen"), condition=lambda _: is_one_of(ALARMING)
    ),
    "reading": Choice(
        label=_lp("security log", "personal data read"), condition=lambda _: is_one_of(READING)
    ),
}


def event(row: Any, context: ListContext) -> Cell:
    """What happened, and how often if it is counted together."""
    said = context.value("access", "event", row.event)
    said = f"{said} × {row.count}" if row.count > 1 else said
    return Cell(said, "warn", "alert") if row.event in ALARMING else Cell(said)


def person_name(id_: str | None, context: ListContext) -> str:
    """The name of a person, also of one who is not known here."""
    return (context.person(id_) or gettext("unknown person")) if id_ else ""


def about(row: Any, context: ListContext) -> str:
    """Whom and which phone the entry is about."""
    phones = context.once("phones", lambda: dict(phone_options(context)))
    phone = phones.get(row.device_id, gettext("Phone")) if row.device_id else ""
    return " ".join(filter(None, (person_name(row.about_id, context), phone)))


def origin(row: Any, context: ListContext) -> str:
    """Through what it was done, and from which address."""
    said = context.value("access", "origin", row.origin)
    return " · ".join(filter(None, (said, row.address)))


def details(row: Any, context: ListContext) -> str:
    """What is known of an event besides its columns."""
    return format_value("access", "details", row.details, context.names) if row.details else ""


def phone_options(context: ListContext) -> Options:
    """The phones of the site by name."""
    query = select(Device.id, Device.label).where(Device.site_id == context.site_id)
    return [(row.id, row.label) for row in db.session.execute(query.order_by(Device.label))]


SECURITY_LOG = RecordList(
    name="security_log",
    title=_l("Security log"),
    roles=MASTER_DATA_ROLES,
    site=AccessEntry.site_id,
    id=AccessEntry.id,
    show="records.show",
    show_values={"type": "access"},
    formulas=("A20",),
    order="-at",
    columns=(
        text_column("at", _l("Time"), AccessEntry.at),
        Column("event", _l("Event"), event, (AccessEntry.event, AccessEntry.count), css="cut"),
        Column(
            "by",
            _lp("security log", "Who"),
            lambda row, c: person_name(row.by_id, c),
            (AccessEntry.by_id,),
        ),
        Column(
            "about",
            _lp("security log", "About"),
            about,
            (AccessEntry.about_id, AccessEntry.device_id),
        ),
        Column(
            "origin",
            _lp("security log", "From"),
            origin,
            (AccessEntry.origin, AccessEntry.address),
        ),
        Column("details", _l("Details"), details, (AccessEntry.details,), css="cut"),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Person or address"),
            columns=(AccessEntry.address,),
            people=(AccessEntry.by_id, AccessEntry.about_id),
        ),
        ChoiceFilter(name="kind", label=_l("Kind"), choices=KINDS),
        ValueFilter(
            name="event",
            label=_l("Event"),
            column=AccessEntry.event,
            record_type="access",
            field="event",
        ),
        PersonFilter(
            name="person", label=_l("Person"), columns=(AccessEntry.by_id, AccessEntry.about_id)
        ),
        OptionFilter(
            name="phone", label=_l("Phone"), column=AccessEntry.device_id, load=phone_options
        ),
        PeriodFilter(name="at", label=_l("Time"), column=AccessEntry.at),
    ),
    views=[
        View(name="all", label=_l("All"), values={}),
        *(View(name=n, label=c.label, values={"kind": n}) for n, c in KINDS.items()),
    ],
    template="desk/security_log/index.html",
    extra=lambda: {"log": log_head(current_user().site_id)},
)
