"""The list of cards: the texts that staff read on their phones."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, select

from server.auth.access import current_user
from server.db.engine import db
from server.desk.lists import (
    BulkAction,
    Cell,
    Choice,
    ChoiceFilter,
    Column,
    ListContext,
    RecordList,
    ValueFilter,
    View,
    WordsFilter,
    choice_column,
    day_column,
    label_column,
    text_column,
)
from server.models.cards import Card
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.protocol.text import _l, _lp
from sync.training.cards import KINDS, state

EDITORS = KINDS["card.add"].roles

STATES = {
    "in_use": Choice(
        label=_lp("record in use", "in use"), condition=lambda _: Card.withdrawn_at.is_(None)
    ),
    "awaiting": Choice(
        label=_l("no content yet"),
        condition=lambda _: and_(Card.withdrawn_at.is_(None), Card.status == "awaiting"),
    ),
    "withdrawn": Choice(label=_l("withdrawn"), condition=lambda _: Card.withdrawn_at.is_not(None)),
}
TONES = {"awaiting": ("warn", "alert"), "withdrawn": ("dim", "x")}


def said_state(row: Any, context: ListContext) -> Cell:
    """Whether the card can be read."""
    name = state(row._mapping)
    return Cell(context.state("card", name), *TONES.get(name, ("", "")))


def texts(context: ListContext) -> dict[str, str]:
    """What to look for words in, by card: titles and texts in all languages."""
    query = select(Card.id, Card.title, Card.body).where(Card.site_id == context.site_id)
    return {
        row.id: " ".join([*row.title.values(), *row.body.values()])
        for row in db.session.execute(query)
    }


CARDS = RecordList(
    name="cards",
    title=_l("Cards"),
    roles=FRONT_DESK_ROLES,
    site=Card.site_id,
    id=Card.id,
    show="cards.show",
    empty=_l("No cards yet. Import the handbook, or add one."),
    order="order",
    columns=(
        text_column("code", _l("Code"), Card.code),
        label_column("title", _l("Title"), Card.title, css="cut"),
        text_column("phrase", _l("Phrase"), Card.phrase, css="cut"),
        choice_column("group", _l("Group"), Card.group, "card"),
        Column(
            "state",
            _l("Status"),
            said_state,
            (Card.withdrawn_at, Card.status),
            (Card.withdrawn_at, Card.status),
        ),
        text_column("edition", _lp("card", "Edition"), Card.edition, css="num"),
        text_column("pack", _l("Content pack"), Card.pack, shown=False),
        text_column("order", _l("Position"), Card.order, sort=(Card.order, Card.code), shown=False),
        text_column("clause", _l("Clause"), Card.clause, shown=False),
        day_column("withdrawn_at", _l("Withdrawn at"), Card.withdrawn_at, shown=False),
    ),
    filters=(
        WordsFilter(
            name="words",
            label=_l("Code or words"),
            columns=(Card.code, Card.phrase),
            named={Card.id: texts},
        ),
        ChoiceFilter(name="state", label=_l("Status"), choices=STATES, default="in_use"),
        ValueFilter(
            name="group", label=_l("Group"), column=Card.group, record_type="card", field="group"
        ),
    ),
    views=[
        *(View(name=n, label=c.label, values={"state": n}) for n, c in STATES.items()),
        View(name="all", label=_l("All"), values={"state": "any"}),
    ],
    actions=(
        BulkAction(
            name="withdraw",
            label=_l("Withdraw"),
            ops=lambda id_, _: [("card.withdraw", id_, {})],
            roles=EDITORS,
            icon="x",
            explains=_l("Phones stop showing these cards."),
        ),
    ),
    template="desk/cards/index.html",
    extra=lambda: {"may_change": current_user().has_role(*EDITORS)},
)
