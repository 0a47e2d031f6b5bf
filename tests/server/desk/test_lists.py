"""Lists of the desk: what a filter leaves is the same on the page, in every file and in the
database; words stand in no address; views are saved; many rows are changed at once."""

from __future__ import annotations

import csv
import os
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import BytesIO, StringIO
from random import Random, SystemRandom
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader
from python_calamine import load_workbook
from sqlalchemy import select, update

from server.db.engine import db, write_transaction
from server.desk import pages
from server.desk.lists import (
    LISTS,
    AreaFilter,
    HomeFilter,
    OptionFilter,
    PeriodFilter,
    PersonFilter,
    RecordList,
    ValueFilter,
    WordsFilter,
)
from server.desk.lists.context import ListContext
from server.desk.lists.filters import ChoiceFilter, Filter, areas_within, day_start
from server.desk.lists.scheduled import ExportsFailed, export_folder, write_exports
from server.desk.spreadsheets import neutral
from server.models.access import LoginSession
from server.models.list_filters import KEEP_UNNAMED, ListFilter
from server.models.people import Person
from server.models.places import Unit
from server.models.security_log import AccessEntry
from server.models.tickets import Ticket
from server.oplog.directory import directory_of
from sync.protocol.clock import SITE_ZONE
from tests import soak
from tests.seed_data import ANA, BEN, EVE, HOME_SITE
from tests.server.conftest import DeskBrowser
from tests.soak import repeats

EN = {"Accept-Language": "en"}
SEED = os.environ.get("LODGE_SEED") or str(SystemRandom().randrange(10**6))
EXAMPLES = repeats("list_filters")
"""Random filters a list."""
PDF_LISTS = None if soak.SOAK else ("tickets", "visits", "tasks")
"""Whose PDF files are read; all if None."""
TICKETS = "/desk/tickets/"
LAMP = {"channel": "phone", "matter": "report", "contact": "Mo 138 0000 1111"}


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


@pytest.fixture
def ben(signed_in: Callable[..., DeskBrowser]) -> DeskBrowser:
    return signed_in(BEN)


def csv_table(text: str) -> list[list[str]]:
    """The rows of a list in a CSV file, from its headings to the empty line before its foot."""
    rows = list(csv.reader(StringIO(text.removeprefix("\ufeff"))))
    return rows[: rows.index([])] if [] in rows else rows


def xlsx_table(content: bytes) -> list[list[str]]:
    """The same of an XLSX file."""
    rows = load_workbook(BytesIO(content)).get_sheet_by_index(0).to_python()
    texts = [[_text(cell) for cell in row] for row in rows]
    empty = [number for number, row in enumerate(texts) if not any(row)]
    return texts[: empty[0]] if empty else texts


