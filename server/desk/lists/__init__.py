"""Lists of the desk. A feature declares a `RecordList` and gives it to `register_list`."""

from __future__ import annotations

from server.desk.lists.columns import (
    Cell,
    Column,
    author_column,
    choice_column,
    count_column,
    day_column,
    day_text,
    home_order,
    label_column,
    load_authors,
    person_column,
    place_column,
    place_name,
    text_column,
)
from server.desk.lists.context import ListContext
from server.desk.lists.filters import (
    AreaFilter,
    Choice,
    ChoiceFilter,
    HomeFilter,
    OptionFilter,
    PeriodFilter,
    PersonFilter,
    ValueFilter,
    WordsFilter,
    label_texts,
)
from server.desk.lists.pages import LISTS, register_list, render_list
from server.desk.lists.record_list import BulkAction, RecordList, View

__all__ = [
    "LISTS",
    "AreaFilter",
    "BulkAction",
    "Cell",
    "Choice",
    "ChoiceFilter",
    "Column",
    "HomeFilter",
    "ListContext",
    "OptionFilter",
    "PeriodFilter",
    "PersonFilter",
    "RecordList",
    "ValueFilter",
    "View",
    "WordsFilter",
    "author_column",
    "choice_column",
    "count_column",
    "day_column",
    "day_text",
    "home_order",
    "label_column",
    "label_texts",
    "load_authors",
    "person_column",
    "place_column",
    "place_name",
    "register_list",
    "render_list",
    "text_column",
]
