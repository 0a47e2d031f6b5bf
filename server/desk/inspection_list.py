"""The list of inspections: scores, and of which of several on one day nobody has chosen."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import aliased

from server.db.engine import db
from server.desk.form_fields import Options
from server.desk.lists import (
    AreaFilter,
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    OptionFilter,
    PeriodFilter,
    PersonFilter,
    RecordList,
    View,
    WordsFilter,
    label_column,
    person_column,
    text_column,
)
from server.desk.lists.orders import area_order, person_order
from server.desk.options import in_natural_order
from server.i18n.locale import localize
from server.models.checklists import Checklist
from server.models.inspections import Inspection
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

GOOD, POOR = 900, 700
"""Scores, per mille, from which on one is green, and below which it is red."""

OTHER = aliased(Inspection)


def _another(*more: Any) -> ColumnElement[bool]:
    """Whether there is another inspection of the same subject and day, not of one's own work."""
    same = OTHER.site_id == Inspection.site_id, OTHER.slot == Inspection.slot
    return exists().where(*same, OTHER.id != Inspection.id, OTHER.of_self.is_(False), *more)


def is_official() -> ColumnElement[bool]:
    """I8: whether an inspection counts: the one chosen last, or the only one."""
    later = or_(
        OTHER.official_at > Inspection.official_at,
        and_(OTHER.official_at == Inspection.official_at, OTHER.id > Inspection.id),
    )
    chosen = and_(Inspection.official_at.is_not(None), ~_another(later))
    only = and_(Inspection.official_at.is_(None), ~_another())
    return and_(Inspection.of_self.is_(False), or_(chosen, only))


def is_undecided() -> ColumnElement[bool]:
    """I8: whether there are several of one subject and day, and nobody chose the official one."""
    nobody_chose = Inspection.official_at.is_(None), ~_another(OTHER.official_at.is_not(None))
    return and_(Inspection.of_self.is_(False), _another(), *nobody_chose)


OFFICIAL = is_official().label("is_official")
UNDECIDED = is_undecided().label("is_undecided")

STATES = {
    "undecided": Choice(label=_l("Which one is official?"), condition=lambda _: is_undecided()),
    "official": Choice(label=_l("official"), condition=lambda _: is_official()),
    "own": Choice(label=_l("own work"), condition=lambda _: Inspection.of_self.is_(True)),
    "poor": Choice(label=_l("below 70"), condition=lambda _: Inspection.score < POOR),
    "areas": Choice(label=_l("of areas"), condition=lambda _: Inspection.area.is_not(None)),
    "people": Choice(label=_l("of people"), condition=lambda _: Inspection.person.is_not(None)),
}


def subject(row: Any, context: ListContext) -> str:
    """The area or the person."""
    return context.area(row.area) or context.person(row.person)


def score(row: Any, _: ListContext) -> Cell | None:
    """The score of 100 as a whole number."""
    if row.score is None:
        return None
    tone = "ok" if row.score >= GOOD else "bad" if row.score < POOR else ""
    return Cell(row.score // 10, tone=tone)


def standing(row: Any, _: ListContext) -> Cell:
    """I8: whether an inspection counts."""
    if row.of_self:
        return Cell(gettext("own work"), tone="dim", icon="user")
    if row.is_undecided:
        return Cell(gettext("Which one is official?"), tone="warn", icon="unk")
    if row.is_official:
        return Cell(gettext("official"), tone="ok", icon="ok")
    return Cell(gettext("another one is official"), tone="dim")


def failed(row: Any, _: ListContext) -> int:
    """How many criteria failed."""
    return sum(result == "fail" for result in row.results.values())


def checklist_options(context: ListContext) -> Options:
    """The checklists of the site by code."""
    found = in_natural_order(db.session.scalars(Checklist.for_site(context.site_id)), "code")
    return [(each.code, f"{each.code} {localize(each.label)}") for each in found]


SITE = Inspection.site_id
SUBJECT_ORDER = (area_order(SITE, Inspection.area), person_order(SITE, Inspection.person))

INSPECTIONS = RecordList(
    name="inspections",
    title=_l("Inspections"),
    roles=DESK_ROLES,
    site=SITE,
    id=Inspection.id,
    show="inspections.show",
    formulas=("I3", "I8", "pass-weight/1"),
    empty=_l("No inspections in 30 days. Somebody inspects with a checklist on the phone."),
    order="-inspected_at",
    columns=(
        label_column("label", _l("Checklist"), Inspection.label, sort=(Inspection.code,)),
        Column(
            "subject",
            _l("Inspected"),
            subject,
            (Inspection.area, Inspection.person),
            sort=SUBJECT_ORDER,
        ),
        text_column("inspected_at", _l("Time"), Inspection.inspected_at),
        person_column(
            "assessor",
            _l("Inspected by"),
            Inspection.assessor_id,
            sort=(person_order(SITE, Inspection.assessor_id),),
        ),
        Column(
            "score", _l("Score"), score, (Inspection.score,), sort=(Inspection.score,), css="num"
        ),
        Column("failed", _l("Failed criteria"), failed, (Inspection.results,), css="num"),
        Column("standing", _l("Status"), standing, (Inspection.of_self, OFFICIAL, UNDECIDED)),
        text_column("code", _l("Code"), Inspection.code, shown=False),
        text_column("edition", _l("Edition"), Inspection.edition, shown=False, css="num"),
        text_column("gained", _l("Points"), Inspection.gained, shown=False, css="num"),
        text_column("possible", _l("Possible points"), Inspection.possible, shown=False, css="num"),
        person_column(
            "official_by", _l("Made official by"), Inspection.official_by_id, shown=False
        ),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Checklist, area, person"),
            columns=(Inspection.code,),
            people=(Inspection.person, Inspection.assessor_id),
            areas=(Inspection.area,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES),
        PeriodFilter(
            name="inspected",
            label=_l("Period"),
            column=Inspection.inspected_at,
            default="days30",
        ),
        OptionFilter(
            name="checklist", label=_l("Checklist"), column=Inspection.code, load=checklist_options
        ),
        PersonFilter(
            name="person", label=_l("Person"), columns=(Inspection.person, Inspection.assessor_id)
        ),
        AreaFilter(name="area", label=_l("Area"), column=Inspection.area),
    ),
    views=(
        View(name="recent", label=_l("30 days"), values={}),
        View(
            name="undecided",
            label=STATES["undecided"].label,
            values={"state": "undecided", "inspected_since": "days90"},
            alarms=True,
        ),
        View(name="poor", label=STATES["poor"].label, values={"state": "poor"}, alarms=True),
        View(name="areas", label=STATES["areas"].label, values={"state": "areas"}),
        View(name="people", label=STATES["people"].label, values={"state": "people"}),
        View(name="all", label=_l("All"), values={"inspected_since": "any"}),
    ),
    template="desk/inspections/index.html",
)
