"""docs/security/asvs.md: each requirement has a test that exists and is marked, or a reason."""

import re

import pytest

from tests.asvs import TABLE, marked_tests, read_rows

ROWS = read_rows()
MARKED = marked_tests()
LEVEL_1, LEVEL_2 = 64, 131
"""How many requirements of each level apply."""


def test_every_applicable_requirement_is_listed_once():
    assert len({row.id for row in ROWS}) == len(ROWS)
    levels = [row.level for row in ROWS]
    assert (levels.count(1), levels.count(2)) == (LEVEL_1, LEVEL_2)


def test_what_does_not_apply_is_not_listed_as_a_requirement():
    text = TABLE.read_text("utf-8").partition("## Not applicable")[2]
    assert not {row.id for row in ROWS} & set(re.findall(r"\d+\.\d+\.\d+", text))


def test_every_mark_names_a_requirement():
    assert MARKED.keys() - {row.id for row in ROWS} == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_requirement_has_marked_tests_or_a_reason(row):
    unmarked = set(row.tests) - set(MARKED.get(row.id, ()))
    assert not unmarked, f"not marked with {row.id}: {sorted(unmarked)}; run python -m tests.asvs"
    assert row.tests or row.remark
