"""Training sessions with their answers, and attested readiness."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory
from server.models.registry import StoredType
from sync.training.training_sessions import approach_counts


class TrainingSession(Model):
    __tablename__ = "training"
    __table_args__ = (Index(None, "site_id", "begun_at"), Index(None, "site_id", "closed_at"))

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    facilitator_id: Mapped[str]
    begun_at: Mapped[datetime]
    cards: Mapped[list[str]] = mapped_column(JSON, default=list)
    case: Mapped[str | None]
    prompts: Mapped[list[str]] = mapped_column(JSON, default=list)
    approaches: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    attendees: Mapped[list[str]] = mapped_column(JSON, default=list)
    answers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    summary: Mapped[str | None]
    acknowledged: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    closed_at: Mapped[datetime | None]
    late: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """Sessions of a site, newest first."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.begun_at.desc(), cls.id)

    @classmethod
    def with_case_study(cls, site_id: str) -> Select[Any]:
        """Sessions in which a case was discussed, newest first."""
        return cls.for_site(site_id).where(cls.case.is_not(None))


class ReadinessAttestation(Model):
    __tablename__ = "readiness"
    __table_args__ = (Index(None, "site_id", "person"),)

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str]
    item: Mapped[str]
    months: Mapped[int]
    note: Mapped[str | None]
    attested_at: Mapped[datetime]
    attested_by_id: Mapped[str]
    refresh_on: Mapped[str]
    of_self: Mapped[bool]
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """Attestations of a site, newest first."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.attested_at.desc(), cls.id)


def session_phone_body(session: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a session for phones.

    Once it is closed, it has no answers but the times of those of latecomers, and `tally` is how
    often each approach was chosen.
    """
    hidden = ("site_id", "version")
    shown = {name: value for name, value in session.items() if name not in hidden}
    closed, answers = bool(session["closed_at"]), session["answers"]
    return {
        **shown,
        "answers": _times_of_late_answers(session)
        if closed
        else _current_answers(answers, ("text", "approach", "at")),
        "tally": dict(approach_counts(answers)) if closed else None,
    }


def _times_of_late_answers(session: Mapping[str, Any]) -> dict[str, Any]:
    """When latecomers answered, so that a phone does not ask them again."""
    answers, late = session["answers"], session["late"] or {}
    return _current_answers({id_: answers[id_] for id_ in answers if id_ in late}, ("at",))


def _current_answers(
    answers: Mapping[str, Mapping[str, Mapping[str, Any]]], wanted: tuple[str, ...]
) -> dict[str, Any]:
    """The current answer of each person; superseded ones are for the desk only."""
    return {
        person: {
            prompt: {name: answer[name] for name in wanted} for prompt, answer in by_prompt.items()
        }
        for person, by_prompt in answers.items()
    }


def readiness_phone_body(readiness: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of an attestation: the skill, and until when it is valid."""
    shown = ("id", "person", "item", "attested_at", "attested_by_id", "refresh_on", "of_self")
    return {name: readiness[name] for name in shown}


RECORDS = {
    "session": StoredType(
        TrainingSession,
        session_phone_body,
        {"facilitator": "facilitator_id", "attendee_names": "attendees"},
    ),
    "readiness": StoredType(
        ReadinessAttestation, readiness_phone_body, {"attested_by": "attested_by_id"}
    ),
}
