"""Every regular expression takes time in proportion to the text, whatever somebody types.

The patterns are read from the source of `server` and `sync`; for each, texts are made of its own
parts that let a backtracking matcher try again and again.
"""

from __future__ import annotations

import ast
import importlib
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

import pytest

from tests.soak import SOAK

ROOT = Path(__file__).parent.parent
OWN_TEXT = {"server/field/compiler", "server/desk/form_tokens.py", "server/sync_api/json_schema.py"}
"""Patterns that read templates and patterns of ours, which nobody sends."""

ANCHORED = {"match", "fullmatch"}
FUNCTIONS = ANCHORED | {"compile", "search", "sub", "subn", "split", "findall", "finditer"}
SHORT, LONG = 500, 4_000
MAX_GROWTH = 24
"""Eight times the text may take so many times as long; of a quadratic pattern it takes 64 times."""
SLOW_SECONDS = 0.003
"""What is faster on the long text is not quadratic."""
LIMITS = {18: 0.005, 100: 0.01, SHORT: 0.1}
END = "\x00!"
MAX_PUMPS = 1_000 if SOAK else 30
"""What a text of a length may take at most: beyond it, time grows even faster."""
SAMPLES = {
    codes.CATEGORY_DIGIT: "7",
    codes.CATEGORY_SPACE: " ",
    codes.CATEGORY_WORD: "a",
    codes.CATEGORY_NOT_SPACE: "x",
    codes.CATEGORY_NOT_WORD: "!",
    codes.CATEGORY_NOT_DIGIT: "x",
}


class Found(NamedTuple):
    place: str
    pattern: re.Pattern[Any]
    is_anchored: bool
    """Whether it is tried at the beginning of a text only."""


def source_files() -> Iterator[Path]:
    for folder in ("server", "sync"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            if "migrations" not in name and not name.startswith(tuple(OWN_TEXT)):
                yield file


TEXTS = {file: file.read_text("utf-8") for file in source_files()}
USES: dict[str, set[str]] = {}
"""What is called on a name anywhere, of the functions of patterns."""
for text in TEXTS.values():
    for name, function in re.findall(rf"\b(\w+)\.({'|'.join(FUNCTIONS)})\b", text):
        USES.setdefault(name, set()).add(function)


def patterns_of(text: str, file: Path) -> Iterator[Found]:
    """Every pattern that a file compiles or uses; an expression is evaluated in its module."""
    if "re." not in text and "Regexp" not in text:
        return
    tree = ast.parse(text)
    users = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and is_pattern(node)]
    for call in calls:
        value = value_of(call.args[0], module_of(file))
        if value is not None:
            pattern = re.compile(getattr(value, "pattern", value))
            yield Found(
                f"{file.relative_to(ROOT)}:{call.lineno}", pattern, is_anchored(call, users[call])
            )


def is_pattern(call: ast.Call) -> bool:
    text = ast.unparse(call.func)
    return text == "Regexp" or (text.startswith("re.") and text[3:] in FUNCTIONS)


def module_of(file: Path) -> dict[str, Any]:
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return vars(importlib.import_module(name))


def value_of(expression: ast.expr, module: dict[str, Any]) -> Any:
    """The pattern; None for a variable of a function, whose pattern stands elsewhere."""
    try:
        return eval(ast.unparse(expression), module)
    except NameError:
        assert isinstance(expression, ast.Name), ast.unparse(expression)
        return None


def is_anchored(call: ast.Call, user: ast.AST) -> bool:
    function = ast.unparse(call.func).removeprefix("re.")
    if function != "compile":
        return function in ANCHORED | {"Regexp"}
    if isinstance(user, ast.Attribute):
        return user.attr in ANCHORED
    if isinstance(user, ast.Assign):
        name = ast.unparse(user.targets[0])
        uses = USES.get(name, set())
        return bool(uses) and uses <= ANCHORED
    return False


PATTERNS = [found for file, text in TEXTS.items() for found in patterns_of(text, file)]


def pumps(pattern: re.Pattern[Any]) -> list[str]:
    """Short texts that parts of a pattern match: each repeated one, those before it, its
    alternatives; and pairs of them."""
    tree = parser.parse(pattern.pattern, pattern.flags)
    rng = random.Random(1)
    found = {" ", "a", "1"} | {sample(part, rng) for part in [tree, *parts(tree)] for _ in range(2)}
    texts = sorted(text for text in found if 0 < len(text) <= 40)
    pairs = {one + other for one in texts for other in texts if len(one + other) <= 6}
    rng.shuffle(texts)
    return [*texts, *rng.sample(sorted(pairs), len(pairs))][:MAX_PUMPS]


def parts(tree: Any) -> Iterator[Any]:
    """Every sequence inside a pattern, each beginning of it, and each item by itself."""
    for place, (operator, argument) in enumerate(tree):
        yield [(operator, argument)]
        yield tree[:place]
        for inner in inner_sequences(operator, argument):
            yield inner
            yield from parts(inner)


