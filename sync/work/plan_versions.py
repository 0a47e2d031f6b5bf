"""The versions of a schedule or a patrol route: what it required, and from when on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from sync.work.recurrence import ALL_TIME, Window, local_midnight


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What one op set of a schedule or a route: the fields of its payload, loaded.

    It applies `since` it was asked for, or from the later day that the op names.
    """

    since: datetime
    fields: Mapping[str, Any]

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any], asked_at: datetime, tzid: str) -> PlanChange:
        """`payload` is loaded, and `asked_at` the time at which the server received the op."""
        fields = dict(payload)
        from_on = fields.pop("from_on", None)
        since = local_midnight(from_on, tzid) if from_on else asked_at
        return cls(max(since, asked_at), fields)


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """All fields of a schedule or a route, and the time from `since` to `until` in which they
    apply."""

    since: datetime
    until: datetime
    fields: Mapping[str, Any]

    def begins_in(self, window_start: datetime) -> bool:
        """Whether this version decides about a window that begins at `window_start`."""
        return self.since <= window_start < self.until

    def as_duty(self, id_: str) -> Any:
        """The version as something that recurs, without versions of its own."""
        return SimpleNamespace(**self.fields, id=id_, before=[])


def plan_versions(changes: Sequence[PlanChange]) -> list[PlanVersion]:
    """R10: the versions that ops lead to, the oldest first, from the op that added the plan on.

    `changes` are in the order in which the ops were made. Of two that set the same field, the later
    one counts from its own day on. Before the first version nothing is required, so nothing is
    planned whose window began before somebody asked for it.
    """
    moments = sorted({change.since for change in changes})
    return [
        PlanVersion(since, until, _fields_at(changes, since))
        for since, until in pairwise([*moments, ALL_TIME[1]])
    ]


def version_at(versions: Iterable[PlanVersion], moment: datetime) -> PlanVersion | None:
    """The version that applies at a time; None before the first."""
    return next((version for version in versions if version.begins_in(moment)), None)


def responsible_id(versions: Iterable[PlanVersion], window: Window, now: datetime) -> str | None:
    """R8: who answers for a window now: before it begins whoever will then, once it is over whoever
    did when it began."""
    start, end = window
    version = version_at(versions, max(start, now) if now < end else start)
    return version.fields["responsible_id"] if version else None


def _fields_at(changes: Iterable[PlanChange], moment: datetime) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for change in changes:
        if change.since <= moment:
            fields.update(change.fields)
    return fields
