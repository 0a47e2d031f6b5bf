"""Finding the columns of a ledger by what they are called, in whatever order they stand."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sync.protocol.normalise import code_key, number_text, visible
from sync.protocol.text import Text, _lp

COLUMNS: Mapping[str, Text] = {
    "home": _lp("ledger column", "Home"),
    "item": _lp("ledger column", "Item"),
    "period": _lp("ledger column", "Period"),
    "amount": _lp("ledger column", "Amount"),
}
"""The headings of the template."""

OTHER_NAMES = {
    "home": {
        *("房号", "房间号", "房屋", "房屋编号", "房屋号", "房间", "室号", "户号"),
        *("单元房号", "门牌号", "住址", "home", "homeno.", "unit", "unitno."),
        *("flat", "flatno.", "room", "roomno.", "apartment"),
    },
    "item": {
        *("款项", "费用项目", "收费项目", "费用名称", "收费名称", "费项", "费用"),
        *("费用类型", "项目", "科目", "item", "fee", "feeitem", "charge", "feetype"),
    },
    "period": {
        *("期间", "费用期间", "收费期间", "账期", "所属期", "所属账期", "所属月份"),
        *("费用月份", "月份", "年月", "period", "month", "billingperiod"),
    },
    "amount": {
        *("金额", "欠费金额", "欠费", "欠缴金额", "未缴金额", "未收金额", "应收金额"),
        *("应缴金额", "应收", "欠款", "amount", "amountdue", "amountowed", "due", "owed"),
        *("arrears",),
    },
}
"""What these columns are called elsewhere."""

YUAN = frozenset({"", "元", "人民币", "人民币元", "单位:元", "rmb", "cny", "¥", "yuan"})
"""What may stand in brackets behind the heading of the amounts: only whole yuan are read."""

MAX_TITLE_ROWS = 20
"""The heading stands within this many rows of text."""

_MARKED_TEXT = re.compile(r"=\"([^\"]+)\"|'(.+)")
_BRACKETS = re.compile(r"[(\[【〔](.*?)[)\]】〕]")


class InvalidLedger(Exception):
    """The file as a whole cannot be read. `code` is the reason; `missing` are the columns that were
    not found (keys of COLUMNS), `found` the headings that stand there."""

    def __init__(self, code: str, missing: Sequence[str] = (), found: Sequence[str] = ()) -> None:
        super().__init__(code)
        self.code, self.missing, self.found = code, tuple(missing), tuple(found)


@dataclass(frozen=True, slots=True)
class Heading:
    """Where the columns are, by key of COLUMNS. `unused` are the headings of the other ones."""

    row: int
    places: dict[str, int]
    unused: tuple[str, ...] = ()
    keys: frozenset[str] = field(default=frozenset())
    """The headings of the columns, to recognise one that is repeated on each page."""


def cell_text(cell: Any) -> str:
    """A cell as people see it: a number without the digits that binary fractions add, a text
    without the sign by which a spreadsheet program was told that it is one."""
    if isinstance(cell, float):
        return number_text(cell)
    text = "" if cell is None else visible(str(cell))
    marked = _MARKED_TEXT.fullmatch(text)
    return visible(marked[1] or marked[2]) if marked else text


def find_heading(
    rows: Sequence[tuple[int, Sequence[Any]]], templates: Collection[tuple[str, ...]]
) -> Heading:
    """U20: the heading, by the names of its columns, below a title and in any order.

    `templates` are the headings of COLUMNS in each language. Raises InvalidLedger: `no-heading`,
    `two-columns`.
    """
    best: tuple[dict[str, list[int]], list[str]] = ({}, [])  # the row most like a heading
    for place, (_, cells) in enumerate(rows[:MAX_TITLE_ROWS]):
        texts = [cell_text(cell) for cell in cells]
        found = _columns_of(texts, templates)
        if len(found) == len(COLUMNS):
            return _heading(place, texts, found)
        likely = found if len(found) > 1 else {}
        if len(likely) > len(best[0]) or not best[1]:
            best = likely, texts
    missing = [name for name in COLUMNS if name not in best[0]]
    raise InvalidLedger("no-heading", missing, [text for text in best[1] if text][:12])


def _columns_of(
    texts: Sequence[str], templates: Collection[tuple[str, ...]]
) -> dict[str, list[int]]:
    """The places of the columns that these headings name, by key of COLUMNS."""
    found: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        key, unit = code_key(_BRACKETS.sub("", code_key(text))), _BRACKETS.search(code_key(text))
        for number, name in enumerate(COLUMNS):
            names = {code_key(template[number]) for template in templates} | OTHER_NAMES[name]
            is_yuan = name != "amount" or unit is None or unit[1] in YUAN
            if key in names and is_yuan:
                found.setdefault(name, []).append(place)
    return found


def _heading(place: int, texts: Sequence[str], found: Mapping[str, list[int]]) -> Heading:
    twice = next((name for name in COLUMNS if len(found[name]) > 1), None)
    if twice:
        raise InvalidLedger("two-columns", [twice], [texts[column] for column in found[twice]])
    places = {name: columns[0] for name, columns in found.items()}
    unused = [text for at, text in enumerate(texts) if text and at not in places.values()]
    keys = frozenset(code_key(texts[column]) for column in places.values())
    return Heading(place, places, tuple(unused), keys)