def inner_sequences(operator: Any, argument: Any) -> list[Any]:
    match operator:
        case codes.MAX_REPEAT | codes.MIN_REPEAT | codes.POSSESSIVE_REPEAT:
            return [argument[2]]
        case codes.SUBPATTERN:
            return [argument[3]]
        case codes.ATOMIC_GROUP:
            return [argument]
        case codes.BRANCH:
            return list(argument[1])
        case codes.ASSERT | codes.ASSERT_NOT:
            return [argument[1]]
    return []


def sample(tree: Any, rng: random.Random) -> str:
    """A text that a sequence may match."""
    return "".join(sample_item(operator, argument, rng) for operator, argument in tree)


def sample_item(operator: Any, argument: Any, rng: random.Random) -> str:
    match operator:
        case codes.LITERAL:
            return chr(argument)
        case codes.NOT_LITERAL:
            return "x" if argument != ord("x") else "y"
        case codes.ANY:
            return "z"
        case codes.IN:
            return sample_class(argument, rng)
        case codes.MAX_REPEAT | codes.MIN_REPEAT | codes.POSSESSIVE_REPEAT:
            return sample(argument[2], rng) * min(max(argument[0], 1), 40)
        case codes.SUBPATTERN:
            return sample(argument[3], rng)
        case codes.ATOMIC_GROUP:
            return sample(argument, rng)
        case codes.BRANCH:
            return sample(rng.choice(argument[1]), rng)
    return ""


def sample_class(items: list[Any], rng: random.Random) -> str:
    if items[0][0] == codes.NEGATE:
        one = re.compile("[" + "".join(map(class_text, items)) + "]")
        return next((c for c in "x7 !-" if one.match(c)), "\u6c34")
    operator, argument = rng.choice(items)
    if operator == codes.RANGE:
        return chr(rng.choice(argument))
    return SAMPLES[argument] if operator == codes.CATEGORY else chr(argument)


def class_text(item: Any) -> str:
    operator, argument = item
    match operator:
        case codes.NEGATE:
            return "^"
        case codes.RANGE:
            return f"\\u{argument[0]:04x}-\\u{min(argument[1], 0xFFFF):04x}"
        case codes.LITERAL:
            return f"\\u{argument:04x}"
    return {
        codes.CATEGORY_DIGIT: r"\d",
        codes.CATEGORY_SPACE: r"\s",
        codes.CATEGORY_WORD: r"\w",
        codes.CATEGORY_NOT_WORD: r"\W",
    }[argument]


def slowest(found: Found) -> tuple[float, str]:
    """The growth of time from a short to a long text, and a text for which it is too much, or for
    which it is worst."""
    worst = (0.0, "")
    for pump in pumps(found.pattern):
        worst = max(worst, (growth_of(found, pump), f"{pump!r} × n"))
        if worst[0] > MAX_GROWTH:
            break
    return worst


def growth_of(found: Found, pump: str) -> float:
    """How many times as long the long text takes; 0 if it is fast."""
    for length, limit in LIMITS.items():
        if seconds(found, pump, length) > limit and seconds(found, pump, length) > limit:
            return float("inf")
    if seconds(found, pump, LONG) < SLOW_SECONDS:
        return 0
    short = min(seconds(found, pump, SHORT) for _ in range(5))
    return min(seconds(found, pump, LONG) for _ in range(3)) / short


def seconds(found: Found, pump: str, length: int) -> float:
    """The time that the pattern takes for a text of about this length."""
    pattern, text = found.pattern, pump * (length // len(pump) + 1) + END
    content: Any = text.encode("utf-8") if isinstance(pattern.pattern, bytes) else text
    begun = time.thread_time()
    pattern.fullmatch(content)
    if not found.is_anchored:
        for _ in pattern.finditer(content):
            pass
    return time.thread_time() - begun


@pytest.mark.parametrize("found", PATTERNS, ids=lambda found: found.place)
@pytest.mark.asvs("1.2.9", "15.2.2")
def test_a_pattern_takes_time_in_proportion_to_the_text(found):
    growth, text = slowest(found)
    assert growth < MAX_GROWTH, f"{found.pattern.pattern!r}: {growth:.0f} times for {text}"


SLOW = [r"\s+$", r"a+b", r"\((.*?)\)", r"[0-9]+ *x", r"(?:a|b)*c", r"<row[^>]*?r=", r"(?:a+)+b"]


@pytest.mark.parametrize("pattern", SLOW)
def test_a_slow_pattern_is_noticed(pattern):
    assert slowest(Found("", re.compile(pattern), is_anchored=False))[0] > MAX_GROWTH


def test_the_patterns_of_the_source_are_found():
    assert len(PATTERNS) > 90
    assert sum(found.is_anchored for found in PATTERNS) > 40
