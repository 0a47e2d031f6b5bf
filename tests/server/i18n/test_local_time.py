"""Local times: what a form sends becomes a moment in UTC, anything else becomes None."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.i18n.local_time import format_local_time, parse_local_time


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24T10:00", datetime(2026, 11, 24, 2, 0, tzinfo=UTC)),
        (" 2026-11-24T10:00 ", datetime(2026, 11, 24, 2, 0, tzinfo=UTC)),
        ("2026-11-24T10:00:30", datetime(2026, 11, 24, 2, 0, 30, tzinfo=UTC)),
        ("2026-11-24 10:00", datetime(2026, 11, 24, 2, 0, tzinfo=UTC)),
        ("2026-11-24", datetime(2026, 11, 23, 16, 0, tzinfo=UTC)),
        ("2199-12-31T23:59", datetime(2199, 12, 31, 15, 59, tzinfo=UTC)),
    ],
)
def test_a_local_time_is_read_in_the_zone_of_the_site(text, moment):
    assert parse_local_time(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", " ", "tomorrow", "24.11.2026", "10:00"),
        *("2026-02-30", "2026-11-24T25:00", "0001-01-01T00:00", "1970-12-31T10:00"),
        *("2026-11-24T10:00Z", "2026-11-24T10:00+08:00"),
    ],
)
def test_what_is_not_a_local_time_is_none(text):
    assert parse_local_time(text) is None


def test_a_formatted_moment_is_read_back_as_the_same_moment():
    moment = datetime(2026, 11, 24, 18, 5, 7, tzinfo=UTC)
    assert format_local_time(moment) == "2026-11-25T02:05"
    assert format_local_time(moment, "seconds") == "2026-11-25T02:05:07"
    assert parse_local_time(format_local_time(moment, "seconds")) == moment
