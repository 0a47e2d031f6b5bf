"""Telling what stands in the log: values, authors, and the outcome of what was just asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, redirect
from flask_babel import gettext

from server.language import moment, say
from server.oplog import post
from server.pages import verdicts, wording
from server.sessions import here
from server.tables import Names
from sync.clock import parse
from sync.op import SERVER

PEOPLE = (
    *("responsible_id", "handler_id", "first_responder_id", "helper_id"),
    *("person_id", "handed_to_id", "to", "person", "assessor_id", "attendee"),
)


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
    words = verdicts.REASONS if code in verdicts.REASONS else verdicts.STATUSES
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
    if isinstance(raw, datetime) or name.endswith(("_at", "_start", "_end")):
        return _time(raw)
    if isinstance(raw, list):
        one = name.removesuffix("s")
        return str(len(raw)) if name == "photos" else ", ".join(value(one, r, names) for r in raw)
    if isinstance(raw, dict):
        return say(raw) if raw.keys() <= {"zh", "en"} else ", ".join(map(str, raw.values()))
    return _named(name, str(raw), names) or word(wording.VALUES, str(raw))


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
    if name in ("unit_id", "host_unit"):
        return say(names.unit(raw))
    return f"{raw[:8]}…" if name == "sha256" else None


def _time(raw: Any) -> str:
    try:
        return moment(parse(raw) if isinstance(raw, str) else raw)
    except ValueError:
        return str(raw)
