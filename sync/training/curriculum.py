"""The skills that everybody is trained in, and for how long a training is valid."""

from __future__ import annotations

from datetime import date, datetime

from dateutil.relativedelta import relativedelta

from sync.protocol.clock import SITE_ZONE

DEFAULT_VALID_MONTHS, MAX_VALID_MONTHS = 12, 60
"""For how many months a skill is valid: by default, and at most."""

TRAINING_ITEMS: dict[str, tuple[str, frozenset[str]]] = {
    "etiquette": ("F17", frozenset({"etiquette", "phrases", "flow"})),
    "services": ("F18", frozenset({"services"})),
    "standards": ("F18", frozenset({"standards"})),
    "fees": ("F18", frozenset({"fees"})),
    "posts": ("F19", frozenset({"posts"})),
    "company": ("F20", frozenset({"company"})),
    "estates": ("F20", frozenset({"estates"})),
    "responsibility": ("F21", frozenset({"cases"})),
}
"""Each skill with its clause and the groups of cards that teach it."""


def refresh_date(learnt_at: datetime, months: int = DEFAULT_VALID_MONTHS) -> date:
    """Z7: the same day after so many months, or the last day of a shorter month."""
    return learnt_at.astimezone(SITE_ZONE).date() + relativedelta(months=months)
