"""Telling what stands in the log: values, authors, and the outcome of what was just asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, redirect
from flask_babel import gettext

from server.auth.sessions import current_user
from server.desk import labels, verdict_labels
from server.i18n.locale import localize, moment
from server.models.directory import Directory
from server.oplog.receive import submit
from sync.protocol.clock import parse_time
from sync.protocol.op import SERVER_AUTHOR_ID

PERSON_FIELDS = (
    *("responsible_id", "handler_id", "first_responder_id", "helper_id"),
    *("person_id", "handed_to_id", "to", "person", "assessor_id", "accountable_id"),
    *("worker_id", "answers_id", "attendee"),
    *("for_id", "to_id", "collector_id", "steward_id", "from_id", "given_by_id", "co_receiver_id"),
)
RANGE_FIELDS = ("since", "before")


def submit_and_redirect(
    kind: str, subject: str | None, payload: dict[str, Any], return_url: str, **more: Any
) -> Any:
    """Hand an op of the caller to the one door, and go back to the page with its outcome."""
    who = current_user()
    answer = submit(who.site_id, kind, subject, payload, by=who.person_id, **more)
    said = "" if answer["status"] == "applied" else answer.get("code") or answer["status"]
    mark = "&" if "?" in return_url else "?"
    response: Response = redirect(f"{return_url}{mark}said={said}" if said else return_url, 303)  # type: ignore[assignment]
    return response


def outcome_message(code: str | None) -> str:
    """What the page says about the op that was asked just before."""
    words = (
        verdict_labels.REASON_LABELS
        if code in verdict_labels.REASON_LABELS
        else verdict_labels.STATUS_LABELS
    )
    return label_for(words, code) if code in words else ""


def label_for(labels: dict[str, Any], key: str | None) -> str:
    """The desk's word for something, or the thing's own name when a newer one came."""
    return str(labels.get(key or "", key or ""))


def format_value(name: str, raw: Any, names: Directory) -> str:
    """A field's value as a person reads it."""
    if raw is None or raw == "" or raw == []:
        return {"done_at": gettext("not done"), "cancelled_at": gettext("not cancelled")}.get(
            name, gettext("none")
        )
    if isinstance(raw, bool):
        return gettext("yes") if raw else gettext("no")
    moments = ("_at", "_start", "_end", "_until")
    if isinstance(raw, datetime) or name.endswith(moments) or name in RANGE_FIELDS:
        return _format_time(raw)
    if name == "facts":
        return "; ".join(
            f"{label_for(labels.CASE_FACTS, one['code'])} {one['text']}".strip() for one in raw
        )
    if isinstance(raw, list):
        one = name.removesuffix("s")
        return (
            str(len(raw))
            if name == "photos"
            else ", ".join(format_value(one, r, names) for r in raw)
        )
    if isinstance(raw, dict):
        return localize(raw) if raw.keys() <= {"zh", "en"} else ", ".join(map(str, raw.values()))
    return _directory_name(name, str(raw), names) or label_for(labels.VALUE_LABELS, str(raw))


def author_name(by: str | None, names: Directory) -> str:
    """The author of an op."""
    if by == SERVER_AUTHOR_ID:
        return gettext("Lodge")
    return names.person_name(by) or gettext("unknown person")


def _directory_name(name: str, raw: str, names: Directory) -> str | None:
    if name.endswith("_by_id") or name in PERSON_FIELDS:
        return names.person_name(raw)
    if name in ("area", "area_id", "parent_id"):
        return localize(names.area_label(raw))
    if name in ("contractor_id", "contractor"):
        return names.contractor_name(raw)
    if name in ("unit_id", "host_unit", "unit"):
        return localize(names.unit_label(raw))
    return f"{raw[:8]}…" if name == "sha256" else None


def _format_time(raw: Any) -> str:
    try:
        return moment(parse_time(raw) if isinstance(raw, str) else raw)
    except ValueError:
        return str(raw)
