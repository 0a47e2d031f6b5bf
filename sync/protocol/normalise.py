"""What people type or paste, in one spelling: codes, plates, names, amounts, hours, dates, periods.

Every import, every form and every search uses these functions. None of them guesses: text that can
be read in two ways is not read at all, and whoever wrote it is asked.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

DASHES = "\u2212\u02d7\u2043\u2796\u2500\u2501\u30fc\u23af"
"""Signs that are used as a dash although Unicode does not count them among the dashes."""

BLANK_LETTERS = "\u034f\u115f\u1160\u3164\uffa0"
"""Characters that show nothing although Unicode counts them among letters and marks."""

FLOAT_DIGITS = 15
"""A spreadsheet stores numbers as binary fractions, exact to this many significant digits."""

MAX_DIGITS = 40

MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {name: number for number, name in enumerate(MONTH_NAMES, start=1)}

_FORMULA = re.compile(r"=[0-9.+*/()-]{1,60}")
_HOME_WORDS = re.compile(r"号楼|单元|[栋幢座楼门室号户房#]")
_TWO_DASHES = re.compile(r"-{2,}")
_DIGITS = re.compile(r"[0-9]+")
_CURRENCY = re.compile(r"^(?:rmb|cny|¥|人民币)|(?:元整?|圆整?|rmb|cny|yuan)$")
_SPLIT_NUMBER = re.compile(r"[0-9.,] +[0-9.,]")
_BRACKETED = re.compile(r"\(([^()+-]*)\)")
_SIGNED = re.compile(r"([+-])[^+-]*|[^+-]*(-)")
_AMOUNT = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?:\.([0-9]+))?")
_HOUR = r"([0-9]{1,2})(?:[:点时]([0-9]{1,2}|半)?分?)?"
_HOURS = re.compile(rf"{_HOUR}(?:-|~|至|到){_HOUR}")
_CLOCK = re.compile(rf"{_HOUR}(?::([0-9]{{1,2}})(?:\.[0-9]+)?)?")
_DATE = re.compile(r"([0-9]{4})([-/.年])([0-9]{1,2})([-/.月])([0-9]{1,2})日?号?")
_COMPACT_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_MONTH = re.compile(r"([0-9]{4})(?:([-/.])([0-9]{1,2})|年([0-9]{1,2})月?份?|([0-9]{2}))")
_SHORT_YEAR = re.compile(r"([0-9]{2})(年[0-9]{1,2}月份?)")
_MONTH_FIRST = re.compile(r"([0-9]{1,2}(?=[-/.])|[a-z]{3,9})[-/.,]*([0-9]{4})")
_MONTH_NAME = re.compile(r"[a-z]{3,9}[-/. ]?[0-9]{1,4}|[0-9]{1,2}[-/. ]?[a-z]{3,9}")


class Ambiguous(ValueError):
    """The text can be read in two ways."""


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """Text with one kind of digit, letter, dash and blank, without invisible characters.

    Full-width forms become plain ones (NFKC), every dash becomes "-", any run of blanks one space.
    """
    folded = visible(unicodedata.normalize("NFKC", text))
    return "".join("-" if _is_dash(character) else character for character in folded)


@lru_cache(maxsize=8192)
def visible(text: str) -> str:
    """Text as it was typed, without invisible characters, and any run of blanks one space."""
    return " ".join("".join(map(_visible_character, text)).split())


def code_text(text: str) -> str:
    """A code or a number as it is stored: `plain`, without blanks."""
    return plain(text).replace(" ", "")


def code_key(text: str) -> str:
    """The key of a code, a number or a label: `code_text` in lower case; static/field/filters.js
    has the same."""
    return code_text(text).lower()


def home_key(text: str) -> str:
    """The key of a home's number; "1栋2单元301室" and "1#2-301" are "1-2-301"."""
    key = _TWO_DASHES.sub("-", _HOME_WORDS.sub("-", code_key(text))).strip("-")
    return key or code_key(text)


def plate_key(text: str | None) -> str:
    """A number plate in capitals without dots, blanks and dashes: "沪a·12345" is "沪A12345"."""
    return "".join(c for c in unicodedata.normalize("NFKC", text or "").upper() if c.isalnum())


