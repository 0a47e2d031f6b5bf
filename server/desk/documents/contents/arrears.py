"""What a home owes, and how it was asked for it."""

from __future__ import annotations

from flask import abort
from flask_babel import gettext

from server.auth.access import current_user, get_or_404
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Document, Facts, Paragraph, Section, Story, Table
from server.desk.documents.sources import (
    author,
    events,
    full_time,
    home,
    log_mark,
    person,
    said,
    site_label,
    words,
)
from server.desk.labels import state_label
from server.i18n.filters import money
from server.models.arrears import ArrearsAccount
from server.oplog.receive import ops_about
from sync.protocol.roles import FRONT_DESK_ROLES
from sync.service.arrears import owed_cents, state
from sync.service.arrears.rules import FORBIDDEN_ROLES


def build(id_: str) -> Document:
    """U8: a guard gets 403, whatever other roles they have."""
    if current_user().has_role(*FORBIDDEN_ROLES):
        abort(403)
    account = get_or_404(ArrearsAccount, id_)
    ops = ops_about(account.site_id, account.id)
    rows = [[line["what"], line["period"], money(line["cents"])] for line in account.lines]
    columns = [gettext("Fee"), gettext("Period"), "¥"]
    sections = [
        Section(gettext("Amounts owed"), [Table(columns, rows, gettext("nothing"))]),
        Section(gettext("What happened"), [Story(events(ops))]),
    ]
    if account.paused_by:
        text = gettext("Collection is paused until the complaint has been answered.")
        sections.insert(0, Section("", [Paragraph(text, is_warning=True)]))
    return Document(
        words(gettext("Arrears"), home(account.unit)),
        subtitle=site_label(),
        facts=_facts(account),
        sections=sections,
        signatures=[gettext("Collector"), gettext("Resident"), gettext("Date")],
        footer=log_mark(ops),
    )


def _facts(account: ArrearsAccount) -> Facts:
    hours = ", ".join(account.windows) or "09:00-20:00"
    asked = author(account.visit_asked_by_id, account.id, account.visit_asked_at)
    allowed = author(account.visit_approved_by_id, account.id, account.visit_approved_at)
    return said(
        [
            (gettext("Still owed"), f"¥ {money(owed_cents(vars(account)))}"),
            (gettext("Progress"), state_label("arrears", state(vars(account)))),
            (gettext("Ledger of"), full_time(account.ledger_at)),
            (
                gettext("Paid since then"),
                f"¥ {money(account.paid_cents)}" if account.paid_cents else "",
            ),
            (gettext("Call hours"), gettext("Do not call") if account.do_not_call else hours),
            (gettext("Appointment"), full_time(account.appointment_at)),
            (gettext("Collector"), person(account.collector_id)),
            (gettext("Visit requested"), asked if account.visit_asked_at else ""),
            (gettext("Visit allowed by"), allowed if account.visit_approved_at else ""),
            (gettext("Last visit"), full_time(account.visited_at)),
        ]
    )


DOCUMENT = DocumentType(
    "arrears", "/desk/arrears/<id>", FRONT_DESK_ROLES, build, logged_as="arrears"
)
