"""Finding the columns of a ledger by what they are called, in whatever order they stand."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
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
        *("单元房号", "门牌号", "住址", "房间名称", "房屋名称", "home", "homeno", "unit", "unitno"),
        *("flat", "flatno", "room", "roomno", "apartment", "apartmentno"),
    },
    "item": {
        *("款项", "费用项目", "收费项目", "费用名称", "收费名称", "费项", "费用"),
        *("费用类型", "费用项", "收费科目", "费用科目", "项目", "科目"),
        *("item", "fee", "feeitem", "charge", "feetype"),
    },
    "period": {
        *("期间", "费用期间", "收费期间", "账期", "所属期", "所属账期", "所属月份"),
        *("费用月份", "费用年月", "费用所属期", "收费月份", "计费月份", "应收月份", "欠费月份"),
        *("月份", "年月", "period", "month", "billingperiod", "billingmonth"),
    },
    "amount": {
        *("金额", "应收金额", "应缴金额", "应收", "应缴", "amount", "amountbilled"),
    },
}
"""What these columns are called elsewhere."""

OWED_NAMES = frozenset(
    {
        *(
            "欠费金额",
            "欠费",
            "欠费合计",
            "欠缴金额",
            "欠缴",
            "欠款",
            "欠款金额",
            "未缴金额",
            "未缴",
        ),
        *("未收金额", "未收", "待缴金额", "amountdue", "amountowed", "due", "owed", "arrears"),
        *("outstanding", "balancedue"),
    }
)
"""What a column of amounts is called that says what is still owed, whatever stands beside it."""

PAID_NAMES = frozenset(
    {
        *(
            "实收金额",
            "实收",
            "已收金额",
            "已收",
            "实缴金额",
            "实缴",
            "已缴金额",
            "已缴",
            "已付金额",
        ),
        *("已付", "paid", "amountpaid", "received", "amountreceived"),
    }
)
"""What a column of payments is called: the amounts beside it are then not what is owed."""

YUAN = frozenset({"", "元", "人民币", "人民币元", "单位:元", "rmb", "cny", "¥", "yuan"})
"""What may stand in brackets behind the heading of the amounts: only whole yuan are read."""

MAX_TITLE_ROWS = 20
"""The heading stands within this many rows of text."""

_MARKED_TEXT = re.compile(r"=\"([^\"]+)\"|'(.+)")
_BRACKETS = re.compile(r"[(\[【〔]([^()\[\]【】〔〕]*)[)\]】〕]")
_YUAN_SUFFIX = re.compile(r"(?<=.)[/:]?(?:人民币|元|rmb|cny|yuan|¥)$")
_OTHER_UNIT = re.compile(
    r"(?:单位|unit|currency|币种):?\(?(?:人民币)?(?:[万千百]元?|角|分|美元|港[元币]|usd|hkd)"
)


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
    keys: tuple[str, ...] = ()
    """The headings of COLUMNS, to recognise one that is repeated on each page."""


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
    `two-columns`, `paid-column`, `not-yuan`.
    """
    best: tuple[dict[str, list[int]], list[str]] = ({}, [])  # the row most like a heading
    for place, (_, cells) in enumerate(rows[:MAX_TITLE_ROWS]):
        texts = [cell_text(cell) for cell in cells]
        if other := next((text for text in texts if _OTHER_UNIT.search(code_key(text))), None):
            raise InvalidLedger("not-yuan", found=[other])
        found = columns_of(texts, templates)
        if len(found) == len(COLUMNS):
            return _heading(place, texts, found)
        likely = found if len(found) > 1 else {}
        if len(likely) > len(best[0]) or not best[1]:
            best = likely, texts
    missing = [name for name in COLUMNS if name not in best[0]]
    raise InvalidLedger("no-heading", missing, [text for text in best[1] if text][:12])


def columns_of(
    texts: Sequence[str], templates: Collection[tuple[str, ...]]
) -> dict[str, list[int]]:
    """The places of the columns that these headings name, by key of COLUMNS."""
    found: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        key, unit = _heading_key(text), _BRACKETS.search(code_key(text))
        for number, name in enumerate(COLUMNS):
            names = {code_key(template[number]) for template in templates} | OTHER_NAMES[name]
            if name == "amount":
                names |= OWED_NAMES
                key = _YUAN_SUFFIX.sub("", key)
            is_yuan = name != "amount" or unit is None or unit[1] in YUAN
            if key in names and is_yuan:
                found.setdefault(name, []).append(place)
    return found


def _heading_key(text: str) -> str:
    """The key of a heading without what stands in brackets, and without marks around it."""
    return _BRACKETS.sub("", code_key(text)).strip("*:#.")


def _amount_key(text: str) -> str:
    """The key of the heading of amounts without its unit."""
    return _YUAN_SUFFIX.sub("", _heading_key(text))


def _heading(place: int, texts: Sequence[str], found: Mapping[str, list[int]]) -> Heading:
    amounts = _owed_columns(texts, found["amount"])
    found = {**found, "amount": amounts}
    twice = next((name for name in COLUMNS if len(found[name]) > 1), None)
    if twice:
        raise InvalidLedger("two-columns", [twice], [texts[column] for column in found[twice]])
    places = {name: columns[0] for name, columns in found.items()}
    unused = [text for at, text in enumerate(texts) if text and at not in places.values()]
    keys = tuple(code_key(texts[places[name]]) for name in COLUMNS)
    return Heading(place, places, tuple(unused), keys)


def _owed_columns(texts: Sequence[str], amounts: list[int]) -> list[int]:
    """Of several columns of amounts, the one that says what is owed. What was billed is not what
    is owed if a column beside it says what was paid: raises InvalidLedger `paid-column`."""
    owed = [column for column in amounts if _amount_key(texts[column]) in OWED_NAMES]
    paid = [text for text in texts if _amount_key(text) in PAID_NAMES]
    if not owed and paid:
        raise InvalidLedger("paid-column", found=paid)
    return owed or amounts
