"""The cards of conflicts as the pages show them: the question, two sides, what will be after each
answer, and what speaks against them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

from server.auth.access import current_user
from server.desk import labels
from server.desk.conflict_cards import Card, Question, events_about
from server.desk.conflict_questions import COUNTERPARTS, question_text, states_after
from server.desk.doubts import PhoneDoubts, op_doubts, phone_doubts
from server.desk.formatting import author_name, labelled_values
from server.desk.history import sync_delay
from server.desk.story import Event
from server.i18n.locale import localize
from server.models.conflicts import Conflict
from server.models.directory import Directory
from server.models.oplog import APPLIED_STATUSES
from server.oplog.directory import directory_of
from sync.protocol.conflict_resolution import to_json_value
from sync.review.conflicts import combined_values

EDITABLE_FIELDS = ("details", "note", "contact")
"""Fields for which the desk may enter another value."""

OMITTED_WHEN_EMPTY = ("cancelled_by_id", "cancel_reason")
"""Fields that are not shown when they are empty."""

MAX_TITLE = 24
SEEN_BY_RULE = ("same-field", "unseen-fact", "other-fields", "same-value")
"""Rules of conflicts between decisions: their op has no flag of that name."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of two answers: what it says, who said so, what it leads to, and what speaks against it.

    `event` is None for what was planned. `state` is the record's state if this side is chosen.
    """

    answer: str
    values: list[tuple[str, str]]
    event: Event | None
    state: str
    doubts: list[str]


@dataclass(frozen=True, slots=True)
class SameQuestion:
    """Another record with the same question: its name, who did it, when, and what is doubtful."""

    question: Question
    name: str
    author: str
    is_late: bool


@dataclass(frozen=True, slots=True)
class CardView:
    """A card with its texts. `more` are further ops of the record that ask the same, `items` the
    parts of the record that all of them are about."""

    lead: Question
    conflict: Conflict
    type: str
    name: str
    question: str
    rule: str
    theirs: Side
    incoming: Side
    more: list[Event]
    items: list[str]
    same: list[SameQuestion]
    combined: bool
    editable: dict[str, str]
    taken_label: str

    @property
    def count(self) -> int:
        return 1 + len(self.same)

    @property
    def has_choice(self) -> bool:
        """Whether the other side can be taken; a flag without one is only looked at."""
        return bool(self.conflict.incoming)

    @property
    def chosen_answer(self) -> str:
        """What was chosen: the answer of a side, else how both were put together."""
        sides = {"theirs": self.theirs, "incoming": self.incoming}
        side = sides.get(self.conflict.taken or "")
        return side.answer if side else self.taken_label


def card_views(cards: Sequence[Card]) -> list[CardView]:
    """The views of these cards of the current user's site."""
    site = current_user().site_id
    names, phones = directory_of(site), phone_doubts(site)
    found = events_about(site, [card.lead.conflict.subject for card in cards])
    return [_view(card, found.get(card.lead.conflict.subject, []), names, phones) for card in cards]


def record_name(question: Question, names: Directory) -> str:
    """What a record is called: its number, the place and home that it is about, its title and the
    person that it is about."""
    record, title = question.record, localize(question.title())
    number, details = record.get("number") or "", record.get("details") or ""
    short = details[:MAX_TITLE] + "…" if len(details) > MAX_TITLE else details
    person = names.person_name(record.get("person_id") or record.get("person"))
    places = [localize(label) for label in question.places(names)]
    parts = [number, *places, "" if title == number else title, short, person]
    return " · ".join(filter(None, parts))


def _view(card: Card, events: list[Event], names: Directory, phones: PhoneDoubts) -> CardView:
    question, conflict = card.lead, card.lead.conflict
    by_id = {event.line.op.id: event for event in events}
    incoming = by_id.get(conflict.op_id)
    states = states_after(conflict, question.record)
    more = [by_id[id_] for id_ in conflict.more_op_ids or () if id_ in by_id]
    other = _other_event(incoming, events, conflict)
    found = conflict.theirs if conflict.settled_at else _current_values(question)
    return CardView(
        lead=question,
        conflict=conflict,
        type=labels.type_label(conflict.subject_type),
        name=record_name(question, names),
        question=question_text(conflict, states),
        rule=labels.refusal_label(conflict.rule),
        theirs=_side(conflict, found, other, states, 0, names, phones),
        incoming=_side(conflict, conflict.incoming, incoming, states, 1, names, phones),
        more=more,
        items=_items([incoming, *more]),
        same=[_same(each, names) for each in card.same],
        combined=bool(combined_values(conflict.theirs, conflict.incoming)),
        editable={
            name: str(conflict.incoming[name] or "")
            for name in EDITABLE_FIELDS
            if name in conflict.incoming
        },
        taken_label=labels.value_label("merge", "taken", conflict.taken or ""),
    )


def _current_values(question: Question) -> dict[str, Any]:
    """What the record says by now in the fields that the conflict is about."""
    return {name: to_json_value(question.record.get(name)) for name in question.conflict.theirs}


def _side(
    conflict: Conflict,
    values: Mapping[str, Any],
    event: Event | None,
    states: tuple[str, str],
    number: int,
    names: Directory,
    phones: PhoneDoubts,
) -> Side:
    shown = _labelled_values(conflict.subject_type, values, names)
    flag = () if conflict.rule in SEEN_BY_RULE else (conflict.rule,)
    doubts = op_doubts(event.line, phones, shown=flag) if event else []
    if not number and conflict.settled_at is None and values != conflict.theirs:
        doubts = [gettext("Changed again since."), *doubts]
    answer = _answer(conflict, shown, event, states, number)
    return Side(answer, shown, event, states[number] if conflict.incoming else states[0], doubts)


def _answer(
    conflict: Conflict,
    shown: list[tuple[str, str]],
    event: Event | None,
    states: tuple[str, str],
    number: int,
) -> str:
    """What a side says, in a few words."""
    if conflict.incoming and states[0] != states[1]:
        return states[number]
    if len(shown) == 1:
        return shown[0][1]
    if shown:
        return gettext("Current version") if not number else gettext("New version")
    return event.line.action_label if event else states[0]


def _items(events: Iterable[Event | None]) -> list[str]:
    """The names of the items that these ops tick."""
    field = labels.field_label("task", "item")
    fields = (each for event in events if event for each in event.line.fields)
    texts = (text for name, text in fields if name == field)
    return list(dict.fromkeys(texts))


def _same(question: Question, names: Directory) -> SameQuestion:
    op = question.op
    return SameQuestion(
        question,
        record_name(question, names),
        author_name(op.by, names) if op else "",
        op is not None and sync_delay(op) is not None,
    )


def _other_event(incoming: Event | None, events: list[Event], conflict: Conflict) -> Event | None:
    """The op that wrote the values which the incoming op found, or with which it does not agree."""
    kinds = COUNTERPARTS.get(conflict.rule, ())
    earlier = [
        event
        for event in events
        if incoming is not None
        and (op := event.line.op).id != incoming.line.op.id
        and op.status in APPLIED_STATUSES
        and (op.kind in kinds or op.changes.keys() & conflict.theirs.keys())
        and (op.place < incoming.line.op.place or op.kind in kinds)
    ]
    return earlier[-1] if earlier else None


def _labelled_values(
    type_: str, values: Mapping[str, Any], names: Directory
) -> list[tuple[str, str]]:
    shown = {
        name: value
        for name, value in values.items()
        if labels.has_field_label(type_, name)
        and not (name in OMITTED_WHEN_EMPTY and value is None)
    }
    return labelled_values(type_, shown, names)
