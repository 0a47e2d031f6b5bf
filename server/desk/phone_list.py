"""The list of phones: whose they are, when they were heard from, and what they may still hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext, pgettext
from sqlalchemy import ColumnElement, and_, func, not_, or_, select

from server.auth.access import current_user
from server.db.engine import db
from server.desk.lists import (
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    PeriodFilter,
    RecordList,
    View,
    WordsFilter,
    person_column,
    text_column,
)
from server.desk.payload_form import PayloadForm
from server.desk.phone_status import PhoneStatus, gap_text, phone_statuses, unsent_text
from server.i18n.locale import duration_text
from server.models.access import EVERYBODY, Device, DevicePerson
from server.models.places import Site
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp
from sync.work.board import SILENT_AFTER, unsent_count

SILENCE_FORM = PayloadForm("site.retain", "silent_hours")
LAST_CONTACT = func.coalesce(Device.seen_at, Device.enrolled_at)


def is_in_use() -> ColumnElement[bool]:
    """Whether a phone was neither blocked nor lost."""
    return and_(Device.revoked_at.is_(None), Device.lost_at.is_(None))


def is_silent(context: ListContext) -> ColumnElement[bool]:
    """D3: whether a phone in use had no contact for longer than `SILENT_AFTER`."""
    silent_since = context.now - SILENT_AFTER
    return and_(is_in_use(), func.coalesce(Device.seen_at, Device.enrolled_at) < silent_since)


def has_unsent(context: ListContext) -> ColumnElement[bool]:
    """Whether a phone in use last reported something unsent."""
    ids = context.once("phones with unsent", lambda: _phones_with_unsent(context.site_id))
    return and_(is_in_use(), Device.id.in_(ids))


def _phones_with_unsent(site_id: str) -> list[str]:
    query = select(Device.id, Device.report).where(Device.site_id == site_id, is_in_use())
    return [row.id for row in db.session.execute(query) if unsent_count(row)]


STATES = {
    "in_use": Choice(label=_lp("phones", "in use"), condition=lambda _: is_in_use()),
    "silent": Choice(label=_lp("phones", "not heard from"), condition=is_silent),
    "unsent": Choice(label=_lp("phones", "with unsent records"), condition=has_unsent),
    "ended": Choice(label=_lp("phones", "blocked or lost"), condition=lambda _: not_(is_in_use())),
}


@dataclass(frozen=True, kw_only=True)
class PhoneWords(WordsFilter):
    """Words, each of which is part of the phone's name or of the name of one of its people."""

    def _word(self, word: str, context: ListContext) -> ColumnElement[bool]:
        people = context.names.people.items()
        ids = [id_ for id_, name in people if word.casefold() in name.casefold()]
        of_people = select(DevicePerson.device_id).where(
            DevicePerson.site_id == context.site_id, DevicePerson.person_id.in_(ids)
        )
        return or_(super()._word(word, context), Device.id.in_(of_people))


def prepare(rows: Sequence[Any], context: ListContext) -> None:
    """Read the people of these phones, and what is missing of them."""
    ids = [row.id for row in rows]
    of_phones = select(DevicePerson.device_id, DevicePerson.person_id).where(
        DevicePerson.site_id == context.site_id, DevicePerson.device_id.in_(ids)
    )
    people: dict[str, list[str]] = {}
    for device_id, person_id in db.session.execute(of_phones):
        people.setdefault(device_id, []).append(context.person(person_id))
    context.memory["people of phones"] = people
    statuses = phone_statuses(context.site_id, rows)
    context.memory["phone statuses"] = {each.phone.id: each for each in statuses}


def status_of(row: Any, context: ListContext) -> PhoneStatus:
    """What is known of a phone that the list shows."""
    found: PhoneStatus = context.memory["phone statuses"][row.id]
    return found


def people(row: Any, context: ListContext) -> str:
    """Whose phone it is."""
    if row.people_key == EVERYBODY:
        return gettext("everybody")
    names = context.memory["people of phones"].get(row.id, [])
    return ", ".join(sorted(names)) or gettext("nobody yet")