def name_key(text: str | None) -> str:
    """The key by which a name is found: `plain`, in lower case."""
    return plain(text or "").lower()


def natural_key(text: str) -> str:
    """A key to sort by in which 1-2-101 comes before 1-10-101; static/field/filters.js has the
    same."""
    return _DIGITS.sub(lambda number: number[0].zfill(12), text.lower())


def parse_amount(cell: Any) -> int | None:
    """U9: an amount in whole cents, negative for a credit; None if it is none or is ambiguous.

    Reads "1,234.50", "¥12", "35.50元", "-50", "(50.00)", "=89.5*2.4" and numbers. "12,5" could be
    two numbers, and "1.500" could be a thousand and a half: both are None, as are fractions of a
    cent.
    """
    if isinstance(cell, bool) or not isinstance(cell, str | int | float | Decimal):
        return None
    if isinstance(cell, str) and _SPLIT_NUMBER.search(plain(cell)):
        return None
    if isinstance(cell, str) and cell.lstrip().startswith("="):
        return _cents_of(_calculated(code_key(cell)))
    text, is_credit = _unsigned(code_key(cell) if isinstance(cell, str) else number_text(cell))
    match = _AMOUNT.fullmatch(text)
    if not match or not match[0].strip("."):
        return None
    whole, fraction = match[1].replace(",", ""), match[2] or ""
    if len(fraction) == 3 and isinstance(cell, str):
        return None
    cents = _cents(whole, fraction)
    return -cents if cents and is_credit else cents


def number_text(number: float | Decimal) -> str:
    """A number as text, without the digits that binary fractions add and without an exponent."""
    if isinstance(number, float):
        number = Decimal(f"{number:.{FLOAT_DIGITS}g}")
    value = Decimal(number)
    return f"{value.normalize():f}" if value.is_finite() else ""


def parse_hours(text: str) -> str | None:
    """A span of hours as 09:00-11:30, from "9:00-11:30", "9点～11点半" and the like; None if it is
    none, or does not end after it begins."""
    match = _HOURS.fullmatch(code_key(text))
    if not match:
        return None
    start, end = _clock_time(*match.group(1, 2)), _clock_time(*match.group(3, 4))
    return f"{start:%H:%M}-{end:%H:%M}" if start and end and start < end else None


def parse_date(text: str) -> date | None:
    """A day: 2026-12-1, 2026/12/1, 2026.12.1, 2026年12月1日, 20261201. None for anything else."""
    key = code_key(text)
    match = _DATE.fullmatch(key)
    if match:
        year, first, month, second, day = match.groups()
        is_chinese = first == "年" and second == "月"
        if first == second or is_chinese:
            return _existing_day(year, month, day)
    compact = _COMPACT_DATE.fullmatch(key)
    return _existing_day(*compact.groups()) if compact else None


def parse_local_moment(text: str) -> datetime | None:
    """A day, perhaps with a time of day, without a zone: "2026/12/1 9:00", "2026年12月1日9点半"."""
    words = plain(text).replace("T", " ").replace("t", " ")
    found = re.match(r"[0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}[日号]?|[0-9]{8}\b", words)
    if not found or not (day := parse_date(found[0])):
        return None
    rest = words[found.end() :].replace(" ", "")
    if not rest:
        return datetime.combine(day, time())
    match = _CLOCK.fullmatch(rest)
    moment = match and _clock_time(*match.groups())
    return datetime.combine(day, moment) if moment else None


