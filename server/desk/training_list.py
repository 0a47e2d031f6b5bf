"""The lists of training sessions, and of what everybody knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, select

from server.db.engine import db
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
from server.desk.lists.record_list import Op
from server.desk.options import active_people
from server.desk.payload_form import PayloadForm
from server.desk.people_list import ROLE_FILTER, role_names, works_here
from server.i18n.locale import localize
from server.models.cards import Card
from server.models.people import Person
from server.models.training_sessions import ReadinessAttestation, TrainingSession
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import Text, _l, _lp
from sync.training.curriculum import DEFAULT_VALID_MONTHS, TRAINING_ITEMS
from sync.training.readiness import VALUES, ItemReadiness, readiness_matrix
from sync.training.training_sessions import approach_counts

ATTEST_FORM = PayloadForm("readiness.attest", "item", "months", "note")


def cards(row: Any, context: ListContext) -> str:
    """The cards that were covered, by their titles."""
    titles = context.once("cards", lambda: _card_titles(context.site_id))
    ids = [card.partition(":")[2] for card in row.cards]
    return ", ".join(titles[id_] for id_ in dict.fromkeys([*ids, row.case]) if id_ in titles)


def _card_titles(site_id: str) -> dict[str, str]:
    query = select(Card.id, Card.code, Card.title).where(Card.site_id == site_id)
    return {row.id: f"{row.code} {localize(row.title)}" for row in db.session.execute(query)}


def signed(row: Any, _: ListContext) -> Cell:
    """How many of those who attended have signed."""
    done, everybody = len(row.acknowledged), len(row.attendees)
    is_short = row.closed_at is not None and done < everybody
    return Cell(f"{done}/{everybody}", tone="warn" if is_short else "")


def approaches(row: Any, _: ListContext) -> str:
    """How often each approach to the case was chosen."""
    counts = approach_counts(row.answers)
    return " · ".join(f"{way['key']} {counts[way['key']]}" for way in row.approaches)


SESSION_STATES = {
    "open": Choice(
        label=_lp("training sessions", "not ended"),
        condition=lambda _: TrainingSession.closed_at.is_(None),
    ),
    "closed": Choice(
        label=_lp("training sessions", "ended"),
        condition=lambda _: TrainingSession.closed_at.is_not(None),
    ),
}
SIGNATURES = (TrainingSession.acknowledged, TrainingSession.attendees, TrainingSession.closed_at)

TRAININGS = RecordList(
    name="trainings",
    title=_l("Training"),
    roles=DESK_ROLES,
    site=TrainingSession.site_id,
    id=TrainingSession.id,
    show="training_sessions.show",
    formulas=("Z7",),
    empty=_l("No trainings yet. Start one on a phone, under Training."),
    order="-begun_at",
    columns=(
        text_column("begun_at", _l("Started at"), TrainingSession.begun_at),
        person_column("facilitator", _l("Led by"), TrainingSession.facilitator_id),
        Column(
            "cards", _l("Cards"), cards, (TrainingSession.cards, TrainingSession.case), css="cut"
        ),
        Column("signed", _l("Signed"), signed, SIGNATURES, css="num"),
        Column(
            "approaches",
            _l("Approaches"),
            approaches,
            (TrainingSession.answers, TrainingSession.approaches),
        ),
        text_column("summary", _l("Summary"), TrainingSession.summary, css="cut", sort=()),
        text_column("closed_at", _l("Ended at"), TrainingSession.closed_at, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Summary or who led it"),
            columns=(TrainingSession.summary,),
            people=(TrainingSession.facilitator_id,),
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=SESSION_STATES),
        PersonFilter(name="person", label=_l("Led by"), columns=(TrainingSession.facilitator_id,)),
        PeriodFilter(name="begun", label=_l("Started at"), column=TrainingSession.begun_at),
    ),
    views=[
        View(name="all", label=_l("All"), values={}),
        *(View(name=n, label=c.label, values={"state": n}) for n, c in SESSION_STATES.items()),
    ],
)


def today(context: ListContext) -> date:
    """The day at the site."""
    return context.now.astimezone(SITE_ZONE).date()


def standings(context: ListContext) -> dict[str, dict[str, ItemReadiness]]:
    """Z9: the status of everybody who works here for every skill."""
    return context.once("standings", lambda: _standings(context))


def _standings(context: ListContext) -> dict[str, dict[str, ItemReadiness]]:
    people = [person.id for person in active_people(context.site_id)]
    attestations = db.session.scalars(ReadinessAttestation.for_site(context.site_id)).all()
    sessions = db.session.scalars(TrainingSession.for_site(context.site_id)).all()
    return readiness_matrix(people, attestations, sessions, today(context))


TONES = {"ready": ("ok", "ok"), "soon": ("warn", "clock"), "overdue": ("bad", "alert")}


def standing(item: str, row: Any, context: ListContext) -> Cell:
    """Whether a person knows something, and until when."""
    found = standings(context)[row.id][item]
    tone, icon = TONES.get(found.status, ("dim", "todo"))
    said = context.value("readiness", "status", found.status)
    day = found.refresh_on.isoformat() if found.refresh_on else ""
    return Cell(f"{said} {day}".strip(), tone=tone, icon=icon)


def has_status(status: str, context: ListContext) -> ColumnElement[bool]:
    """Whether a person has this status for any skill."""
    return Person.id.in_(
        id_
        for id_, items in standings(context).items()
        if any(each.status == status for each in items.values())
    )


STATUSES = {
    status: Choice(label=label, condition=partial(has_status, status))
    for status, label in VALUES["status"].items()
    if status != "ready"
}


def attest(id_: str, form: Mapping[str, str]) -> list[Op]:
    """The op that confirms that somebody knows something."""
    payload = {"months": DEFAULT_VALID_MONTHS, **ATTEST_FORM.payload(form), "person": id_}
    return [("readiness.attest", str(uuid4()), payload)]


def item_label(item: str) -> Text:
    """What a skill is called."""
    return VALUES["item"][item]


READINESS = RecordList(
    name="readiness",
    title=_l("Readiness"),
    roles=DESK_ROLES,
    site=Person.site_id,
    id=Person.id,
    show="person.show",
    conditions=lambda _: [works_here()],
    formulas=("Z7", "Z8", "Z9"),
    order="name",
    columns=(
        text_column("name", _l("Name"), Person.name),
        Column("roles", _l("Roles"), lambda row, _: role_names(row.roles), (Person.roles,)),
        *(Column(item, item_label(item), partial(standing, item)) for item in TRAINING_ITEMS),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Name or staff number"),
            columns=(Person.name, Person.employee_no),
        ),
        ChoiceFilter(name="state", label=_l("Any skill"), choices=STATUSES),
        ROLE_FILTER,
    ),
    views=[
        View(name="all", label=_l("All"), values={}),
        *(
            View(name=n, label=c.label, values={"state": n}, alarms=n == "overdue")
            for n, c in STATUSES.items()
        ),
    ],
    actions=(
        BulkAction(
            name="attest",
            label=_l("Confirm a skill"),
            ops=attest,
            inputs=lambda _: ATTEST_FORM.inputs({"months": DEFAULT_VALID_MONTHS}),
            icon="ok",
            explains=_l("You have seen that these people know it."),
        ),
    ),
    template="desk/training_sessions/readiness.html",
)
