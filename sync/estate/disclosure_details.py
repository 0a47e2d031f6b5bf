"""What a site discloses to its residents beside the figures of a month (Civil Code, article 943):
who answers, what is charged, how well work is to be done, what became of the money."""

from __future__ import annotations

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length

from sync.protocol.op import MAX_LABEL_LENGTH, Accepted, Op, Payload, Refused
from sync.protocol.text import Texts, _l

MAX_DETAILS_LENGTH = 2000

DETAILS_LABELS: Texts = {
    "company": _l("Property management company"),
    "company_licence": _l("Unified social credit code or licence"),
    "project_head": _l("Head of the project"),
    "project_phone": _l("Phone of the head of the project"),
    "complaint_phone": _l("Phone for complaints"),
    "fee_items": _l("Fees: item, rate and basis, one a line"),
    "quality_terms": _l("Quality that was agreed"),
    "fund_use": _l("Use of the maintenance fund"),
    "common_income": _l("Business in common parts and its income"),
}
"""The details with their labels, in the order in which they are disclosed."""


def _text(longest: int) -> fields.String:
    return fields.String(allow_none=True, validate=Length(min=1, max=longest))


class SiteDisclosePayload(Payload):
    company = _text(MAX_LABEL_LENGTH)
    company_licence = _text(MAX_LABEL_LENGTH)
    project_head = _text(MAX_LABEL_LENGTH)
    project_phone = _text(MAX_LABEL_LENGTH)
    complaint_phone = _text(MAX_LABEL_LENGTH)
    fee_items = _text(MAX_DETAILS_LENGTH)
    quality_terms = _text(MAX_DETAILS_LENGTH)
    fund_use = _text(MAX_DETAILS_LENGTH)
    common_income = _text(MAX_DETAILS_LENGTH)


def disclose(_: Any, op: Op) -> Accepted | Refused:
    """G2: what a site discloses may change at any time; what was disclosed before is in the log."""
    return Accepted(dict(op.payload)) if op.payload else Refused("nothing-changed")
