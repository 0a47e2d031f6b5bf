"""What somebody asks of a list: filters, order, page, columns; from an address, a form, a view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from flask import request

from server.desk.lists.context import ListContext
from server.desk.lists.filters import ANY, Filter
from server.desk.lists.record_list import RecordList
from server.desk.lists.stored import find_filter

ROWS = (25, 50)
"""How many rows a page has."""
MAX_PAGE = 100_000
WORDS = "f"
"""The parameter of an address with the id of the stored words."""


@dataclass(frozen=True)
class Asked:
    """`values` are those of the filters, also of the private ones; `stored` is the id of the stored
    filter that holds the private ones, "" without any."""

    list_: RecordList
    context: ListContext
    values: Mapping[str, str]
    stored: str = ""
    sort: str = ""
    page: int = 1
    rows: int = ROWS[0]
    columns: tuple[str, ...] = ()
    is_expired: bool = False
    """The stored filter does not exist any more: what it held is not asked."""

    @cached_property
    def total(self) -> int:
        """How many rows there are on all pages."""
        return self.list_.count(self.values, self.context)

    @property
    def pages(self) -> int:
        return max(-(-self.total // self.rows), 1)

    @property
    def shown_page(self) -> int:
        """The page that is shown: the last one for a page beyond it."""
        return min(self.page, self.pages)

    def arguments(self, **changes: Any) -> dict[str, str]:
        """The parameters of an address that asks the same but for `changes`: names of filters with
        their values, `sort`, `page`, `rows`, `columns` ("" leaves one out)."""
        private, defaults = private_inputs(self.list_), self.list_.defaults
        all_: dict[str, Any] = {
            WORDS: self.stored,
            **{n: v for n, v in self.values.items() if n not in private and v != defaults.get(n)},
            "sort": self.sort if self.sort != self.list_.order else "",
            "rows": self.rows if self.rows != ROWS[0] else "",
            "columns": ",".join(self.columns),
            **changes,
        }
        return {name: str(value) for name, value in all_.items() if value not in ("", None)}

    def shown_columns(self) -> list[Any]:
        """The columns in their order: those that were chosen, else those that are shown first."""
        chosen = [column for column in self.list_.columns if column.name in self.columns]
        return chosen or [column for column in self.list_.columns if column.shown]

    def narrowed(self, filter_: Filter) -> bool:
        """Whether this filter leaves something out that the list shows by itself."""
        defaults = self.list_.defaults
        return any(
            self.values.get(name, "") not in ("", ANY, defaults.get(name, ""))
            for name in filter_.inputs
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter leaves something out."""
        return any(self.narrowed(each) for each in self.list_.filters)

    def cleared(self) -> dict[str, str]:
        """The parameters of an address that leaves nothing out, also not what the list leaves out
        by itself."""
        choices = dict.fromkeys(self.list_.defaults, ANY)
        return (
            self.arguments(**dict.fromkeys(filter_inputs(self.list_), ""), **{WORDS: ""}) | choices
        )

    def without(self, filter_: Filter) -> dict[str, str]:
        """The parameters of an address that asks the same without a filter."""
        return self.arguments(
            **dict.fromkeys(filter_.inputs, ""), **({WORDS: ""} if filter_.private else {})
        )


def without_nul(text: str) -> str:
    """A text that a database can compare: PostgreSQL knows no NUL."""
    return text.replace("\x00", "")


def private_inputs(list_: RecordList) -> set[str]:
    """The names of values that stand in no address."""
    return {name for each in list_.filters if each.private for name in each.inputs}


def filter_inputs(list_: RecordList) -> list[str]:
    """The names of the values of all filters."""
    return [name for each in list_.filters for name in each.inputs]


def asked_by_address(list_: RecordList, context: ListContext) -> Asked:
    """What the address of this request asks."""
    given = {name: without_nul(text) for name, text in request.args.items()}
    stored_id = given.get(WORDS, "")[:40]
    stored = find_filter(context, list_.name, stored_id) if stored_id else None
    private = private_inputs(list_)
    words = {name: (stored.values if stored else {}).get(name, "") for name in private}
    public = {n: given.get(n, "")[:200] for n in filter_inputs(list_) if n not in private}
    asked = asked_by_values(list_, context, {**words, **public}, given)
    is_expired = bool(stored_id and not stored)
    return replace(asked, stored=stored_id if stored else "", is_expired=is_expired)


def asked_by_values(
    list_: RecordList,
    context: ListContext,
    values: Mapping[str, str],
    settings: Mapping[str, str],
) -> Asked:
    """What these values of the filters ask, with order, page, length and columns as `settings` say,
    where they make sense."""
    inputs = filter_inputs(list_)
    given = {name: values.get(name, "") or list_.defaults.get(name, "") for name in inputs}
    sortable = {column.name for column in list_.columns if column.sort}
    sort, rows, page = (settings.get(name, "") for name in ("sort", "rows", "page"))
    names = [column.name for column in list_.columns]
    chosen = [name for name in settings.get("columns", "").split(",") if name in names]
    is_usual = set(chosen) == {column.name for column in list_.columns if column.shown}
    return Asked(
        list_,
        context,
        given,
        sort=sort if sort.removeprefix("-") in sortable else list_.order,
        rows=int(rows) if rows in map(str, ROWS) else ROWS[0],
        page=min(max(int(page[:10]), 1), MAX_PAGE) if page.isascii() and page.isdigit() else 1,
        columns=() if is_usual else tuple(dict.fromkeys(chosen)),
    )


def settings_of(asked: Asked) -> dict[str, str]:
    """What a saved view keeps: the values of the filters, the order and the columns."""
    values = {name: value for name, value in asked.values.items() if value}
    return {**values, "sort": asked.sort, "columns": ",".join(asked.columns)}