def parse_period(cell: Any) -> str:
    """The period of a fee: a month as 2026-10 from any way of writing it, a day as 2026-10-15;
    other words ("Q3", "10") stay as they are.

    Raises Ambiguous for what may be two periods: the number 2026.1 is January, or October whose
    zero a spreadsheet dropped.
    """
    if cell is None or cell == "":
        return ""
    if isinstance(cell, date):  # a datetime is one
        return _period_of_day(cell)
    if isinstance(cell, float | int | Decimal):
        return _period_of_number(number_text(cell))
    key = code_key(str(cell))
    if day := parse_date(key):
        return _period_of_day(day)
    key = _SHORT_YEAR.sub(r"20\1\2", key) if _SHORT_YEAR.fullmatch(key) else key
    if month_first := _MONTH_FIRST.fullmatch(key):
        key = f"{month_first[2]}-{MONTHS.get(month_first[1][:3], month_first[1])}"
    match = _MONTH.fullmatch(key)
    if match is None:
        if _MONTH_NAME.fullmatch(key):
            raise Ambiguous  # "Oct-26" is a month or a day
        return visible(str(cell))
    year, mark, short, chinese, compact = match.groups()
    if mark == "." and short == "1":
        raise Ambiguous
    month = int(short or chinese or compact)
    return f"{year}-{month:02}" if 1 <= month <= 12 else visible(str(cell))


def _is_dash(character: str) -> bool:
    return character in DASHES or unicodedata.category(character) == "Pd"


def _visible_character(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "Z" or character in "\t\n\r\x0b\x0c\x85":
        return " "
    is_invisible = category in ("Cc", "Cf", "Cs", "Co", "Cn") or "\ufe00" <= character <= "\ufe0f"
    return "" if is_invisible or character in BLANK_LETTERS else character


def _unsigned(text: str) -> tuple[str, bool]:
    """An amount without its currency and its sign, and whether it is a credit."""
    bracketed = _BRACKETED.fullmatch(text)
    if bracketed:
        return _CURRENCY.sub("", _CURRENCY.sub("", bracketed[1])), True
    text = _CURRENCY.sub("", _CURRENCY.sub("", text))
    signed = _SIGNED.fullmatch(text)
    if not signed:
        return text, False
    return _CURRENCY.sub("", text.strip("+-")), "-" in signed.groups()


def _cents(whole: str, fraction: str) -> int | None:
    if len(whole) + len(fraction) > MAX_DIGITS:
        return None
    amount = Decimal(f"{whole or 0}.{fraction or 0}")
    if len((whole + fraction).lstrip("0")) >= FLOAT_DIGITS:  # a program printed a binary fraction
        amount = Decimal(number_text(float(amount)))
    return _cents_of(Fraction(amount))


def _cents_of(amount: Fraction | None) -> int | None:
    return int(amount * 100) if amount is not None and (amount * 100).denominator == 1 else None


def _calculated(formula: str) -> Fraction | None:
    """The exact result of a formula of plain numbers that was stored as text, or None."""
    if not _FORMULA.fullmatch(formula) or "**" in formula or "//" in formula:
        return None
    try:
        return _evaluate(ast.parse(formula[1:], mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
        return None


def _evaluate(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as value):
            return Fraction(str(value))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand)
        case ast.BinOp(left, ast.Add(), right):
            return _evaluate(left) + _evaluate(right)
        case ast.BinOp(left, ast.Sub(), right):
            return _evaluate(left) - _evaluate(right)
        case ast.BinOp(left, ast.Mult(), right):
            return _evaluate(left) * _evaluate(right)
        case ast.BinOp(left, ast.Div(), right):
            return _evaluate(left) / _evaluate(right)
    raise ValueError(ast.dump(node))


def _clock_time(hour: str, minute: str | None, second: str | None = None) -> time | None:
    try:
        return time(int(hour), 30 if minute == "半" else int(minute or 0), int(second or 0))
    except ValueError:
        return None


def _existing_day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _period_of_day(day: date) -> str:
    """A spreadsheet turns a month into its first day."""
    return f"{day:%Y-%m}" if day.day == 1 else f"{day:%Y-%m-%d}"


def _period_of_number(text: str) -> str:
    match = re.fullmatch(r"([0-9]{4})\.?([0-9]{1,2})", text)
    if match and "." in text and match[2] == "1":
        raise Ambiguous
    if match and 1900 < int(match[1]) < 2200 and 1 <= int(match[2]) <= 12:
        return f"{match[1]}-{int(match[2]):02}"
    if len(text) >= 5:
        raise Ambiguous  # the number of a day, which the sheet does not show as one
    return text
