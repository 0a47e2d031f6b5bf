"""Field types and limits of the messages of `/sync`."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields
from marshmallow.validate import Length, Range, Regexp

from sync.protocol.clock import parse_time

MAX_OPS, MAX_BYTES, MAX_PAGE = 200, 1_000_000, 500


LIMITS = {"ops": MAX_OPS, "bytes": MAX_BYTES, "page": MAX_PAGE}

LOCK_AFTER = {"background": 5 * 60, "idle": 30 * 60}
"""Seconds in the background, and without a tap, after which a phone locks itself."""


MAX_DEPTH = 16
MAX_TIME_LENGTH = 40


MAX_SAFE_INTEGER = 2**53
"""JavaScript represents every whole number up to this one exactly."""


class MessageSchema(Schema):
    """A message. Unknown fields are ignored, so an old server accepts messages of a newer app."""

    class Meta:
        unknown = EXCLUDE


def CountField(**kwargs: Any) -> fields.Integer:  # noqa: N802 - named like a field type
    """A field for a whole number that JavaScript represents exactly."""
    return fields.Integer(strict=True, validate=Range(min=0, max=MAX_SAFE_INTEGER), **kwargs)


def NameField(**kwargs: Any) -> fields.String:  # noqa: N802
    """A field for a text of 1 to 100 characters without control characters."""
    return fields.String(validate=Regexp(r"^[^\x00-\x1f\x7f\ud800-\udfff]{1,100}\Z"), **kwargs)


def TimeField(**kwargs: Any) -> fields.String:  # noqa: N802
    """A field for a time with an offset from UTC, stored as the text that was sent."""
    length = Length(max=MAX_TIME_LENGTH)
    return fields.String(
        validate=[length, _validate_time], metadata={"format": "date-time"}, **kwargs
    )


def _validate_time(text: str) -> None:
    try:
        moment = parse_time(text)
    except (ValueError, OverflowError):
        moment = None
    # a clock restarts at 1970 after a flat battery, so that year is valid
    if moment is None or not 1970 <= moment.year < 2900:
        raise ValidationError("Not a time with an offset, like 2026-11-24T10:30:05+08:00.")
