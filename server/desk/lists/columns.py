"""The columns of a list: what a row shows there, the same on the screen and in every file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import Flask
from sqlalchemy import select

from server.desk.certainty import SIGNS, certainties
from server.desk.labels import certainty_label
from server.desk.lists.context import ListContext
from server.i18n.filters import with_context
from server.i18n.locale import localize, moment
from server.models.places import Unit
from sync.protocol.clock import SITE_ZONE
from sync.protocol.text import Text


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that says more than a text. `tone` is bad, warn, ok, go or dim and repeats by colour
    what `icon` and the text say; `lead` stands in bold before the text; `url` is a link.
    `certainty`: how sure it is that somebody did it, who is the text."""

    text: str | int | Decimal | datetime
    tone: str = ""
    icon: str = ""
    lead: str = ""
    url: str = ""
    certainty: str = ""


Value = str | int | Decimal | datetime | Cell | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `value` reads a row, which has the columns of the database in `reads` by name.
    `sort` is what the list is sorted by for it; without it the list cannot be sorted so. `css`:
    "num" for numbers, "cut" for long text that may be cut off on the screen."""

    name: str
    label: Text
    value: Callable[[Any, ListContext], Value]
    reads: Sequence[Any] = ()
    sort: Sequence[Any] = ()
    shown: bool = True
    css: str = ""


def text_column(name: str, label: Text, column: Any, **more: Any) -> Column:
    """A column of the database as it is: a text, number or time."""
    key = column.key
    more.setdefault("sort", (column,))
    return Column(name, label, lambda row, _: getattr(row, key), (column,), **more)


def count_column(name: str, label: Text, column: Any, **more: Any) -> Column:
    """A number of things; none at all is drawn faintly."""
    key = column.key

    def value(row: Any, _: ListContext) -> Cell:
        number = getattr(row, key)
        return Cell(number, tone="" if number else "dim")

    return Column(name, label, value, (column,), sort=(column,), css="num", **more)


def day_column(name: str, label: Text, column: Any, **more: Any) -> Column:
    """The day of a time, with its year."""
    key = column.key
    return Column(
        name, label, lambda row, _: day_text(getattr(row, key)), (column,), (column,), **more
    )


def day_text(time: datetime | None) -> str:
    """The day of a time at the site, with its year; "" without one."""
    return f"{time.astimezone(SITE_ZONE):%Y-%m-%d}" if time else ""


def label_column(name: str, label: Text, column: Any, **more: Any) -> Column:
    """A column of the database that has a text for each language."""
    key = column.key
    return Column(name, label, lambda row, _: localize(getattr(row, key)), (column,), **more)


def person_column(name: str, label: Text, column: Any, **more: Any) -> Column:
    """The name of a person."""
    key = column.key
    return Column(name, label, lambda row, c: c.person(getattr(row, key)), (column,), **more)


def author_column(name: str, label: Text, by: Any, at: Any, **more: Any) -> Column:
    """Who did something to the record, at the time of the column `at`, and how sure that is. Its
    list has `load_authors` as `prepare`."""
    by_key, at_key = by.key, at.key

    def value(row: Any, context: ListContext) -> Cell | str:
        name, by_id = context.person(getattr(row, by_key)), getattr(row, by_key)
        sure = certainties().of(row.id, by_id, getattr(row, at_key))
        return Cell(name, certainty=sure) if sure else name

    return Column(name, label, value, (by, at), **more)


def load_authors(rows: Sequence[Any], _: ListContext) -> None:
    """Read who did something to these records, for all `author_column`s at once."""
    certainties().load(row.id for row in rows)


def choice_column(name: str, label: Text, column: Any, type_: str, **more: Any) -> Column:
    """The label of a field's value, of a record type."""
    key = column.key
    more.setdefault("sort", (column,))
    return Column(
        name, label, lambda row, c: c.value(type_, key, getattr(row, key)), (column,), **more
    )


def place_column(name: str, label: Text, home: Any, area: Any = None, **more: Any) -> Column:
    """The home, else the area."""
    columns = [column for column in (home, area) if column is not None]
    return Column(
        name,
        label,
        lambda row, context: place_name(
            context, getattr(row, home.key), getattr(row, area.key) if area is not None else None
        ),
        columns,
        **more,
    )


def home_order(home: Any) -> Any:
    """What to sort by for the natural order of homes: `home` is a column with their ids."""
    table = home.class_
    query = select(Unit.sort_key).where(Unit.site_id == table.site_id, Unit.id == home)
    return query.correlate(table).scalar_subquery()


def place_name(context: ListContext, home: str | None, area: str | None = None) -> str:
    """What the home is called, else the area; "" without either."""
    return context.home(home) or context.area(area)


def init_app(app: Flask) -> None:
    """Give templates what `desk/lists/_cell.html` needs."""
    app.jinja_env.globals |= {"is_cell": lambda value: isinstance(value, Cell)}
    app.jinja_env.filters["screen_text"] = with_context(screen_text)


def screen_text(value: str | int | Decimal | datetime | None) -> str:
    """A value as a page shows it: a time of today without its day."""
    if isinstance(value, datetime):
        return moment(value)
    return "" if value is None else str(value)


def file_text(value: str | int | Decimal | datetime | None) -> str:
    """A value as a file has it: times in the zone of the site, with their day."""
    if isinstance(value, datetime):
        return f"{value.astimezone(SITE_ZONE):%Y-%m-%d %H:%M}"
    return "" if value is None else str(value)


def file_value(value: Value) -> str | int | Decimal:
    """What a file has in a cell: a number as a number, everything else as text."""
    if isinstance(value, Cell):
        if value.lead or value.certainty:
            sure = value.certainty
            said = f"{SIGNS[sure]} {certainty_label(sure)}" if sure else ""
            return " ".join(filter(None, (value.lead, file_text(value.text), said)))
        value = value.text
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    return file_text(value)
