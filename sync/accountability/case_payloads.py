"""Payloads of accountability cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.op import MAX_NAME_LENGTH, MAX_TEXT_LENGTH, Id, Moment, Payload, PlannedMoment

IMAGE_FACTS = ("poor_mark", "poor_rating", "reception", "complaint")
"""Facts that may have damaged the company's image [G6]."""

ACCUSING_FACTS = (
    *("missed", "missed_point", "breach", "fast", "copied", "no_uniform"),
    *(*IMAGE_FACTS, "told_against"),
)
EXCUSING_FACTS = (
    *("skipped", "late_phone", "off_duty", "weather", "helped", "satisfied", "told_for"),
)
"""Facts that explain what happened, such as a skip with a reason or a phone without a signal. They
are shown first."""

SUBJECT_KINDS = ("person", "team", "contractor", "manager")
ORGANISATIONS = ("team", "contractor")
"""Subjects that are not a person. Each is a record of its own."""

FINDINGS = ("responsible", "partly", "not_responsible")
MAX_FACTS, MAX_CENTS = 50, 10**13


class CaseFactSchema(Payload):
    """What happened and when. `type` and `id` name the record that shows it, and `reason` is the
    one that the person tapped or typed."""

    code = fields.String(required=True, validate=OneOf((*ACCUSING_FACTS, *EXCUSING_FACTS)))
    type = fields.String(allow_none=True, load_default=None, validate=Length(max=20))
    id = Id(allow_none=True, load_default=None)
    at = Moment(required=True)
    text = fields.String(load_default="", validate=Length(max=MAX_TEXT_LENGTH))
    reason = fields.String(validate=Length(max=MAX_TEXT_LENGTH))

    @validates_schema
    def validate_text(self, fact: dict[str, Any], **_: Any) -> None:
        """A fact that was added by hand needs a text. Raises ValidationError without one."""
        if fact["code"].startswith("told_") and not fact["text"].strip():
            raise ValidationError("Say what happened.")


def is_accusing(fact: Mapping[str, Any]) -> bool:
    """Whether somebody has to answer for a fact. Facts that explain or excuse never count against
    anybody."""
    return fact["code"] in ACCUSING_FACTS


def FactsField(min_count: int) -> fields.List[Any]:  # noqa: N802 - named like a field type
    """A field for facts, accusing or excusing."""
    return fields.List(
        fields.Nested(CaseFactSchema), required=True, validate=Length(min=min_count, max=MAX_FACTS)
    )


class CaseRaisePayload(Payload):
    """`answers_id` is the subject, or the person who answers for the team or contractor, whose
    record is `subject_id`; older ops have a `subject_name` alone. `amount` is in cents."""

    category_id = Id(required=True)
    sub = fields.String(allow_none=True, load_default=None, validate=Length(max=8))
    subject_kind = fields.String(required=True, validate=OneOf(SUBJECT_KINDS))
    subject_id = Id(allow_none=True)
    subject_name = fields.String(
        allow_none=True, load_default=None, validate=Length(max=MAX_NAME_LENGTH)
    )
    answers_id = Id(required=True)
    facts = FactsField(0)
    amount = fields.Integer(
        strict=True, allow_none=True, load_default=None, validate=Range(min=1, max=MAX_CENTS)
    )

    @validates_schema
    def validate_subject_name(self, payload: dict[str, Any], **_: Any) -> None:
        """A team or contractor needs a record or a name. Raises ValidationError without one."""
        named = payload.get("subject_id") or (payload["subject_name"] or "").strip()
        if payload["subject_kind"] in ORGANISATIONS and not named:
            raise ValidationError("Say which team or contractor it is about.")


class CaseFindPayload(Payload):
    facts = FactsField(1)


class CaseAskPayload(Payload):
    """`site_id`: the site, whose least time for a statement applies to this one from now on."""

    answer_until = PlannedMoment(required=True)
    site_id = Id()


class CaseStatePayload(Payload):
    """The subject's own statement, or that they decline to give one."""

    answer = fields.String(required=True, validate=OneOf(("stated", "declined")))
    text = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))

    @validates_schema
    def validate_text(self, payload: dict[str, Any], **_: Any) -> None:
        """A statement has a text. Raises ValidationError without one."""
        if payload["answer"] == "stated" and not (payload.get("text") or "").strip():
            raise ValidationError("Say it in words.")


class CaseAppealPayload(Payload):
    text = fields.String(required=True, validate=Length(min=1, max=MAX_TEXT_LENGTH))


class CaseDecidePayload(Payload):
    """Finding and measures have no default: somebody writes both."""

    category_id = Id(required=True)
    site_id = Id(required=True)
    finding = fields.String(required=True, validate=OneOf(FINDINGS))
    measures = fields.String(required=True, validate=Length(min=1, max=MAX_TEXT_LENGTH))


class CaseReviewPayload(CaseDecidePayload):
    pass


class CaseClosePayload(Payload):
    because = fields.String(
        allow_none=True, load_default=None, validate=Length(max=MAX_TEXT_LENGTH)
    )
