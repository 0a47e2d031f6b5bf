"""The list of shifts: who is on duty, what was handed over, and what nobody ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from flask_babel import gettext, ngettext, pgettext
from sqlalchemy import and_, func, not_, select

from server.db.engine import db
from server.desk.certainty import certainties
from server.desk.labels import certainty_label
from server.desk.lists import (
    BulkAction,
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    PeriodFilter,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    person_column,
    text_column,
)
from server.desk.lists.orders import person_order
from server.models.access import Device
from server.models.oplog import LoggedOp
from server.models.shifts import Shift
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l, _lp
from sync.work.shifts import MAX_SHIFT, overlapping_shifts

TWICE_WITHIN = timedelta(days=7)
"""How far back shifts on two phones at once are looked for."""

IS_OPEN = and_(Shift.closed_at.is_(None), Shift.handed_over_at.is_(None))
UNSIGNED = and_(Shift.handed_to_id.is_not(None), Shift.taken_over_at.is_(None))
ENDED_AT = func.coalesce(Shift.handed_over_at, Shift.closed_at).label("ended_at")
READ = (Shift.opened_at, Shift.closed_at, Shift.handed_over_at, Shift.taken_over_at)


def opening_phones(site_id: str, ids: Sequence[str]) -> dict[str, tuple[str | None, str]]:
    """The device id and label of the phone on which each shift was started, by shift."""
    openings = (
        select(LoggedOp.subject, LoggedOp.kind, LoggedOp.status, LoggedOp.device_id, Device.label)
        .outerjoin(Device, Device.id == LoggedOp.device_id)
        .where(LoggedOp.site_id == site_id, LoggedOp.subject.in_(ids))
    )
    return {
        row.subject: (row.device_id, row.label or "")
        for row in db.session.execute(openings)
        if (row.kind, row.status) == ("shift.open", "applied")  # few ops are about a shift
    }


def shifts_on_two_phones(context: ListContext) -> set[str]:
    """S6: the ids of the shifts of the last TWICE_WITHIN that somebody had on two phones."""
    since = context.now - TWICE_WITHIN
    columns = [getattr(Shift, name) for name in ("id", "person_id", "handed_to_id")]
    query = select(*columns, *READ).where(
        Shift.site_id == context.site_id, Shift.opened_at >= since
    )
    shifts = db.session.execute(query).all()
    suspects = _overlapping(shifts)
    phones = opening_phones(context.site_id, [shift.id for shift in suspects])
    devices = {id_: device for id_, (device, _) in phones.items()}
    return overlapping_shifts(suspects, devices)


def _overlapping(shifts: Sequence[Any]) -> list[Any]:
    """The shifts that overlap others of their person, whatever their phones."""
    found = overlapping_shifts(shifts, {shift.id: shift.id for shift in shifts})
    return [shift for shift in shifts if shift.id in found]


def on_two_phones(context: ListContext) -> set[str]:
    """The same, once for each reading of the list."""
    return context.once("on two phones", lambda: shifts_on_two_phones(context))


def load_authors(rows: Sequence[Any], context: ListContext) -> None:
    """Read the phones and the authors of these shifts at once."""
    ids = [row.id for row in rows]
    context.memory.setdefault("phones", {}).update(opening_phones(context.site_id, ids))
    certainties().load(ids)


def is_forgotten(row: Any, context: ListContext) -> bool:
    """Whether nobody ended a shift that cannot last so long."""
    is_open = not (row.closed_at or row.handed_over_at)
    return bool(is_open and row.opened_at < context.now - MAX_SHIFT)


def state_cell(row: Any, context: ListContext) -> Cell:
    """Whether somebody is on duty, and what is missing at the end."""
    if is_forgotten(row, context):
        return Cell(gettext("not ended"), tone="bad", icon="alert")
    if not (row.closed_at or row.handed_over_at):
        return Cell(gettext("on duty"), tone="go", icon="half")
    if row.handed_to_id and not row.taken_over_at:
        return Cell(gettext("not signed yet"), tone="warn", icon="edit")
    return Cell(pgettext("shift", "ended"), tone="dim", icon="ok")


def phone_cell(row: Any, context: ListContext) -> Cell:
    """The phone on which a shift was started."""
    _, label = context.memory["phones"].get(row.id, (None, ""))
    if row.id in on_two_phones(context):
        said = gettext("on two phones at once")
        return Cell(f"{label} · {said}" if label else said, tone="bad", icon="split")
    return Cell(label)


def clothes_cell(row: Any, context: ListContext) -> Cell:
    """S1: whether somebody wore work clothes, and why not."""
    if row.uniform:
        return Cell(pgettext("yes or no", "yes"))
    reason = context.value("shift", "note", row.note) or gettext("no reason given")
    return Cell(f"{pgettext('yes or no', 'no')} · {reason}", tone="warn", icon="alert")


def signed_cell(row: Any, context: ListContext) -> Cell | str:
    """To whom a shift was handed over, and whether they signed."""
    name = context.person(row.handed_to_id)
    if not row.handed_to_id or row.taken_over_at:
        return name
    return Cell(f"{name} · {gettext('not signed yet')}", tone="warn")


def open_items(row: Any, _: ListContext) -> dict[str, str]:
    """What was open at the end, by `type:id`."""
    found: dict[str, str] = row.items_then or row.open_items
    return found


def items_cell(row: Any, context: ListContext) -> Cell:
    """How many items were open at the end, and what was unsent."""
    found = open_items(row, context)
    count = ngettext("%(num)d open item", "%(num)d open items", len(found)) if found else ""
    unsent = (
        ngettext("%(num)d to send at that time", "%(num)d to send at that time", row.unsent)
        if row.unsent
        else ""
    )
    said = " · ".join(filter(None, (count, unsent)))
    return Cell(said, tone="warn") if unsent else Cell(said)


def certainty(row: Any, _: ListContext) -> str:
    """How sure it is that the person started the shift."""
    known = certainties().of(row.id, row.person_id, row.opened_at)
    return certainty_label(known) if known else ""


STATES: dict[str, Choice] = {
    "on_duty": Choice(
        label=_l("on duty"),
        condition=lambda c: and_(IS_OPEN, Shift.opened_at >= c.now - MAX_SHIFT),
    ),
    "forgotten": Choice(
        label=_l("not ended"),
        condition=lambda c: and_(IS_OPEN, Shift.opened_at < c.now - MAX_SHIFT),
    ),
    "unsigned": Choice(label=_l("not signed yet"), condition=lambda _: UNSIGNED),
    "ended": Choice(label=_lp("shift", "ended"), condition=lambda _: not_(IS_OPEN)),
    "clothes": Choice(label=_l("no work clothes"), condition=lambda _: Shift.uniform.is_(False)),
    "twice": Choice(
        label=_l("on two phones, 7 days"), condition=lambda c: Shift.id.in_(on_two_phones(c))
    ),
    "unsent": Choice(label=_l("unsent at the end"), condition=lambda _: Shift.unsent > 0),
}


def end_shift(id_: str, _: Mapping[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """The op that ends a shift; the current user is recorded."""
    return [("shift.close", id_, {})]


def _view(name: str, *, alarms: bool = False, **values: str) -> View:
    return View(
        name=name, label=STATES[name].label, values={"state": name, **values}, alarms=alarms
    )


SHIFTS = RecordList(
    name="shifts",
    title=_l("Shifts"),
    roles=DESK_ROLES,
    site=Shift.site_id,
    id=Shift.id,
    show="records.show",
    show_values={"type": "shift"},
    formulas=("S5", "S6"),
    prepare=load_authors,
    empty=_l("Nobody is on duty. A shift starts when somebody begins it on a phone."),
    order="-opened_at",
    columns=(
        person_column(
            "person",
            _l("Name"),
            Shift.person_id,
            sort=(person_order(Shift.site_id, Shift.person_id),),
        ),
        Column("state", _l("Status"), state_cell, (*READ, Shift.handed_to_id)),
        text_column("opened_at", _l("On duty since"), Shift.opened_at),
        text_column("ended_at", _l("Shift ended at"), ENDED_AT, sort=(ENDED_AT.element,)),
        Column("clothes", _l("Work clothes"), clothes_cell, (Shift.uniform, Shift.note)),
        Column("phone", _l("Phone"), phone_cell),
        Column(
            "handed_to",
            _l("Handed over to"),
            signed_cell,
            (Shift.handed_to_id, Shift.taken_over_at),
        ),
        Column(
            "open_items",
            _l("Open items"),
            items_cell,
            (Shift.open_items, Shift.__table__.c["items"].label("items_then"), Shift.unsent),
        ),
        text_column(
            "handover_note", _l("Note for the next person"), Shift.handover_note, sort=(), css="cut"
        ),
        text_column("taken_over_at", _l("Signed at"), Shift.taken_over_at, shown=False),
        person_column("closed_by", _l("Ended by"), Shift.closed_by_id, shown=False),
        Column(
            "items",
            _l("Open items in words"),
            lambda row, c: "; ".join(open_items(row, c).values()),
            shown=False,
            css="cut",
        ),
        Column("certainty", _l("How sure it is who"), certainty, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Name, note"),
            columns=(Shift.note, Shift.handover_note),
            people=(Shift.person_id, Shift.handed_to_id),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="on_duty"),
        PeriodFilter(name="opened", label=_l("Shift started"), column=Shift.opened_at),
        PersonFilter(
            name="person", label=_l("Person"), columns=(Shift.person_id, Shift.handed_to_id)
        ),
    ),
    views=(
        _view("on_duty"),
        _view("forgotten", alarms=True),
        _view("unsigned", opened_since="week"),
        _view("twice", opened_since="week", alarms=True),
        _view("clothes", opened_since="week"),
        View(name="week", label=_l("Last 7 days"), values={"state": "any", "opened_since": "week"}),
        View(name="all", label=_l("All"), values={"state": "any"}),
    ),
    actions=(
        BulkAction(
            name="close",
            label=_l("End shifts"),
            ops=end_shift,
            icon="lock",
            explains=_l("For shifts that nobody ended on a phone. Your name is recorded."),
        ),
    ),
)