def _text(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def random_value(filter_: Filter, context: ListContext, rng: Random, rows: list[Any]) -> Any:
    """A value of a filter, taken from what there is."""
    if isinstance(filter_, PeriodFilter):
        first = datetime.now(SITE_ZONE).date() - timedelta(days=rng.randrange(40))
        return {
            filter_.inputs[0]: str(first),
            filter_.inputs[1]: str(first + timedelta(days=rng.randrange(40))),
        }
    if isinstance(filter_, HomeFilter):
        return {filter_.name: rng.choice([*context.names.units, ""])}
    if isinstance(filter_, WordsFilter):
        texts = [
            getattr(row, c.key) for row in rows for c in filter_.columns if hasattr(row, c.key)
        ]
        words = [word for text in texts if isinstance(text, str) for word in text.split()]
        return {filter_.name: rng.choice([*words, "%", "nobody-has-this", ""])}
    options = [value for value, _ in filter_.options(context)]
    return {filter_.name: rng.choice([*options, ""])}


def agrees(filter_: Filter, row: Any, values: Mapping[str, str], context: ListContext) -> bool:
    """Whether a row is one that a filter leaves, found without its SQL. Choices and words are taken
    at their SQL: tests of their features compare them with the rules."""
    value = values.get(filter_.name, "")
    if isinstance(filter_, PeriodFilter):
        return overlaps(filter_, row, values)
    if not value or isinstance(filter_, ChoiceFilter | WordsFilter):
        return True
    if isinstance(filter_, PersonFilter):
        return value in [getattr(row, column.key) for column in filter_.columns]
    if isinstance(filter_, AreaFilter):
        area = getattr(row, filter_.column.key) if filter_.column is not None else None
        home = getattr(row, filter_.home.key) if filter_.home is not None else None
        within = areas_within(value, context)
        unit = db.session.get(Unit, (context.site_id, home)) if home else None
        return area in within or (unit is not None and unit.area_id in within)
    if isinstance(filter_, HomeFilter | ValueFilter | OptionFilter):
        return getattr(row, filter_.column.key) == value
    raise TypeError(filter_)


def overlaps(filter_: PeriodFilter, row: Any, values: Mapping[str, str]) -> bool:
    """Whether a row falls in part into the days that are asked."""
    since, until = filter_.days(values)
    first = getattr(row, filter_.column.key)
    lasts = filter_.until_column is not None
    last = getattr(row, filter_.until_column.key) if lasts else first
    if since and last is None and not lasts:
        return False
    start = day_start(since) if since else None
    if start and last and (last <= start if lasts else last < start):
        return False
    return not until or (first is not None and first < day_start(until + timedelta(days=1)))


def plain_rows(list_: RecordList, values: Mapping[str, str], context: ListContext) -> set[str]:
    """The ids that a list should have: everything of the site, left out row by row."""
    own = [f for f in list_.filters if isinstance(f, ChoiceFilter | WordsFilter)]
    by_sql = [c for f in own if (c := f.condition(values, context)) is not None]
    columns = {c.key: c for f in list_.filters for c in _columns(f)} | {"id": list_.id}
    query = list_.joined(select(*columns.values())).where(
        list_.site == context.site_id, *list_.conditions(context), *by_sql
    )
    return {
        row.id
        for row in db.session.execute(query)
        if all(agrees(each, row, values, context) for each in list_.filters)
    }


def _columns(filter_: Filter) -> Iterator[Any]:
    if isinstance(filter_, PersonFilter):
        yield from filter_.columns
    for name in ("column", "home", "until_column"):
        if (column := getattr(filter_, name, None)) is not None:
            yield column


for module in pkgutil.iter_modules(pages.__path__, f"{pages.__name__}."):
    import_module(module.name)  # each page declares its lists


@pytest.mark.parametrize("name", sorted(LISTS))
def test_page_files_and_database_have_the_same_rows(
    estate: Flask, signed_in: Callable[..., Any], name: str
) -> None:
    list_, endpoint = LISTS[name]
    eve, rng = signed_in(EVE), Random(f"{SEED} {name}")
    url = estate.url_map.bind("localhost").build
    for number in range(EXAMPLES + 1):
        with estate.app_context():
            context = context_of_eve()
            reads = list_.joined(select(*list_.reads)).where(list_.site == HOME_SITE)
            rows = list(db.session.execute(reads))
            values = dict(list_.defaults)
            for each in list_.filters if number else ():
                if rng.random() < 0.5:
                    values |= random_value(each, context, rng, rows)
            expected = plain_rows(list_, values, context)
        form = {"home": "", **values}
        for each in list_.filters:
            if isinstance(each, HomeFilter) and values.get(each.name):
                form[each.name] = next(iter(context.names.units[values[each.name]].values()))
        sent = eve.post(url(f"{endpoint}_filter"), form, headers=EN)
        assert sent.status_code == 303, (values, sent.text[:2000])
        page = eve.get(sent.location, headers=EN).text
        shown = re.search(r"Export (\d+) row", page)
        assert shown and int(shown[1]) == len(expected), (SEED, values)
        _, _, asked = sent.location.partition("?")
        table = csv_table(eve.get(url(f"{endpoint}_file", {"format": "csv"}) + f"?{asked}").text)
        assert len(table) == len(expected) + 1, (SEED, values)
        book = eve.get(url(f"{endpoint}_file", {"format": "xlsx"}) + f"?{asked}").data
        assert [[c.strip() for c in row] for row in xlsx_table(book)] == [
            [c.strip() for c in row] for row in table
        ]
        if number == 0 and (PDF_LISTS is None or name in PDF_LISTS):
            check_pdf(eve.get(url(f"{endpoint}_file", {"format": "pdf"}) + f"?{asked}"), table)


def check_pdf(answer: Any, table: list[list[str]]) -> None:
    """A PDF has the headings and the first cell of every row."""
    assert answer.mimetype == "application/pdf"
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.data)).pages)
    said = re.sub(r"\s+", "", text)
    for cell in [*table[0], *(row[0] for row in table[1:])]:
        assert re.sub(r"\s+", "", cell.removeprefix("'")) in said


