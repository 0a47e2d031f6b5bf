"""The monthly disclosure to residents (Civil Code, article 943): services, who answers, agreed
quality, fees, fulfilment, the maintenance fund, and the income of common parts. What a site has not
filled in is named."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext
from sqlalchemy import select

from server.auth.access import current_user
from server.db.engine import db
from server.desk.documents.document_type import DocumentType
from server.desk.documents.model import Block, Document, Paragraph, Section, Table
from server.desk.documents.months import (
    month_of,
    per_cent,
    pest_control_table,
    unless_over,
    work_table,
)
from server.desk.documents.sources import as_of, newest_op, person, site_label, site_mark, words
from server.desk.labels import value_label
from server.desk.monthly_figures import figures_of_month
from server.i18n.locale import localize, translate
from server.models.contractors import Contractor
from server.models.places import Site
from server.models.tasks import Task
from sync.accountability.disclosure import MonthlyDisclosure, month_bounds
from sync.estate.disclosure_details import DETAILS_LABELS
from sync.protocol.roles import DESK_ROLES
from sync.work.task_rules import PEST_CONTROL_CODE

SHORT_DETAILS = (
    *("company", "company_licence", "project_head", "project_phone", "complaint_phone"),
)
LONG_DETAILS = ("quality_terms", "fee_items", "fund_use", "common_income")


def build(text: str) -> Document:
    month, now, site_id = month_of(text), as_of(newest_op()), current_user().site_id
    site = db.session.get_one(Site, (site_id, site_id))
    figures = figures_of_month(site_id, month, now)
    bounds = month_bounds(month)
    treated = db.session.scalars(Task.done_between(site_id, PEST_CONTROL_CODE, *bounds)).all()
    return Document(
        words(gettext("Monthly disclosure"), f"{month:%Y-%m}"),
        subtitle=site_label(),
        facts=[(translate(DETAILS_LABELS[name]), _said(site, name)) for name in SHORT_DETAILS],
        sections=[
            *_empty(site),
            Section(
                gettext("Services and what was done"),
                [
                    *unless_over(month, now),
                    work_table(
                        [*figures.services, *figures.patrols], gettext("No work was planned.")
                    ),
                ],
            ),
            Section(gettext("Pest control record"), [pest_control_table(treated)]),
            Section(gettext("Contractors"), [_contractors(site_id)]),
            *(_long(site, name) for name in LONG_DETAILS),
            Section(gettext("Inspections"), [_scores(figures)]),
            Section(gettext("Residents' requests"), _requests(figures)),
        ],
        signatures=[gettext("Head of the project"), gettext("Seal"), gettext("Date")],
        footer=site_mark(),
        is_landscape=True,
    )


def _said(site: Site, name: str) -> str:
    return getattr(site, name) or gettext("not filled in")


def _empty(site: Site) -> list[Section]:
    """The details that nobody has filled in yet, all in one place."""
    missing = [
        translate(label) for name, label in DETAILS_LABELS.items() if not getattr(site, name)
    ]
    if not missing:
        return []
    text = gettext("Not filled in yet: %(what)s", what=", ".join(missing))
    return [Section("", [Paragraph(text, is_warning=True)])]


def _long(site: Site, name: str) -> Section:
    lines = [line for line in _said(site, name).splitlines() if line.strip()]
    return Section(translate(DETAILS_LABELS[name]), [Paragraph(line) for line in lines])


def _contractors(site_id: str) -> Table:
    """Firms under contract: what they do, and who of ours answers for it."""
    firms = select(Contractor).where(Contractor.site_id == site_id, Contractor.ended_at.is_(None))
    found: Sequence[Contractor] = db.session.scalars(
        firms.order_by(Contractor.name, Contractor.id)
    ).all()
    rows = [[firm.name, firm.service, person(firm.accountable_id)] for firm in found]
    columns = [gettext("Contractor"), gettext("Service"), gettext("Accountable manager")]
    return Table(columns, rows, gettext("No contractors."))


def _scores(figures: MonthlyDisclosure) -> Table:
    rows = [
        [
            localize(line.inspections[-1].label) or str(line.key),
            str(len(line.inspections)),
            per_cent(line.mean),
        ]
        for line in figures.scores
    ]
    columns = [gettext("Checklist"), gettext("Inspections"), gettext("Average score")]
    return Table(columns, rows, gettext("No official inspections this month."))


def _requests(figures: MonthlyDisclosure) -> list[Block]:
    matters = figures.opened_by_matter
    counts = gettext(
        "Tickets opened: %(opened)s, closed: %(closed)s.",
        opened=matters.total(),
        closed=figures.closed_count,
    )
    rows = [[value_label("ticket", "matter", name), str(matters[name])] for name in sorted(matters)]
    table = Table([gettext("Matter"), gettext("Tickets")], rows)
    return [Paragraph(counts), *([table] if rows else [])]


DOCUMENT = DocumentType(
    "disclosure",
    "/desk/disclosure/months/<month>",
    DESK_ROLES,
    build,
    page="/desk/disclosure/?month={}",
)
