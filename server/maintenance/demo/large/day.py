"""One day of the large demo, as its activities see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from server.maintenance.demo.ids import demo_id
from server.maintenance.demo.large.estate import Estate
from server.maintenance.demo.large.people import person_id
from server.maintenance.demo.large.phones import Phone


@dataclass(frozen=True, slots=True)
class Day:
    """`start`: midnight in the site's zone; `now`: in UTC, nothing happens after it."""

    estate: Estate
    phones: Mapping[str, Phone]
    start: datetime
    now: datetime

    def at(self, hour: int, minute: int = 0, second: int = 0) -> datetime:
        """A local time of this day, in UTC; hour 24 is the next midnight."""
        local = self.start + timedelta(hours=hour, minutes=minute, seconds=second)
        return local.astimezone(UTC)

    def random(self, activity: str) -> Random:
        return self.estate.random(activity, self.start.date())

    def new_id(self, *names: Any) -> str:
        """The id of a record that begins on this day."""
        return demo_id("otter", self.start.date(), *names)

    def do(
        self, phone: str, at: datetime, kind: str, subject: str, payload: dict[str, Any], by: str
    ) -> bool:
        """Let a person, by key, do something on a phone; False if that is after `now`."""
        if at > self.now:
            return False
        self.phones[phone].do(at, kind, subject, payload, person_id(by))
        return True
