"""What people type into the forms of the desk is read in any clear spelling."""

from __future__ import annotations

import pytest

from server.desk.payload_form import PayloadForm
from sync import KINDS


@pytest.mark.parametrize(
    ("kind", "name", "typed", "value"),
    [
        *[
            ("arrears.appoint", "appointment_at", typed, "2026-12-01T01:30:00.000Z")
            for typed in ("2026-12-01T09:30", "2026/12/1 9:30", "２０２６年１２月１日 9点半")
        ],
        ("arrears.appoint", "appointment_at", "2026-12/1", "2026-12/1"),
        ("schedule.change", "from_on", "2026年12月1日", "2026-12-01"),
        ("schedule.change", "from_on", "12/1", "12/1"),
        ("visit.expect", "party_size", "３", 3),
        ("visit.expect", "visitor", "王\x00小明 ", "王小明"),
    ],
)
def test_a_form_reads_what_is_clear_and_leaves_the_rest_to_the_schema(kind, name, typed, value):
    assert PayloadForm(kind, name).payload({name: typed}) == {name: value}


@pytest.mark.rule("U5")
@pytest.mark.parametrize(
    ("typed", "hours"),
    [("9:00-11:30", "09:00-11:30"), ("９点～１１点半", "09:00-11:30"), ("11-9", None)],
)
def test_call_hours_have_one_form(typed, hours):
    schema = KINDS["arrears.prefer"].payload()
    if hours is None:
        assert schema.validate({"windows": [typed]})
    else:
        assert schema.load({"windows": [typed]}) == {"windows": [hours]}
