"""Traceability: every rule has a function and a test, every clause a rule and a test.

Every kind has a form on a page and a test in tests/server that sends it.
"""

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

from server.desk import pages
from server.desk.payload_form import PayloadForm
from sync import KINDS

ROOT = Path(__file__).parent.parent
SERVER_ONLY = {name for name, kind in KINDS.items() if kind.from_server_only}
KINDS_BY_CLI = {"site.add", "person.add", "person.secure"}
"""Kinds that only the `lodge` command sends."""

KINDS_BY_CONFLICT = {"task.amend", "visit.amend", "ticket.amend", "card.amend"}
"""Kinds that result from `merge.settle` and have no form of their own."""


def find_words(pattern, *folders, glob):
    """Every word that the group of the pattern matches in these files."""
    found = (file for folder in folders for file in (ROOT / folder).rglob(glob))
    files = (file for file in found if file.suffix != ".pyc")
    groups = (group for file in files for group in re.findall(pattern, file.read_text("utf-8")))
    return {word for group in groups for word in split_group(group)}


def split_group(group):
    return re.findall(r"[A-Za-z_]\w*(?:\.\w+)?", group)


def payload_form_kinds():
    """The kinds of the forms that desk pages declare in their globals."""
    names = (module.name for module in pkgutil.iter_modules(pages.__path__, f"{pages.__name__}."))
    values = (value for name in names for value in vars(import_module(name)).values())
    forms = (form for v in values for form in (v.values() if isinstance(v, dict) else (v,)))
    return {form.kind for form in forms if isinstance(form, PayloadForm)}


RULES = sorted(re.findall(r"(?m)^- \*\*(\w+)\*\*", (ROOT / "sync/RULES.md").read_text("utf-8")))
RULES_IN_CODE = find_words(r'"""((?:[A-Z]\d+(?:, )?)+)[:.]', "sync", "server", glob="*.py")
RULES_IN_TESTS = find_words(r'mark\.rule\(("\w+"(?:, "\w+")*)\)', "tests", glob="*.py")
KINDS_IN_PAGES = (
    find_words(r"[\"'/]((?:[a-z_]+)\.(?:[a-z_]+))[\"'/{ ]", "templates", "server/desk", glob="*.*")
    | payload_form_kinds()
)
KINDS_IN_SERVER_TESTS = find_words(r'"([a-z_]+\.[a-z_]+)"', "tests/server", glob="*.py")


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_a_function_and_a_test(rule):
    assert rule in RULES_IN_CODE, f"no docstring in sync/ or server/ begins with {rule}: or {rule}."
    assert rule in RULES_IN_TESTS, f'no test is marked @pytest.mark.rule("{rule}")'


def test_every_cited_rule_is_in_the_list():
    letters = {rule[0] for rule in RULES}
    cited = {rule for rule in RULES_IN_CODE | RULES_IN_TESTS if rule[0] in letters}
    assert cited - set(RULES) == set()


@pytest.mark.parametrize(
    "kind", sorted(KINDS.keys() - SERVER_ONLY - KINDS_BY_CLI - KINDS_BY_CONFLICT)
)
def test_a_kind_has_a_form(kind):
    assert kind in KINDS_IN_PAGES, f"no template and no desk page sends {kind}"


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - SERVER_ONLY))
def test_a_kind_is_sent_by_a_server_test(kind):
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
@pytest.mark.asvs("2.1.2")
def test_a_clause_has_a_rule_and_a_test(clause):
    assert clause in CLAUSES_IN_TESTS, f'no test is marked @pytest.mark.clause("{clause}")'
    assert clause in CLAUSES_IN_RULES | expand_ranges(), (
        f"no rule of sync/RULES.md names [{clause}]"
    )


def expand_ranges():
    """The clauses of ranges such as C1–C8."""
    text = (ROOT / "sync/RULES.md").read_text("utf-8")
    ranges = re.findall(r"([A-I])(\d+)–[A-I](\d+)", text)
    return {f"{g}{n}" for g, a, b in ranges for n in range(int(a), int(b) + 1)}


PAGE = re.compile(r"(?:^|, )([^|(]+?) \(`([a-z_.]+)`\)")
SEEN = {
    row[0]: [PAGE.findall(cell) for cell in row[1:]]
    for line in (ROOT / "sync/RULES.md").read_text("utf-8").splitlines()
    if re.match(r"\| [A-H]\d+ \|", line)
    for row in [[cell.strip() for cell in line.strip("|").split("|")]]
}
"""For each clause its pages on the phone, at the desk and for residents: name and identifier."""


@pytest.mark.parametrize("clause", CLAUSES)
def test_a_clause_is_seen_on_a_page(clause):
    assert any(SEEN[clause]), f"sync/RULES.md names no page for {clause}"


@pytest.mark.parametrize(("name", "page"), sorted({p for row in SEEN.values() for p in row[0]}))
def test_a_phone_page_of_a_clause_has_its_name(name, page):
    template = (ROOT / "templates/field" / f"{page}.html").read_text("utf-8")
    assert f'"{name}"' in template


@pytest.mark.parametrize(
    ("name", "endpoint"),
    sorted({p for row in SEEN.values() for cell in row[1:] for p in cell}),
)
def test_a_desk_page_of_a_clause_has_its_name(name, endpoint):
    """In the navigation, or in its template."""
    blueprint, view = endpoint.split(".")
    module = import_module(f"{pages.__name__}.{blueprint}")
    entries = [(each.endpoint, each.label.message) for each in getattr(module, "NAVIGATION", ())]
    if (endpoint, name) in entries:
        return
    assert callable(getattr(module, view)), f"{blueprint} has no page {view}"
    drawn = re.findall(r'"([a-z_/]+\.html)"', Path(module.__file__).read_text("utf-8"))
    templates = [ROOT / "templates" / name for name in drawn]
    assert any(f'"{name}"' in template.read_text("utf-8") for template in templates)