def context_of_eve() -> ListContext:
    """What Eve's reading of a list has."""
    eve = db.session.get_one(Person, (HOME_SITE, EVE))
    names = directory_of(HOME_SITE)
    return ListContext(HOME_SITE, EVE, frozenset(eve.roles), names, datetime.now(UTC))


def open_ticket(browser: DeskBrowser, details: str) -> None:
    browser.post(TICKETS, {**LAMP, "details": details})


def test_words_stand_in_no_address_and_reach_a_colleague(
    app: Flask, ben: DeskBrowser, signed_in: Callable[..., DeskBrowser]
) -> None:
    open_ticket(ben, "Lamp on the stairs")
    open_ticket(ben, "Water in the cellar")
    sent = ben.post(f"{TICKETS}filter", {"words": "138 stairs", "state": "open"})
    assert sent.status_code == 303 and "stairs" not in sent.location and "138" not in sent.location
    for somebody in (ben, signed_in(EVE)):
        page = somebody.get(sent.location, headers=EN).text
        assert "Lamp on the stairs" in page and "Water in the cellar" not in page
        assert 'value="138 stairs"' in page
    again = ben.post(f"{TICKETS}filter", {"words": "138 stairs", "state": "open"})
    assert again.location == sent.location
    with app.app_context(), write_transaction():
        stored = db.session.scalars(select(ListFilter)).one()
        stored.made_at -= KEEP_UNNAMED + timedelta(minutes=1)
    ben.post(f"{TICKETS}filter", {"words": "cellar", "state": "open"})
    assert "are gone" in ben.get(sent.location, headers=EN).text


def test_a_home_that_does_not_exist_is_said_with_the_form_filled(ben: DeskBrowser) -> None:
    answer = ben.post(
        f"{TICKETS}filter", {"words": "lamp", "home": "99-9-9999", "state": "any"}, headers=EN
    )
    assert answer.status_code == 422 and "No home is called 99-9-9999" in answer.text
    assert 'value="99-9-9999"' in answer.text and 'value="lamp"' in answer.text


def test_views_are_saved_for_a_person_or_the_site(
    ben: DeskBrowser, signed_in: Callable[..., DeskBrowser]
) -> None:
    open_ticket(ben, "Lamp on the stairs")
    open_ticket(ben, "Water in the cellar")
    eve, asked = signed_in(EVE), {"state": "any", "sort": "number"}
    f = ben.post(f"{TICKETS}filter", {"words": "lamp", **asked}).location.partition("f=")[2]
    words = {"f": f.partition("&")[0]}
    mine = ben.post(f"{TICKETS}views", {**asked, **words, "name": "Lamps"}).location
    ours = ben.post(f"{TICKETS}views", {**asked, "name": "Everything", "shared": "1"}).location
    assert "Lamps" in ben.get(TICKETS).text and "Everything" in eve.get(TICKETS).text
    assert "Lamps" not in eve.get(TICKETS).text and eve.get(mine).status_code == 404
    page = ben.get(ben.get(mine).location).text
    assert "Lamp on the stairs" in page and "Water in the cellar" not in page
    assert "sort=number" in ben.get(ours).location
    assert eve.post(f"{mine}/delete").status_code == 404
    assert ben.post(f"{mine}/delete").status_code == 303
    assert "Lamps" not in ben.get(TICKETS).text
    nameless = ben.post(f"{TICKETS}views", {**asked, "name": " "}, headers=EN)
    assert nameless.status_code == 422 and "a name" in nameless.text


