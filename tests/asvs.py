"""The table docs/security/asvs.md and the tests that carry the marker `asvs`.

`python -m tests.asvs` writes the names of the marked tests into the table.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent
TABLE = TESTS.parent / "docs/security/asvs.md"
LINE = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| (.+?) \|(.*?)\|(.*?)\|$")


class Row(NamedTuple):
    """A requirement of ASVS 5.0 as the table lists it."""

    id: str
    level: int
    asks: str
    tests: tuple[str, ...]
    remark: str
    """Why there is no test, or what the test leaves open."""


def read_rows() -> list[Row]:
    """The rows of the table in its order."""
    matches = map(LINE.match, TABLE.read_text("utf-8").splitlines())
    return [
        Row(m[1], int(m[2]), m[3], tuple(re.findall(r"`(.+?)`", m[4])), m[5].strip())
        for m in matches
        if m
    ]


def marked_tests() -> dict[str, list[str]]:
    """For each id the tests that are marked with it, as `file.py::test`."""
    found = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        source = file.read_text("utf-8")
        if "mark.asvs" in source:
            for test, id_ in _marks(ast.parse(source)):
                found[id_].append(f"{file.relative_to(TESTS)}::{test}")
    return dict(found)


def _marks(module: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            for call in node.decorator_list:
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.asvs":
                    yield from ((node.name, str(ast.literal_eval(id_))) for id_ in call.args)


def write_table() -> None:
    """Replace the names of tests in the table by those of the marked tests."""
    marked = marked_tests()

    def with_tests(line: str) -> str:
        row = LINE.match(line)
        if row is None:
            return line
        names = "<br>".join(f"`{name}`" for name in marked.get(row[1], ()))
        return f"| {row[1]} | {row[2]} | {row[3]} | {names} | {row[5].strip()} |"

    lines = TABLE.read_text("utf-8").splitlines()
    TABLE.write_text("\n".join(map(with_tests, lines)) + "\n", "utf-8")


if __name__ == "__main__":
    write_table()
