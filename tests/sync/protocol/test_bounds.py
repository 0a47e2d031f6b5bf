"""Every field of every payload has a bound, and a time that nobody can mean is noticed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from marshmallow import ValidationError, fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from sync import KINDS, Quarantined, Refused
from sync.accountability.security_log import Detail
from sync.protocol.clock import format_time
from sync.protocol.op import Id, Moment
from tests.sync.builders import ANA, NOON, InMemoryRecord, make_op

UNENDING = ("*", "+", ",}")


def leaves(path, field):
    """Every field below a field, with its path."""
    yield path, field
    if isinstance(field, fields.Nested):
        for name, inner in field.schema.fields.items():
            yield from leaves(f"{path}.{name}", inner)
    elif isinstance(field, fields.List):
        yield from leaves(f"{path}[]", field.inner)
    elif isinstance(field, fields.Dict):
        yield from leaves(f"{path}{{key}}", field.key_field)
        if field.value_field:
            yield from leaves(f"{path}{{value}}", field.value_field)


FIELDS = dict(
    leaf
    for kind, declared in KINDS.items()
    for name, field in declared.payload().fields.items()
    for leaf in leaves(f"{kind}.{name}", field)
)


def is_bounded(field):
    """Whether a field refuses what is too long, too large or too far."""
    limits = [part for each in field.validators for part in getattr(each, "validators", (each,))]
    if isinstance(field, fields.Boolean | Detail | Id | fields.DateTime | fields.Nested):
        return True
    if isinstance(field, fields.Integer | fields.Date):
        ranges = [each for each in limits if isinstance(each, Range)]
        choices = any(isinstance(each, OneOf) for each in limits)
        return choices or any(r.min is not None and r.max is not None for r in ranges)
    lengths = [each for each in limits if isinstance(each, Length)]
    if any(each.max is not None or each.equal is not None for each in lengths):
        return True
    patterns = [each.regex.pattern for each in limits if isinstance(each, Regexp)]
    return any(isinstance(each, OneOf) for each in limits) or any(
        pattern.endswith(r"\Z") and not any(sign in pattern for sign in UNENDING)
        for pattern in patterns
    )


@pytest.mark.rule("B20")
@pytest.mark.asvs("1.3.3", "2.2.1")
def test_every_field_of_every_payload_has_a_bound():
    assert len(FIELDS) > 300
    assert sorted(path for path, field in FIELDS.items() if not is_bounded(field)) == []


@pytest.mark.rule("B20")
def test_a_detail_of_the_security_log_is_short():
    for value in (None, True, 2**53, "x" * 200, ["x"] * 20):
        assert Detail().deserialize(value) == value
    for value in ("x" * 201, 2**53 + 1, 0.5, {}, ["x"] * 21, [["x"]], ["x" * 201]):
        with pytest.raises(ValidationError):
            Detail().deserialize(value)


@pytest.mark.rule("B20")
def test_every_time_is_in_a_year_of_today_s_calendars():
    times = {
        path: field
        for path, field in FIELDS.items()
        if isinstance(field, fields.DateTime) and not path.endswith("promised_at")  # K19 bounds it
    }
    assert [path for path, field in times.items() if not isinstance(field, Moment)] == []
    assert len(times) > 20
    moment = times["arrears.appoint.appointment_at"]
    for text in ("0001-01-01T00:00:00Z", "1969-12-31T00:00:00Z", "9999-12-31T00:00:00Z"):
        with pytest.raises(ValidationError):
            moment.deserialize(text)
    assert moment.deserialize("1970-01-01T00:00:00Z").year == 1970


@pytest.mark.rule("B20")
@pytest.mark.asvs("2.2.3")
def test_a_date_decades_away_is_refused_in_a_decision_and_flagged_in_a_fact():
    def told(years, kind="rectification.assign", **op):
        record = InMemoryRecord("rectification")
        record.row = record._new_row(make_op(kind))
        due_at = format_time(NOON + timedelta(days=365 * years))
        return record.apply(make_op(kind, payload={"responsible_id": ANA, "due_at": due_at}, **op))

    assert told(30) == Refused("implausible-time")
    assert told(-6) == Refused("implausible-time")
    account = InMemoryRecord("arrears")
    account.row = account._new_row(make_op("arrears.appoint"))
    for days, flag in ((2, None), (365 * 30, "implausible-time"), (-365 * 6, "implausible-time")):
        at = format_time(NOON + timedelta(days=days))
        verdict = account.apply(make_op("arrears.appoint", payload={"appointment_at": at}))
        assert verdict.flag == flag
    at = {"appointment_at": "0001-01-01T00:00:00Z"}
    assert account.apply(make_op("arrears.appoint", payload=at)) == Quarantined("malformed")
