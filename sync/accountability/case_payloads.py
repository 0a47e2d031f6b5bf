"""What is said in a case: by whoever raises it, finds facts, decides, and by the subject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from sync.protocol.op import MAX_NAME_LENGTH, MAX_TEXT_LENGTH, Id, Payload

ACCUSING_FACTS = ("missed", "breach", "fast", "copied", "no_uniform", "told_against")
EXCUSING_FACTS = ("skipped", "late_phone", "off_duty", "weather", "helped", "told_for")
"""A reasoned skip or a phone without a signal is a fact as well, and is shown first."""

SUBJECT_KINDS = ("person", "team", "contractor", "manager")
FINDINGS = ("responsible", "partly", "not_responsible")
MAX_FACTS, MAX_CENTS = 50, 10**13


class CaseFactSchema(Payload):
    """What happened, when; `type` and `id` name the record in which it can be read."""

    code = fields.String(required=True, validate=OneOf((*ACCUSING_FACTS, *EXCUSING_FACTS)))
    type = fields.String(allow_none=True, load_default=None, validate=Length(max=20))
    id = Id(allow_none=True, load_default=None)
    at = fields.AwareDateTime(required=True)
    text = fields.String(load_default="", validate=Length(max=MAX_TEXT_LENGTH))

    @validates_schema
    def validate_text(self, fact: dict[str, Any], **_: Any) -> None:
        """What somebody tells by hand is told in words."""
        if fact["code"].startswith("told_") and not fact["text"].strip():
            raise ValidationError("Say what happened.")


def is_accusing(fact: Mapping[str, Any]) -> bool:
    """Whether somebody answers for it; what explains or excuses is not held against anybody."""
    return fact["code"] in ACCUSING_FACTS


def FactsField(least: int) -> fields.List[Any]:  # noqa: N802 - reads as the field type that it is
    """Some facts, from whichever side."""
    return fields.List(
        fields.Nested(CaseFactSchema), required=True, validate=Length(min=least, max=MAX_FACTS)
    )


class CaseRaisePayload(Payload):
    """`answers_id`: the person, or who speaks for the team or contractor. Amounts are in cents."""

    category_id = Id(required=True)
    sub = fields.String(allow_none=True, load_default=None, validate=Length(max=8))
    subject_kind = fields.String(required=True, validate=OneOf(SUBJECT_KINDS))
    subject_name = fields.String(
        allow_none=True, load_default=None, validate=Length(max=MAX_NAME_LENGTH)
    )
    answers_id = Id(required=True)
    facts = FactsField(0)
    amount = fields.Integer(
        strict=True, allow_none=True, load_default=None, validate=Range(min=1, max=MAX_CENTS)
    )

    @validates_schema
    def validate_subject_name(self, case: dict[str, Any], **_: Any) -> None:
        """A team or a contractor is called something."""
        name = (case["subject_name"] or "").strip()
        if case["subject_kind"] in ("team", "contractor") and not name:
            raise ValidationError("Say which team or contractor it is about.")


class CaseFindPayload(Payload):
    facts = FactsField(1)


class CaseAskPayload(Payload):
    answer_until = fields.AwareDateTime(required=True)


class CaseStatePayload(Payload):
    """In the subject's own words, or that they would rather not."""

    answer = fields.String(required=True, validate=OneOf(("stated", "declined")))
    text = fields.String(allow_none=True, validate=Length(max=MAX_TEXT_LENGTH))

    @validates_schema
    def validate_text(self, said: dict[str, Any], **_: Any) -> None:
        """A statement says something."""
        if said["answer"] == "stated" and not (said.get("text") or "").strip():
            raise ValidationError("Say it in words.")


class CaseAppealPayload(Payload):
    text = fields.String(required=True, validate=Length(min=1, max=MAX_TEXT_LENGTH))


class CaseDecidePayload(Payload):
    """Neither the finding nor what follows has a default: both are what a person wrote."""

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
