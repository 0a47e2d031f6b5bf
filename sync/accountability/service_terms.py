"""The terms of a service as they were in a period: how often, who was responsible, its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sync.work.plan_versions import PlanVersion

SHOWN_FIELDS = (
    *("label", "responsible_id", "active", "rrule", "rdate", "exdate", "window", "workdays_only"),
)
"""The fields in which two versions differ for a reader of the disclosure."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What applied from `since` to `until`; None where that is the whole of the period's side."""

    since: datetime | None
    until: datetime | None
    fields: Mapping[str, Any]

    @property
    def duty(self) -> Any:
        """The terms as something that recurs."""
        return SimpleNamespace(**self.fields)


@dataclass(frozen=True, slots=True)
class ServiceTerms:
    """A schedule or patrol route in a period. `terms` are those in which it was in use."""

    id: str
    code: str
    label: Mapping[str, str]
    terms: Sequence[Terms]

    @property
    def active(self) -> bool:
        return bool(self.terms)


def service_terms(
    id_: str, versions: Sequence[PlanVersion], start: datetime, end: datetime
) -> ServiceTerms:
    """G1: the terms of a service in [start, end), whatever was changed later.

    `versions` are all of them, the oldest first; there is at least one.
    """
    within = [version for version in versions if version.since < end and version.until > start]
    named = within[-1] if within else versions[0]
    terms = [
        Terms(
            version.since if version.since > start else None,
            version.until if version.until < end else None,
            version.fields,
        )
        for version in _joined(within)
        if version.fields["active"]
    ]
    return ServiceTerms(id_, named.fields.get("code", ""), named.fields["label"], terms)


def _joined(versions: Iterable[PlanVersion]) -> list[PlanVersion]:
    """Versions that follow one another and read the same, as one."""
    joined: list[PlanVersion] = []
    for version in versions:
        if joined and _shown(joined[-1]) == _shown(version):
            joined[-1] = replace(joined[-1], until=version.until)
        else:
            joined.append(version)
    return joined


def _shown(version: PlanVersion) -> list[Any]:
    return [version.fields.get(name) for name in SHOWN_FIELDS]
