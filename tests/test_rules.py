"""Every rule is kept by a function and stated by a test; every kind has a form and a wire test."""

import re
from pathlib import Path

import pytest

from sync import KINDS

ROOT = Path(__file__).parent.parent
SERVER_ONLY = {name for name, kind in KINDS.items() if kind.from_server_only}
KINDS_BY_CLI = {"site.add", "person.secure"}
"""What only the `lodge` command does."""

KINDS_BY_CONFLICT = {"task.amend", "visit.amend", "ticket.amend", "card.amend"}
"""What a settlement writes: posted by the rule of `merge.settle`, not by a form of its own."""


def find_words(pattern, *folders, glob):
    """Every word that the pattern's group holds in these files."""
    texts = (file.read_text(encoding="utf-8") for f in folders for file in (ROOT / f).rglob(glob))
    return {
        word for text in texts for group in re.findall(pattern, text) for word in split_group(group)
    }


def split_group(group):
    return re.findall(r"[A-Za-z_]\w*(?:\.\w+)?", group)


RULES = sorted(re.findall(r"(?m)^- \*\*(\w+)\*\*", (ROOT / "sync/RULES.md").read_text("utf-8")))
RULES_IN_CODE = find_words(r'"""((?:[A-Z]\d+(?:, )?)+):', "sync", "server", glob="*.py")
RULES_IN_TESTS = find_words(r'mark\.rule\(("\w+"(?:, "\w+")*)\)', "tests", glob="*.py")
KINDS_IN_PAGES = find_words(
    r"[\"'/]((?:[a-z_]+)\.(?:[a-z_]+))[\"'/{ ]", "templates", "server/desk", glob="*.*"
)
KINDS_IN_SERVER_TESTS = find_words(r'"([a-z_]+\.[a-z_]+)"', "tests/server", glob="*.py")


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_a_keeper_and_a_test(rule):
    assert rule in RULES_IN_CODE, f"no docstring in sync/ or server/ begins with {rule}:"
    assert rule in RULES_IN_TESTS, f'no test is marked @pytest.mark.rule("{rule}")'


def test_no_keeper_and_no_test_speaks_of_a_rule_that_is_not_written_down():
    letters = {rule[0] for rule in RULES}
    spoken = {rule for rule in RULES_IN_CODE | RULES_IN_TESTS if rule[0] in letters}
    assert spoken - set(RULES) == set()


@pytest.mark.parametrize(
    "kind", sorted(KINDS.keys() - SERVER_ONLY - KINDS_BY_CLI - KINDS_BY_CONFLICT)
)
def test_a_kind_has_a_form(kind):
    assert kind in KINDS_IN_PAGES, f"no template and no desk page does {kind}"


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - SERVER_ONLY))
def test_a_kind_is_tested_through_the_door(kind):
    assert kind in KINDS_IN_SERVER_TESTS, f"no test in tests/server sends {kind}"


CLAUSES = [
    *(f"A{n}" for n in range(1, 5)),
    *(f"B{n}" for n in range(1, 5)),
    *(f"C{n}" for n in range(1, 14)),
    *(f"D{n}" for n in range(1, 5)),
    *(f"E{n}" for n in range(1, 12)),
    *(f"F{n}" for n in range(1, 22)),
    *(f"G{n}" for n in range(1, 11)),
    *(f"H{n}" for n in range(1, 9)),
]
"""Every clause of the rulebook."""

CLAUSES_IN_RULES = find_words(r"\[((?:[A-I]\d+[–, ]*)+)\]", "sync", glob="RULES.md")
CLAUSES_IN_TESTS = find_words(r'mark\.clause\(("\w+"(?:, "\w+")*)\)', "tests", glob="*.py")


@pytest.mark.parametrize("clause", CLAUSES)
def test_a_clause_is_traced_to_a_rule_and_proven_by_a_test(clause):
    assert clause in CLAUSES_IN_TESTS, f'no test is marked @pytest.mark.clause("{clause}")'
    assert clause in CLAUSES_IN_RULES | expand_ranges(), (
        f"no rule of sync/RULES.md names [{clause}]"
    )


def expand_ranges():
    """C1–C8 names eight clauses."""
    text = (ROOT / "sync/RULES.md").read_text("utf-8")
    spans = re.findall(r"([A-I])(\d+)–[A-I](\d+)", text)
    return {f"{g}{n}" for g, a, b in spans for n in range(int(a), int(b) + 1)}
