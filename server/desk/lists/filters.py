"""The filters of a list. Each has its part of the address and its condition in SQL.

The value of a filter is a text: that of the address, or, for what must stand in no address, that of
a stored filter (`private`). Values that mean nothing are left out, as if nothing had been asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, NamedTuple

from flask_babel import gettext
from sqlalchemy import ColumnElement, and_, false, or_, select

from server.db.engine import db
from server.desk.field_errors import FieldError, FormRefused
from server.desk.form_fields import Options
from server.desk.homes import find_home, no_such_home
from server.desk.labels import value_labels
from server.desk.lists.context import ListContext
from server.desk.options import area_options, list_people, person_options
from server.i18n.local_time import format_local_time, parse_local_day, parse_local_time
from server.i18n.locale import translate
from server.models.places import Area, Unit
from sync.protocol.clock import SITE_ZONE
from sync.protocol.normalise import home_key, visible
from sync.protocol.text import Text, _l

ANY = "any"
"""The value of a choice that leaves nothing out, where leaving it empty means something else."""
MAX_LENGTH = 200
"""So long a text is looked for."""
MAX_WORDS = 10
"""So many different words of it: each looks through every row."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """`name` is the filter's in addresses and forms."""

    name: str
    label: Text
    private: bool = False
    """Whether its value may stand in no address: it may tell who somebody is."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its values."""
        return (self.name,)

    def values_of_form(self, form: Mapping[str, str], context: ListContext) -> dict[str, str]:
        """Its values from a form. Raises FormRefused for what cannot be understood."""
        return {name: visible(form.get(name, ""))[:MAX_LENGTH] for name in self.inputs}

    def options(self, context: ListContext) -> Options:
        """What can be chosen; nothing if it is typed."""
        return []

    def condition(
        self, values: Mapping[str, str], context: ListContext
    ) -> ColumnElement[bool] | None:
        """The condition for its values; None if it leaves nothing out."""
        raise NotImplementedError

    def shown_value(self, values: Mapping[str, str], context: ListContext) -> str:
        """The value as people read it, "" if nothing is asked."""
        value = values.get(self.name, "")
        return dict(self.options(context)).get(value, "")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of the choices of a `ChoiceFilter`."""

    label: Text
    condition: Callable[[ListContext], ColumnElement[bool]]


@dataclass(frozen=True, kw_only=True)
class ChoiceFilter(Filter):
    """One of several conditions, such as the state of a record."""

    choices: Mapping[str, Choice]
    default: str = ANY
    """What holds when the address does not say."""

    def options(self, context: ListContext) -> Options:
        shown = [(name, translate(choice.label)) for name, choice in self.choices.items()]
        return [(ANY, gettext("All")), *shown]

    def condition(
        self, values: Mapping[str, str], context: ListContext
    ) -> ColumnElement[bool] | None:
        chosen = self.choices.get(values.get(self.name) or self.default)
        return chosen.condition(context) if chosen else None

    def shown_value(self, values: Mapping[str, str], context: ListContext) -> str:
        chosen = self.choices.get(values.get(self.name) or self.default)
        return translate(chosen.label) if chosen else ""


@dataclass(frozen=True, kw_only=True)
class ValueFilter(Filter):
    """One of the values of a field that has a fixed set of them."""

    column: Any
    record_type: str
    field: str

    def options(self, context: ListContext) -> Options:
        return list(value_labels(self.record_type, self.field).items())

    def condition(
        self, values: Mapping[str, str], context: ListContext
    ) -> ColumnElement[bool] | None:
        value = values.get(self.name)
        equal: ColumnElement[bool] = self.column == value
        return equal if value else None


@dataclass(frozen=True, kw_only=True)
class OptionFilter(Filter):
    """One of what the site has, such as its routes or standards: `load` lists value and label."""

    column: Any
    load: Callable[[ListContext], Options]

    def options(self, context: ListContext) -> Options:
        return context.once(("options", self.name), lambda: self.load(context))

    def condition(
        self, values: Mapping[str, str], context: ListContext
    ) -> ColumnElement[bool] | None:
        value = values.get(self.name)
        equal: ColumnElement[bool] = self.column == value
        return equal if value else None


@dataclass(frozen=True, kw_only=True)
class PersonFilter(Filter):
    """Somebody who works at the site, in any of these columns."""

    columns: Sequence[Any]

    def options(self, context: ListContext) -> Options:
        return context.once("people", lambda: person_options(list_people(context.site_id)))

    def condition(
        self, values: Mapping[str, str], context: ListContext
    ) -> ColumnElement[bool] | None:
        value = values.get(self.name)
        return or_(*(column == value for column in self.columns)) if value else None


@dataclass(frozen=True, kw_only=True)
class AreaFilter(Filter):
    """An area with all that lies in it, and with the homes there if `home` is given."""

    column: Any = None
    home: Any = None

    def options(self, context: ListContext) -> Options:
        return context.once("areas", lambda: area_options(context.site_id))

    def condition(
        self, values: Mapping[str, str], context: ListContext
    ) -> ColumnElement[bool] | None:
        value = values.get(self.name)
        if not value:
            return None
        areas = areas_within(value, context)
        found = [] if self.column is None else [self.column.in_(areas)]
        if self.home is not None:
            homes = select(Unit.id).where(Unit.site_id == context.site_id, Unit.area_id.in_(areas))
            found.append(self.home.in_(homes))
        return or_(false(), *found)


def areas_within(area: str | None, context: ListContext) -> list[str]:
    """The ids of an area and of all areas in it, at any depth."""
    rows = context.once(
        "area parents",
        lambda: db.session.execute(
            select(Area.id, Area.parent_id).where(Area.site_id == context.site_id)
        ).all(),
    )
    within, grown = {area}, True
    while grown:
        found = {row.id for row in rows if row.parent_id in within} - within
        within |= found
        grown = bool(found)
    return sorted(id_ for id_ in within if id_)


@dataclass(frozen=True, kw_only=True)
class HomeFilter(Filter):
    """A home by its number, which is typed; the address has its id."""

    column: Any

    def values_of_form(self, form: Mapping[str, str], context: ListContext) -> dict[str, str]:
        typed = visible(form.get(self.name, ""))
        if not typed:
            return {self.name: ""}
        found = find_home(context.names, typed)
        if found is None:
            message = no_such_home(typed)
            raise FormRefused(message, [FieldError((self.name,), message)])
        return {self.name: found}

    def condition(
        self, values: Mapping[str, str], context: ListContext
    ) -> ColumnElement[bool] | None:
        value = values.get(self.name)
        equal: ColumnElement[bool] = self.column == value
        return equal if value else None

    def shown_value(self, values: Mapping[str, str], context: ListContext) -> str:
        return context.home(values.get(self.name))


@dataclass(frozen=True, kw_only=True)
class PeriodFilter(Filter):
    """The days from `<name>_since` to `<name>_until`, both included, of a time. `until_column`: of
    a time that lasts, such as a visit; everything is found that falls in part into the period.
    `times`: besides days, times of day can be given; of a day they are its beginning and end.

    Instead of a day, `<name>_since` may name one of PERIODS, which moves with the days. `default`
    is the one that holds when the address does not say, `ahead` offers those to come too."""

    column: Any
    until_column: Any = None
    times: bool = False
    default: str = ANY
    ahead: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        return (f"{self.name}_since", f"{self.name}_until")

    def periods(self) -> list[tuple[str, Text]]:
        """The named periods that are offered, each with its label."""
        return [(n, p.label) for n, p in PERIODS.items() if self.ahead or not p.is_ahead]

    def named(self, values: Mapping[str, str]) -> Period | None:
        """The named period that is asked; None for days."""
        since, until = (values.get(name, "") for name in self.inputs)
        return None if until else PERIODS.get(since)

    def days(self, values: Mapping[str, str]) -> Days:
        """The first and the last day; None where it has no end."""
        if period := self.named(values):
            return period.days(datetime.now(SITE_ZONE).date())
        since, until = (parse_local_day(values.get(name, "")) for name in self.inputs)
        return since, until

    def span(self, values: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
        """The first moment, and the one before which the period ends."""
        first, last = self.days(values)
        start = day_start(first) if first else None
        end = day_start(last + timedelta(days=1)) if last else None
        if self.times:
            since, until = (parse_local_time(values.get(name, "")) for name in self.inputs)
            start, end = start or since, end or until
        return start, end

    def input_values(self, values: Mapping[str, str]) -> list[str]:
        """What the two inputs of a form have."""
        if not self.times:
            return [str(day or "") for day in self.days(values)]
        return [format_local_time(moment) if moment else "" for moment in self.span(values)]

    def values_of_form(self, form: Mapping[str, str], context: ListContext) -> dict[str, str]:
        """The period of the form's days, under its name if it had one and was left as it was."""
        since, until = self.inputs
        given = {name: visible(form.get(name, ""))[:MAX_LENGTH] for name in self.inputs}
        before = {since: form.get(f"{self.name}_named", ""), until: ""}
        if self.named(before) and self.span(given) == self.span(before):
            return before
        nothing = "" if self.default == ANY else ANY
        return given if any(given.values()) else {since: nothing, until: ""}

    def condition(
        self, values: Mapping[str, str], context: ListContext
    ) -> ColumnElement[bool] | None:
        start, end = self.span(values)
        end_column = self.column if self.until_column is None else self.until_column
        conditions = []
        if start:
            conditions.append(end_column >= start)
            if self.until_column is not None:
                conditions[-1] = end_column > start
                if _may_be_missing(end_column):
                    conditions[-1] = or_(conditions[-1], end_column.is_(None))
        if end:
            conditions.append(self.column < end)
        return and_(*conditions) if conditions else None

    def shown_value(self, values: Mapping[str, str], context: ListContext) -> str:
        if period := self.named(values):
            return translate(period.label)
        since, until = self.days(values)
        if since and since == until:
            return str(since)
        if self.times:
            said = [text.replace("T", " ") for text in self.input_values(values)]
            return " – ".join(said) if any(said) else ""
        return f"{since or ''} – {until or ''}" if since or until else ""