def last_contact(row: Any, context: ListContext) -> Cell | str:
    """When the phone was heard from; marked if that is too long ago for one in use."""
    if row.seen_at is None:
        return gettext("never")
    if status_of(row, context).access_ended_at or context.now - row.seen_at <= SILENT_AFTER:
        return Cell(row.seen_at)
    return Cell(row.seen_at, tone="warn", icon="clock")


def unsent(row: Any, context: ListContext) -> Cell | str:
    """What the phone last reported as unsent, and how old that is."""
    said = unsent_text(row, context.now)
    if row.report is None or row.seen_at is None:
        return said
    span = duration_text(context.now - row.seen_at)
    as_of = gettext("as of %(ago)s", ago=gettext("%(span)s ago", span=span))
    return Cell(f"{said} · {as_of}", tone="warn" if unsent_count(row) else "")


def missing(row: Any, context: ListContext) -> Cell | str:
    """Which records never arrived although later ones did."""
    gaps = status_of(row, context).gaps
    return Cell("; ".join(map(gap_text, gaps)), tone="bad", icon="alert") if gaps else ""


def storage(row: Any, context: ListContext) -> str:
    """How full the phone's storage is."""
    percent = status_of(row, context).storage_percent
    return "" if percent is None else f"{percent} %"


def state(row: Any, _: ListContext) -> Cell:
    """Whether the phone may be used."""
    if row.lost_at:
        return Cell(gettext("lost"), tone="bad", icon="x")
    if row.revoked_at:
        return Cell(gettext("blocked"), tone="dim", icon="x")
    return Cell(pgettext("phones", "in use"))


def settings() -> dict[str, Any]:
    """The form of the time after which a phone counts as silent."""
    site_id = current_user().site_id
    label = gettext("Hours without contact before a phone on duty is shown on the board")
    return {
        "silence_inputs": SILENCE_FORM.inputs(
            vars(db.session.get_one(Site, (site_id, site_id))), labels={"silent_hours": label}
        ),
        "may_set": current_user().has_role(*MASTER_DATA_ROLES),
    }


CONTACT = (Device.seen_at, Device.report)
ENDS = (Device.lost_at, Device.revoked_at)

PHONES = RecordList(
    name="phones",
    title=_l("Phones"),
    roles=DESK_ROLES,
    site=Device.site_id,
    id=Device.id,
    show="people.phone",
    formulas=("D3", "D9", "H1"),
    empty=_l("No phone yet. Add the first one."),
    order="label",
    prepare=prepare,
    columns=(
        text_column("label", _l("Phone"), Device.label),
        Column("people", _l("People"), people, (Device.people_key,), css="cut"),
        Column("seen_at", _l("Last contact"), last_contact, (*CONTACT, *ENDS), (LAST_CONTACT,)),
        Column("unsent", _l("Not sent yet"), unsent, CONTACT, css="cut"),
        Column("missing", _l("Missing records"), missing),
        Column("storage", _l("Storage"), storage, (Device.storage,), css="num"),
        Column("state", _l("Status"), state, ENDS, ENDS),
        text_column("app", _l("Version"), Device.app, shown=False),
        text_column("enrolled_at", _l("Added on"), Device.enrolled_at, shown=False, css="num"),
        person_column("enrolled_by", _l("Added by"), Device.enrolled_by, shown=False),
    ),
    filters=(
        PhoneWords(name="words", label=_l("Phone or person"), columns=(Device.label,)),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="in_use"),
        PeriodFilter(name="enrolled", label=_l("Added on"), column=Device.enrolled_at),
    ),
    views=[
        *(
            View(name=n, label=c.label, values={"state": n}, alarms=n == "silent")
            for n, c in STATES.items()
        ),
        View(name="all", label=_l("All"), values={"state": "any"}),
    ],
    template="desk/people/phones.html",
    extra=settings,
)
