"""Questions that settle themselves: what arrived later shows that a flagged fact was in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sync.protocol.conflict_resolution import to_json_value
from sync.protocol.op import Accepted, Fold, HistoryEntry, Op, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class FlaggedFact:
    """A fact that was flagged when it arrived, and all that is known about its record by now.

    `beginning` is the op that created the record, `others` are its other facts but for this one.
    """

    rule: Rule
    fold: Fold
    record: Any
    op: Op
    beginning: HistoryEntry
    others: Sequence[HistoryEntry]
    itself: HistoryEntry

    def flag_at_its_time(self) -> str | None:
        """The flag that the fact would get had it arrived in the order of the times."""
        at = _order(self.itself)
        return self._flag([entry for entry in self.others if _order(entry) < at])

    def flag_beside_others(self) -> str | None:
        """The flag that the fact would get had it arrived last."""
        return self._flag(self.others)

    def is_taken_back(self) -> bool:
        """Whether the record would be the same, but for photos, without the fact."""
        without, everything = self._folded(self.others), self._folded([*self.others, self.itself])
        return all(without[name] == everything[name] for name in without if name != "photos")

    def _flag(self, facts: Sequence[HistoryEntry]) -> str | None:
        record = SimpleNamespace(**{**vars(self.record), **self._folded(facts)})
        verdict = self.rule(record, self.op)
        return verdict.flag if isinstance(verdict, Accepted) else None

    def _folded(self, facts: Sequence[HistoryEntry]) -> dict[str, Any]:
        known = [self.beginning, *(entry for entry in facts if entry.id != self.beginning.id)]
        return self.fold(self.record, sorted((e for e in known if e.fact), key=_order))


def _order(entry: HistoryEntry) -> tuple[Any, str]:
    return entry.occurred_at, entry.id


def _fine_at_its_time(fact: FlaggedFact) -> bool:
    return fact.flag_at_its_time() is None


def _fine_beside_others(fact: FlaggedFact) -> bool:
    return fact.flag_beside_others() is None


def _fine_or_taken_back(fact: FlaggedFact) -> bool:
    return _fine_beside_others(fact) or fact.is_taken_back()


def _taken_back(fact: FlaggedFact) -> bool:
    return fact.is_taken_back()


def _has(*fields: str) -> Callable[[FlaggedFact], bool]:
    """Whether whoever should have done it has done it by now: one of these fields is set."""
    return lambda fact: any(getattr(fact.record, name, None) for name in fields)


def _later(field: str) -> Callable[[FlaggedFact], bool]:
    """Whether this time of the record is after the fact."""

    def is_later(fact: FlaggedFact) -> bool:
        at = getattr(fact.record, field, None)
        return bool(at and at > fact.op.occurred_at)

    return is_later


def _never_let_in(fact: FlaggedFact) -> bool:
    return getattr(fact.record, "arrived_at", None) is None


def _said_by_the_subject(fact: FlaggedFact) -> bool:
    field = {
        "case.state": "stated_at",
        "case.acknowledge": "acknowledged_at",
        "case.appeal": "appealed_at",
    }.get(fact.op.kind, "")
    return bool(getattr(fact.record, field, None))


MootTest = Callable[[FlaggedFact], bool]
MOOT_TESTS: Mapping[str, Sequence[MootTest]] = {
    "after-the-end": (_fine_at_its_time,),
    "called-while-paused": (_fine_at_its_time,),
    "cancelled-though-done": (_fine_or_taken_back,),
    "done-after-cancel": (_fine_or_taken_back,),
    "feedback-too-early": (_fine_at_its_time, _later("feedback_at")),
    "feedback-without-reason": (_fine_at_its_time, _later("feedback_at")),
    "left-again": (_fine_beside_others,),
    "left-before-arriving": (_fine_beside_others,),
    "no-such-item": (_fine_or_taken_back,),
    "not-an-attendee": (_fine_beside_others,),
    "not-the-facilitator": (_has("summary"),),
    "not-the-handler": (_fine_at_its_time,),
    "not-the-role": (_later("handed_at"),),
    "not-the-subject": (_said_by_the_subject,),
    "other-firm": (_taken_back,),
    "refused-though-inside": (_never_let_in,),
    "signed-by-another": (_fine_beside_others, _has("taken_over_at")),
    "skipped-though-done": (_fine_or_taken_back,),
    "stated-after-decision": (_later("decided_at"),),
    "verified-own-work": (_fine_at_its_time, _has("verified_at")),
}
"""When the question about a flag is moot: one of the tests holds. A flag that is not here waits
for the desk, because nothing that arrives later can answer it."""


SAME_QUESTION = {"cancelled-though-done": "done-after-cancel"}
"""Flags that ask the desk the same as another one: does the cancellation stand?"""

ANSWERED_BY_ANOTHER = {"own-word": ("person", "item"), "self-inspection": ("slot",)}
"""M7: flags of what people said about themselves. Somebody else's record of the same type with the
same values in these fields answers the question."""


def question_of(flag: str) -> str:
    """What the desk is asked by a flag."""
    return SAME_QUESTION.get(flag, flag)


def answers_another(flag: str, record: Any, flagged: Any) -> bool:
    """M7: whether a record says by somebody else what the flagged one said of its author."""
    fields = ANSWERED_BY_ANOTHER.get(flag, ())
    same = all(getattr(record, name) == getattr(flagged, name) for name in fields)
    return bool(fields) and same and not record.of_self


def is_moot(flag: str, fact: FlaggedFact) -> bool:
    """M7: whether what arrived since makes the question about a flagged fact superfluous."""
    return any(test(fact) for test in MOOT_TESTS.get(flag, ()))


def stands_already(incoming: Mapping[str, Any], record: Any) -> bool:
    """M7: whether a contested decision wants what the record says by now anyway.

    Who did it and when does not matter, but for a decision about nothing else.
    """
    current = {name: to_json_value(getattr(record, name, None)) for name in incoming}
    names = [name for name in incoming if not name.endswith(("_at", "_by_id"))] or list(incoming)
    return bool(names) and all(current[name] == incoming[name] for name in names)
