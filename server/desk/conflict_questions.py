"""What a conflict asks the desk, in one sentence, and the answers between which it chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from server.desk.labels import field_label, refusal_label, state_label
from server.i18n.locale import translate
from sync import RECORD_TYPES
from sync.protocol.clock import parse_time
from sync.protocol.text import Text, _l

QUESTIONS: Mapping[str, Text] = {
    "after-the-end": _l("Recorded after it was closed: is anything left to do?"),
    "called-at-a-wrong-hour": _l("Called at a wrong hour: was that in order?"),
    "called-while-paused": _l("Called while a complaint was waiting: was that in order?"),
    "feedback-too-early": _l("Feedback before the work was done: ask again?"),
    "feedback-without-reason": _l("Somebody else gave the feedback: was that in order?"),
    "handed-over-by-another": _l("Handed over by somebody else: was that in order?"),
    "left-again": _l("When did they leave?"),
    "left-before-arriving": _l("Left before arriving: which time is right?"),
    "no-such-item": _l("The item is unknown: what was done?"),
    "not-an-attendee": _l("Not on the list: who was there?"),
    "not-the-facilitator": _l("Who led this training?"),
    "not-the-handler": _l("Who handles this?"),
    "not-the-role": _l("Accepted by another trade: who is to do it?"),
    "not-the-subject": _l("Whose statement is this?"),
    "not-told-item-by-item": _l("Not told item by item: call again?"),
    "note-missing": _l("No work clothes and no reason: what was it?"),
    "number-changed": _l("Does the resident know the new number?"),
    "other-firm": _l("Another firm did it: was that agreed?"),
    "own-word": _l("Confirmed by themselves: who confirms it instead?"),
    "refused-though-inside": _l("Refused or let in?"),
    "self-inspection": _l("Inspected their own work: who looks again?"),
    "signed-by-another": _l("Signed by somebody else: was the handover in order?"),
    "skipped-though-done": _l("Done or left out?"),
    "stated-after-decision": _l("A statement after the decision: decide again?"),
    "verified-own-work": _l("Checked by themselves: who checks it instead?"),
}
"""What a flag asks. One that is not here is asked whether it is in order."""

COUNTERPARTS: Mapping[str, tuple[str, ...]] = {
    "feedback-too-early": ("ticket.hand_over", "ticket.accept", "ticket.open"),
    "left-again": ("visit.depart", "entry.end"),
    "left-before-arriving": ("visit.arrive", "visit.admit", "visit.expect", "entry.begin"),
    "refused-though-inside": ("visit.arrive", "visit.admit"),
    "signed-by-another": ("shift.hand_over",),
    "skipped-though-done": ("task.complete", "task.tick", "task.confirm"),
    "stated-after-decision": ("case.decide",),
    "verified-own-work": ("rectification.complete",),
}
"""The kinds of the op with which a flagged one does not agree: that is the other side."""


def question_text(conflict: Any, states: tuple[str, str]) -> str:
    """The question of a conflict. `states` are the labels of the states in which its record would
    be after either answer."""
    if conflict.rule in QUESTIONS:
        return translate(QUESTIONS[conflict.rule])
    if not conflict.incoming:
        return gettext("%(what)s Is that in order?", what=refusal_label(conflict.rule))
    if states[0] != states[1]:
        return gettext("%(one)s or %(other)s?", one=states[0], other=states[1])
    names = [name for name in conflict.incoming if not name.endswith("_by_id")]
    if len(names) == 1:
        field = field_label(conflict.subject_type, names[0])
        return gettext("%(field)s: which is right?", field=field)
    return gettext("Which is right?")


def states_after(conflict: Any, record: Mapping[str, Any]) -> tuple[str, str]:
    """The labels of the states of a record if it stays as it is, and with the other side; empty if
    there is no such record."""
    if not record:
        return "", ""
    stays = _with_values(record, conflict.theirs) if conflict.settled_at else record
    changed = _with_values(record, conflict.incoming)
    return _state_label(conflict.subject_type, stays), _state_label(conflict.subject_type, changed)


def _state_label(type_: str, record: Mapping[str, Any]) -> str:
    return state_label(type_, RECORD_TYPES[type_].state(record))


def _with_values(record: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {**record, **{name: _parsed(name, value) for name, value in values.items()}}


def _parsed(name: str, value: Any) -> Any:
    """A value of a conflict as the column holds it: times are stored as text there."""
    is_time = name.endswith(("_at", "_start", "_end")) and isinstance(value, str)
    return parse_time(value) if is_time else value