Days = tuple[date | None, date | None]


class Period(NamedTuple):
    """A period that moves with the days: `days` turns today into its first and last day."""

    label: Text
    days: Callable[[date], tuple[date, date]]
    is_ahead: bool = False


def _around(first: int, last: int) -> Callable[[date], tuple[date, date]]:
    """The period from so many days from today to so many."""
    return lambda today: (today + timedelta(days=first), today + timedelta(days=last))


PERIODS = {
    "today": Period(_l("Today"), _around(0, 0)),
    "yesterday": Period(_l("Yesterday"), _around(-1, -1)),
    "tomorrow": Period(_l("Tomorrow"), _around(1, 1), is_ahead=True),
    "coming": Period(_l("Coming 7 days"), _around(0, 6), is_ahead=True),
    "week": Period(_l("7 days"), _around(-6, 0)),
    "days30": Period(_l("30 days"), _around(-29, 0)),
    "days90": Period(_l("90 days"), _around(-89, 0)),
    "month": Period(_l("This month"), lambda today: (today.replace(day=1), today)),
}
"""The periods that are asked often, by what an address calls them."""


def _may_be_missing(column: Any) -> bool:
    """Whether a column may be NULL. Where it may not, an index finds a time in it."""
    return bool(getattr(getattr(column, "expression", column), "nullable", True))


