"""Telling what stands in the log: values, authors, and the outcome of what was just asked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response, redirect
from flask_babel import gettext

from server.auth.sessions import here
from server.desk import labels, verdict_labels
from server.i18n.filters import SITE_ZONE
from server.i18n.locale import moment, say
from server.models import Names
from server.oplog.receive import post
from sync.protocol.clock import parse
from sync.protocol.op import SERVER

PEOPLE = (
    *("responsible_id", "handler_id", "first_responder_id", "helper_id"),
    *("person_id", "handed_to_id", "to", "person", "assessor_id", "accountable_id"),
    *("worker_id", "answers_id", "attendee"),
    *("for_id", "to_id", "collector_id", "steward_id", "from_id", "given_by_id", "co_receiver_id"),
)
SPAN = ("since", "before")


def ask(kind: str, subject: str | None, payload: dict[str, Any], back: str, **more: Any) -> Any:
    """Hand an op of the caller to the one door, and go back to the page with its outcome."""
    who = here()
    answer = post(who.site_id, kind, subject, payload, by=who.person_id, **more)
    said = "" if answer["status"] == "applied" else answer.get("code") or answer["status"]
    mark = "&" if "?" in back else "?"
    response: Response = redirect(f"{back}{mark}said={said}" if said else back, 303)  # type: ignore[assignment]
    return response


def outcome(code: str | None) -> str:
    """What the page says about the op that was asked just before."""
    words = verdict_labels.REASONS if code in verdict_labels.REASONS else verdict_labels.STATUSES
    return word(words, code) if code in words else ""


def word(words: dict[str, Any], key: str | None) -> str:
    """The desk's word for something, or the thing's own name when a newer one came."""
    return str(words.get(key or "", key or ""))


def value(name: str, raw: Any, names: Names) -> str:
    """A field's value as a person reads it."""
    if raw is None or raw == "" or raw == []:
        return {"done_at": gettext("not done"), "cancelled_at": gettext("not cancelled")}.get(
            name, gettext("none")
        )
    if isinstance(raw, bool):
        return gettext("yes") if raw else gettext("no")
    moments = ("_at", "_start", "_end", "_until")
    if isinstance(raw, datetime) or name.endswith(moments) or name in SPAN:
        return _time(raw)
    if name == "facts":
        return "; ".join(f"{word(labels.FACTS, one['code'])} {one['text']}".strip() for one in raw)
    if isinstance(raw, list):
        one = name.removesuffix("s")
        return str(len(raw)) if name == "photos" else ", ".join(value(one, r, names) for r in raw)
    if isinstance(raw, dict):
        return say(raw) if raw.keys() <= {"zh", "en"} else ", ".join(map(str, raw.values()))
    return _named(name, str(raw), names) or word(labels.VALUES, str(raw))


def who(by: str | None, names: Names) -> str:
    """The author of an op."""
    if by == SERVER:
        return gettext("Lodge itself")
    return names.person(by) or gettext("somebody unknown")


def _named(name: str, raw: str, names: Names) -> str | None:
    if name.endswith("_by_id") or name in PEOPLE:
        return names.person(raw)
    if name in ("area", "area_id", "parent_id"):
        return say(names.area(raw))
    if name in ("contractor_id", "contractor"):
        return names.contractor(raw)
    if name in ("unit_id", "host_unit", "unit"):
        return say(names.unit(raw))
    return f"{raw[:8]}…" if name == "sha256" else None


def _time(raw: Any) -> str:
    try:
        return moment(parse(raw) if isinstance(raw, str) else raw)
    except ValueError:
        return str(raw)


def local_time(said: str | None) -> datetime | None:
    """A time as a form says it, at the site; what is none is left out."""
    try:
        moment = datetime.fromisoformat(said or "").replace(tzinfo=SITE_ZONE)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.year > 1970 else None


def as_local(moment: datetime) -> str:
    """A time as a form shows it."""
    return moment.astimezone(SITE_ZONE).strftime("%Y-%m-%dT%H:%M:%S")