def test_many_rows_are_changed_at_once_and_each_refusal_has_its_reason(
    app: Flask, ben: DeskBrowser
) -> None:
    for details in ("Lamp", "Door", "Tap"):
        open_ticket(ben, details)
    with app.app_context():
        ids = [row.id for row in db.session.scalars(Ticket.newest(HOME_SITE))]
    assert (
        ben.post(f"{TICKETS}bulk/hand_over", {"hand_over.to": f"person:{ANA}"}).status_code == 422
    )
    sent = {"row": ids[:2], "state": "open", "hand_over.to": f"person:{ANA}"}
    assert ben.post(f"{TICKETS}bulk/hand_over", sent).status_code == 303
    with app.app_context():
        handlers = {row.id: row.handler_id for row in db.session.scalars(Ticket.newest(HOME_SITE))}
    assert [handlers[id_] for id_ in ids] == [ANA, ANA, BEN]
    everything = {"all": "3", "state": "any", "hand_over.to": f"person:{ANA}"}
    answer = ben.post(f"{TICKETS}bulk/hand_over", everything, headers=EN)
    with app.app_context():
        handlers = {row.id: row.handler_id for row in db.session.scalars(Ticket.newest(HOME_SITE))}
    assert set(handlers.values()) == {ANA}
    assert answer.status_code in (200, 303)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_is_a_formula(start: str) -> None:
    assert neutral(f"{start}1+1") == f"'{start}1+1"
    assert neutral("1-2-101") == "1-2-101" and neutral(-5) == -5


@pytest.mark.rule("A20")
def test_files_with_data_of_residents_are_noted_and_need_a_recent_sign_in(
    app: Flask, ben: DeskBrowser
) -> None:
    open_ticket(ben, "=cmd|' /C calc'!A0")
    answer = ben.get(f"{TICKETS}file.csv?columns=number,contact,content", headers=EN)
    table = csv_table(answer.text)
    assert table[1][1] == "'=cmd|' /C calc'!A0"
    foot = answer.text.partition("\r\n\r\n")[2]
    for said in ("Ben", "UTC+08:00", "K10, K19", "Phones not heard from", "Newest link of the log"):
        assert said in foot
    with app.app_context():
        entry = db.session.scalars(AccessEntry.newest(HOME_SITE)).first()
        assert (entry.event, entry.by_id) == ("export", BEN)
        assert entry.details["page"] == "tickets"
    with app.app_context(), write_transaction():
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        db.session.execute(update(LoginSession).values(proven_at=long_ago))
    asked = ben.get(f"{TICKETS}file.csv")
    assert asked.status_code == 303 and "/confirm" in asked.location


def test_views_are_written_to_the_folder_every_month(
    app: Flask, ben: DeskBrowser, signed_in: Callable[..., DeskBrowser]
) -> None:
    """A file that cannot be written is said beside the view, and the others are written."""
    open_ticket(ben, "Lamp on the stairs")
    eve = signed_in(EVE)
    sent = {"state": "any", "name": "Month end", "shared": "1", "every": "month", "format": "csv"}
    refused = ben.post(f"{TICKETS}views", sent, headers=EN)
    assert refused.status_code == 422 and "Only managers" in refused.text
    assert eve.post(f"{TICKETS}views", sent).status_code == 303
    now = datetime.now(UTC)
    with app.app_context():
        write_exports(app, HOME_SITE, now)
        assert list(export_folder(HOME_SITE).glob("*")) == []
        write_exports(app, HOME_SITE, now + timedelta(days=32))
        (file,) = export_folder(HOME_SITE).glob("*.csv")
        assert "Lamp on the stairs" in file.read_text("utf-8")
        entry = db.session.scalars(AccessEntry.newest(HOME_SITE)).first()
        assert (entry.event, entry.by_id, entry.origin) == ("export", EVE, "server")
        with write_transaction():
            view = db.session.scalars(ListFilter.scheduled(HOME_SITE)).one()
            view.list_name = "former list"
        with pytest.raises(ExportsFailed):
            write_exports(app, HOME_SITE, now + timedelta(days=64))
        with write_transaction():
            db.session.scalars(ListFilter.scheduled(HOME_SITE)).one().list_name = "tickets"
    assert "there is no such list any more" in eve.get(TICKETS, headers=EN).text
