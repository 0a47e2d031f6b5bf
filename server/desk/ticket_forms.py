"""The forms of tickets: opening and editing one, transferring it, and recording facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from server.auth.access import get_or_404
from server.desk.form_fields import FormField, Options
from server.desk.labels import role_label, value_label, value_labels
from server.desk.options import (
    active_contractors,
    active_people,
    area_options,
    person_options,
)
from server.desk.payload_form import PayloadForm
from server.models.contractors import Contractor
from server.models.people import Person
from sync.protocol.roles import TRADES

OPEN_FORM = PayloadForm(
    "ticket.open",
    *("channel", "matter", "category", "details", "unit", "area", "contact", "declined_because"),
    *("urgency", "promised_at", "item", "quantity", "condition", "holder"),
    *("done_on_the_spot", "reaction"),
)
REVISE_FORM = PayloadForm(
    "ticket.revise",
    *("channel", "matter", "category", "details", "contact", "declined_because"),
    *("unit", "area", "urgency"),
)
FACT_FORMS = {
    "give_back": PayloadForm("ticket.give_back"),
    "hold": PayloadForm("ticket.hold"),
    "escalate": PayloadForm("ticket.escalate"),
    "follow": PayloadForm("ticket.follow"),
    "promise": PayloadForm("ticket.promise"),
    "inform": PayloadForm("ticket.inform", "said", "promised_at", "because"),
    "resolve": PayloadForm("ticket.resolve"),
    "feed_back": PayloadForm("ticket.feed_back", "reaction", "note", "because"),
    "enquire": PayloadForm("ticket.enquire"),
    "register": PayloadForm("ticket.register", "item", "quantity", "condition", "holder"),
    "pass_on": PayloadForm("ticket.pass_on"),
    "return_item": PayloadForm("ticket.return_item"),
    "reopen": PayloadForm("ticket.reopen"),
}
"""The forms of what the desk may record about a ticket."""


def place_options(site_id: str) -> dict[str, Options]:
    """The areas that a ticket may be about; its home is typed."""
    return {"area": area_options(site_id)}


def fact_inputs(site_id: str) -> dict[str, list[FormField]]:
    """The inputs of every fact's form, by its kind."""
    people = active_people(site_id)
    leaders = [person for person in people if {"supervisor", "manager"} & set(person.roles)]
    options = {"for_id": person_options(people), "to_id": person_options(leaders)}
    inputs = {kind: form.inputs(options=options) for kind, form in FACT_FORMS.items()}
    reasons = list(value_labels("ticket", "escalate.reason").items())
    receiver_labels = {"pass_on": gettext("Passed on to"), "return_item": gettext("Returned to")}
    for kind, label in receiver_labels.items():
        inputs[kind] = FACT_FORMS[kind].inputs(labels={"to": label})
    inputs["escalate"] = FACT_FORMS["escalate"].inputs(options={**options, "reason": reasons})
    return inputs


FIELDS_OF_GROUP = {
    "about": ("channel", "matter", "category", "details", "urgency"),
    "place": ("unit", "area"),
    "contact": ("contact", "declined_because"),
}
"""The fields of a ticket that are edited together."""


def revise_groups(
    values: Mapping[str, Any], options: Mapping[str, Options]
) -> dict[str, list[FormField]]:
    """The inputs to edit a ticket where its properties stand, by group."""
    inputs = {each.name: each for each in REVISE_FORM.inputs(values, options)}
    return {group: [inputs[name] for name in names] for group, names in FIELDS_OF_GROUP.items()}


def receivers(site_id: str) -> dict[str, Any]:
    """To whom a ticket may be transferred: people, roles and contractors."""
    people = active_people(site_id)
    return {
        "people": people,
        "roles": sorted({role for person in people for role in person.roles}),
        "contractors": active_contractors(site_id),
    }


def receiver_options(site_id: str) -> Options:
    """Everybody to whom a ticket may be transferred, as the choices of one input."""
    to = receivers(site_id)
    return [
        *((f"person:{each.id}", each.name) for each in to["people"]),
        *(
            (f"role:{role}", gettext("On duty: %(role)s", role=role_label(role)))
            for role in to["roles"]
        ),
        *((f"trade:{trade}", value_label("ticket", "trade", trade)) for trade in TRADES),
        *((f"firm:{firm.id}", f"{firm.name} · {firm.service}") for firm in to["contractors"]),
    ]


RECEIVER_INPUTS = dict.fromkeys(
    ("handler_id", "role", "trade", "contractor_id", "accountable_id"), "to"
)
"""The input that each field of a receiver comes from."""


def handed_over(to: str, reason: str) -> dict[str, Any]:
    """The payload that hands a ticket over: to a person, a role, a trade, or a contractor through
    its accountable manager. Aborts with 404 for somebody who does not exist."""
    receiver_type, _, receiver = to.partition(":")
    if receiver_type == "person":
        payload = {"handler_id": get_or_404(Person, receiver).id}
    elif receiver_type == "firm":
        contractor = get_or_404(Contractor, receiver)
        payload = {"contractor_id": contractor.id, "accountable_id": contractor.accountable_id}
    elif receiver_type == "trade":
        payload = {"role": "repair", "trade": receiver}
    else:
        payload = {"role": receiver}
    return payload | ({"reason": reason.strip()} if reason.strip() else {})
