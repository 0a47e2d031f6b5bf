"""The forms of lost items: reporting one, and the steps of its case."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext

from server.auth.access import current_user
from server.desk.form_fields import FormField
from server.desk.options import active_contractors
from server.desk.payload_form import PayloadForm
from server.models.lost_property import LostProperty
from server.oplog.directory import directory_of
from sync.service.lost_property import missing_steps, open_requests

OPEN_FORM = PayloadForm(
    "lost.open",
    *("item", "unit", "last_seen_at", "last_seen_where", "holds_personal_data", "channel"),
    *("contact", "declined_because", "details", "next_action", "next_action_at"),
)
STEP_FORMS = {
    "ask": PayloadForm("lost.ask", "party", "answer_until"),
    "state": PayloadForm("lost.state", "party", "said", "declined"),
    "contact": PayloadForm("lost.contact"),
    **{
        step: PayloadForm(f"lost.{step}")
        for step in ("offer_police", "to_police", "find", "return", "tell", "next")
    },
    **{step: PayloadForm(f"lost.{step}") for step in ("contract_out", "close", "reopen")},
}
"""The forms of what the desk may record about a case."""


def open_inputs(site_id: str) -> list[FormField]:
    """The inputs for a new case."""
    return OPEN_FORM.inputs(
        labels={"next_action_at": gettext("Due (tomorrow if empty)")},
    )


def listed_parties(case: LostProperty) -> dict[str, str]:
    """The people on the newest entry list: names by party key."""
    parties: dict[str, str] = case.lists[-1].get("parties", {}) if case.lists else {}
    return parties


def next_step(case: LostProperty, unasked: Mapping[str, str], *, has_newer: bool) -> str:
    """The main step of an open case: the name of its form, or "compile" to list who was there."""
    if not (case.contact or case.declined_because):
        return "contact"
    if case.returned:
        return "tell" if missing_steps(vars(case), "returned") else "close"
    if case.found:
        return "return"
    if case.unit and (not case.lists or has_newer):
        return "compile"
    if unasked:
        return "ask"
    return "state" if open_requests(vars(case)) else "next"


def step_inputs(case: LostProperty) -> dict[str, list[FormField]]:
    """The inputs of every step, by its name."""
    names, contractors = directory_of(case.site_id), active_contractors(case.site_id)
    options = {
        "party": list(listed_parties(case).items()),
        "contractor": [
            (each.id, f"{each.name} · {names.person_name(each.accountable_id) or '–'}")
            for each in contractors
        ],
    }
    values = {"handed_by": current_user().name}
    labels = {"answer": gettext("Police report offered: the resident's answer")}
    return {step: form.inputs(values, options, labels) for step, form in STEP_FORMS.items()}
