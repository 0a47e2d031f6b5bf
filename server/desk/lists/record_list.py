"""A list of the desk, declared once: its columns, filters, views and bulk actions.

From it come the page, the files, the saved views and the bulk actions; see `pages.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, select, true

from server.db.engine import db
from server.desk.form_fields import FormField
from server.desk.lists.columns import Column
from server.desk.lists.context import ListContext
from server.desk.lists.filters import ANY, ChoiceFilter, Filter, PeriodFilter
from sync.protocol.text import Text

Op = tuple[str, str, dict[str, Any]]
"""A kind, its subject and its payload."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A tab above a list: a filter that everybody has, and perhaps an order of its own, `sort`.
    `alarms`: its count is red."""

    name: str
    label: Text
    values: Mapping[str, str]
    alarms: bool = False


@dataclass(frozen=True, kw_only=True)
class BulkAction:
    """Something that is done to all selected rows with one form. `ops` turns a row's id and the
    form into the ops of that row: kind, subject, payload. Where ops alone do not do it, `do` takes
    all ids and the form instead, and returns why some were refused, by their id."""

    name: str
    label: Text
    ops: Callable[[str, Mapping[str, str]], Sequence[Op]] = lambda id_, form: ()
    do: Callable[[Sequence[str], Mapping[str, str]], Mapping[str, str]] | None = None
    inputs: Callable[[ListContext], Sequence[FormField]] = lambda _: ()
    input_of: Mapping[str, str] = field(default_factory=dict)
    """The input that a field of the payload comes from, where their names differ."""
    roles: Collection[str] = ()
    """Who may do it, of those who see the list; everybody if none is named."""
    icon: str = ""
    explains: Text | None = None
    """What it does, where the label does not say it."""

    def prefixed_inputs(self, context: ListContext) -> list[FormField]:
        """Its inputs as they stand in the one form of all actions: with the action's name. None is
        required in the browser: one left empty would stop the other actions."""
        return [
            replace(each, name=f"{self.name}.{each.name}", required=False)
            for each in self.inputs(context)
        ]

    def typed(self, form: Mapping[str, str]) -> dict[str, str]:
        """What was typed into its inputs, by their own names."""
        start = f"{self.name}."
        return {n.removeprefix(start): text for n, text in form.items() if n.startswith(start)}


@dataclass(frozen=True, kw_only=True)
class RecordList:
    """A list of records of the current user's site.

    `name` is that of its files and of its stored filters. `site` and `id` are columns of the table.
    `conditions` leave out what is never shown, such as erased records. `joined` adds tables that
    columns or filters need. `order` is the name of the column that it is sorted by, with "-" before
    it for the largest first. `show` is the endpoint of a row's page, by its argument
    `show_argument`: the row's `id`, or what it has in `show_by`. `show_values` are its others.
    """

    name: str
    title: Text
    roles: Collection[str]
    site: Any
    id: Any
    columns: Sequence[Column]
    order: str
    filters: Sequence[Filter] = ()
    views: Sequence[View] = ()
    actions: Sequence[BulkAction] = ()
    row_action: Callable[[Any, ListContext], str] = lambda row, context: ""
    """The name of the action, one without inputs, that a row offers as its button; "" for none."""
    show: str = ""
    show_argument: str = "id"
    show_by: str = "id"
    show_values: Mapping[str, str] = field(default_factory=dict)
    conditions: Callable[[ListContext], Sequence[Any]] = lambda _: ()
    joined: Callable[[Select[Any]], Select[Any]] = lambda query: query
    prepare: Callable[[Sequence[Any], ListContext], None] = lambda rows, context: None
    """Reads what the columns need besides, for all rows at once."""
    personal: bool = False
    """Its files have data of residents: taking one needs a recent sign-in, and is noted."""
    formulas: Sequence[str] = ()
    """The ids in `sync/RULES.md` of the rules by which its values are computed."""
    help: Text | None = None
    """What the list is for, in one sentence."""
    empty: Text | None = None
    """The next step while there is nothing in the list."""
    template: str = "desk/lists/page.html"
    extra: Callable[[], dict[str, Any]] = dict
    """What the template needs besides, such as the form for a new record."""
    reads: tuple[Any, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Collect the columns of the database; raises ValueError if two share a name."""
        found: dict[str, Any] = {"id": self.id}
        for column in self.columns:
            for read in column.reads:
                if found.setdefault(read.key, read) is not read and not _same(found, read):
                    raise ValueError(f"{self.name}: two columns are called {read.key}")
        object.__setattr__(self, "reads", tuple(found.values()))

    def column(self, name: str) -> Column:
        """A column by its name. Raises KeyError."""
        return {column.name: column for column in self.columns}[name]

    def view(self, name: str) -> View:
        """A view by its name. Raises KeyError."""
        return {view.name: view for view in self.views}[name]

    @property
    def defaults(self) -> dict[str, str]:
        """What holds of choices and periods when an address does not say."""
        chosen = [each for each in self.filters if isinstance(each, ChoiceFilter | PeriodFilter)]
        return {each.inputs[0]: each.default for each in chosen if each.default != ANY}

    def where(self, values: Mapping[str, str], context: ListContext) -> list[Any]:
        """The conditions for these values of the filters."""
        asked = _conditions(self.filters, values, context)
        return [self.site == context.site_id, *self.conditions(context), *asked]

    def count(self, values: Mapping[str, str], context: ListContext) -> int:
        """How many rows these values of the filters leave."""
        query = self.joined(select(func.count(self.id))).where(*self.where(values, context))
        return db.session.scalar(query) or 0

    def counts(self, several: Sequence[Mapping[str, str]], context: ListContext) -> list[int]:
        """The same for several filters, in one statement. Rows of one period are read once, however
        many choices they are counted for."""
        readings: dict[Any, list[int]] = {}
        for number, values in enumerate(several):
            readings.setdefault(self._reading(values, context), []).append(number)
        parts = [
            self._count_choices({n: several[n] for n in numbers}, context).subquery()
            for numbers in readings.values()
        ]
        if not parts:
            return []
        columns = {column.name: column for part in parts for column in part.c}
        together: FromClause = parts[0]
        for part in parts[1:]:
            together = together.join(part, true())
        query = select(*(columns[f"n{n}"] for n in range(len(several)))).select_from(together)
        return list(db.session.execute(query).one())

    def _reading(self, values: Mapping[str, str], context: ListContext) -> Any:
        """What is the same for filters that one reading of the table can count: everything but the
        choices, if there is a period. Without one an index may find the rows of a choice."""
        periods = [each for each in self.filters if isinstance(each, PeriodFilter)]
        if all(each.condition(values, context) is None for each in periods):
            return tuple(sorted(values.items()))
        choices = {each.name for each in self.filters if isinstance(each, ChoiceFilter)}
        return tuple(sorted((name, value) for name, value in values.items() if name not in choices))

    def _count_choices(
        self, several: Mapping[int, Mapping[str, str]], context: ListContext
    ) -> Select[Any]:
        """The counts of filters of one reading, each in the column `n<its number>`."""
        choices = [each for each in self.filters if isinstance(each, ChoiceFilter)]
        found = {n: _conditions(choices, values, context) for n, values in several.items()}
        counts: list[ColumnElement[Any]] = [
            func.count(case((and_(true(), *asked), self.id))).label(f"n{n}")
            for n, asked in found.items()
        ]
        others = [each for each in self.filters if not isinstance(each, ChoiceFilter)]
        shared = _conditions(others, next(iter(several.values())), context)
        if len(several) == 1:  # so that an index finds them
            shared += next(iter(found.values()))
        own = self.site == context.site_id, *self.conditions(context)
        return self.joined(select(*counts)).where(*own, *shared)

    def query(self, values: Mapping[str, str], sort: str, context: ListContext) -> Select[Any]:
        """The rows for these values, sorted by the column `sort` ("-" before it: falling)."""
        falling, name = sort.startswith("-"), sort.lstrip("-")
        by = [
            (each.desc() if falling else each.asc()).nulls_last() for each in self.column(name).sort
        ]
        query = self.joined(select(*self.reads)).where(*self.where(values, context))
        return query.order_by(*by, self.id.desc() if falling else self.id)

    def known(self, ids: Sequence[str], context: ListContext) -> set[str]:
        """Those of these ids that are of a row of the site."""
        query = self.joined(select(self.id)).where(self.site == context.site_id)
        return set(db.session.scalars(query.where(self.id.in_(ids))))

    def ids(self, values: Mapping[str, str], most: int, context: ListContext) -> list[str]:
        """The ids of the first `most` rows for these values."""
        query = self.joined(select(self.id)).where(*self.where(values, context))
        return list(db.session.scalars(query.order_by(self.id).limit(most)))


def _conditions(
    filters: Iterable[Filter], values: Mapping[str, str], context: ListContext
) -> list[ColumnElement[bool]]:
    """The conditions of these filters, of those that leave something out."""
    asked = (each.condition(values, context) for each in filters)
    return [condition for condition in asked if condition is not None]


def _same(found: Mapping[str, Any], read: Any) -> bool:
    """Whether a column is the one that was found under its name, perhaps through an alias."""
    return str(found[read.key]) == str(read)