def day_start(day: date) -> datetime:
    """When a day begins at the site."""
    return datetime.combine(day, time(), SITE_ZONE)


@dataclass(frozen=True, kw_only=True)
class WordsFilter(Filter):
    """Words, each of which stands in one of the `columns`, or is part of the name of one of the
    `people`, or the number of one of the `homes`. `keys` are columns with a normalised text, by the
    function that normalises a word. `named` are columns of ids, each with what loads the text that
    belongs to an id: for tables that do not grow."""

    columns: Sequence[Any] = ()
    people: Sequence[Any] = ()
    homes: Sequence[Any] = ()
    areas: Sequence[Any] = ()
    keys: Mapping[Any, Callable[[str], str]] = field(default_factory=dict)
    named: Mapping[Any, Callable[[ListContext], Mapping[str, str]]] = field(default_factory=dict)
    private: bool = True

    def condition(
        self, values: Mapping[str, str], context: ListContext
    ) -> ColumnElement[bool] | None:
        words = list(dict.fromkeys(values.get(self.name, "").split()))[:MAX_WORDS]
        return and_(*(self._word(word, context) for word in words)) if words else None

    def _word(self, word: str, context: ListContext) -> ColumnElement[bool]:
        names, small = context.names, word.casefold()
        found: list[ColumnElement[bool]] = [
            column.icontains(word, autoescape=True) for column in self.columns
        ]
        for column, normalise in self.keys.items():
            if key := normalise(word):
                found.append(column.icontains(key, autoescape=True))
        if self.people:
            ids = [id_ for id_, name in names.people.items() if small in name.casefold()]
            found += [column.in_(ids) for column in self.people]
        if self.homes:
            key = home_key(word)
            ids = [i for i, label in names.units.items() if key in map(home_key, label.values())]
            found += [column.in_(ids) for column in self.homes]
        if self.areas:
            ids = [i for i, each in names.areas.items() if _says(each, small)]
            found += [column.in_(ids) for column in self.areas]
        for column, load in self.named.items():
            texts = context.once(("texts", column.key), partial(load, context))
            found.append(column.in_([i for i, text in texts.items() if small in text.casefold()]))
        return or_(false(), *found)

    def shown_value(self, values: Mapping[str, str], context: ListContext) -> str:
        return values.get(self.name, "")


def _says(label: Mapping[str, str], small: str) -> bool:
    return any(small in text.casefold() for text in label.values())


def label_texts(labels: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Labels by id as texts to look for words in: all languages of each."""
    return {id_: " ".join(label.values()) for id_, label in labels.items()}
