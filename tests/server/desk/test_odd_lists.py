"""Lists under clumsy and hostile hands: odd addresses, filters that are gone, rows of others."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from server.db.engine import db, write_transaction
from server.desk import pages
from server.desk.lists import LISTS
from server.desk.lists.scheduled import export_folder, write_exports
from server.models.list_filters import ListFilter
from server.models.tickets import Ticket
from tests.seed_data import ANA, BEN, EVE, HOME_SITE
from tests.server.conftest import DeskBrowser

EN = {"Accept-Language": "en"}
TICKETS = "/desk/tickets/"
LAMP = {"channel": "phone", "matter": "report", "contact": "Mo 138 0000 1111"}
ODD = (
    "a\x00b",
    "%_\\'\"",
    "\u202eabc \u05e9\u05dc\u05d5\u05dd",
    "x" * 10_000,
    "\u53f7 " * 100,
    "9999-12-31",
)
SETTINGS = (
    {"page": "-1", "sort": "unknown", "rows": "9999", "columns": "nope"},
    {"page": "9" * 30, "sort": "--", "rows": "\u00b2", "columns": "x" * 5000},
    {"f": "a\x00b", "known": "a\x00b", "page": "\u0663", "sort": "-"},
)

for module in pkgutil.iter_modules(pages.__path__, f"{pages.__name__}."):
    import_module(module.name)  # each page declares its lists


def open_tickets(browser: DeskBrowser, *details: str) -> None:
    for each in details:
        browser.post(TICKETS, {**LAMP, "details": each})


def ticket_ids(app: Flask) -> list[str]:
    with app.app_context():
        return [row.id for row in db.session.scalars(Ticket.newest(HOME_SITE))]


def handlers(app: Flask) -> set[str]:
    with app.app_context():
        return {row.handler_id for row in db.session.scalars(Ticket.newest(HOME_SITE))}


def words_id(browser: DeskBrowser, words: str) -> str:
    location = browser.post(f"{TICKETS}filter", {"words": words, "state": "any"}).location
    found = re.search(r"[?&]f=([^&]+)", location)
    assert found
    return found[1]


def test_odd_addresses_and_forms_break_no_list(
    app: Flask, signed_in: Callable[..., DeskBrowser]
) -> None:
    url, eve = app.url_map.bind("localhost").build, signed_in(EVE)
    for number, (list_, endpoint) in enumerate(LISTS.values()):
        page, names = url(endpoint), [name for each in list_.filters for name in each.inputs]
        odd = ODD[number % len(ODD)]
        settings = SETTINGS[number % len(SETTINGS)]
        answers: list[Any] = [
            eve.get(page, query_string={**dict.fromkeys(names, odd), **settings}),
            eve.post(url(f"{endpoint}_filter"), dict.fromkeys(names, odd)),
        ]
        for action in list_.actions[:1]:
            bulk = url(f"{endpoint}_bulk", {"action": action.name})
            answers.append(eve.post(bulk, {"row": [odd, BEN], "f": ""}))
        assert all(answer.status_code < 500 for answer in answers), (list_.name, odd, answers)


def test_many_words_are_looked_for_without_many_conditions(app: Flask, ben: DeskBrowser) -> None:
    open_tickets(ben, "Lamp")
    page = ben.get(f"{TICKETS}?f={words_id(ben, 'a ' * 99)}", headers=EN)
    assert page.status_code == 200 and "Lamp" in page.text


def test_a_filter_that_is_gone_means_no_other_rows(app: Flask, ben: DeskBrowser) -> None:
    """Without its words every row would be changed, exported and saved."""
    open_tickets(ben, "Lamp", "Door")
    f = words_id(ben, "lamp")
    with app.app_context(), write_transaction():
        db.session.delete(db.session.scalars(select(ListFilter)).one())
    form = {"all": "2", "state": "any", "f": f, "hand_over.to": f"person:{ANA}"}
    refused = ben.post(f"{TICKETS}bulk/hand_over", form, headers=EN)
    assert refused.status_code == 422 and "are gone" in refused.text
    assert handlers(app) == {BEN}
    file = ben.get(f"{TICKETS}file.csv?f={f}&state=any")
    assert file.status_code == 303 and "are gone" in ben.get(file.location, headers=EN).text
    assert ben.post(f"{TICKETS}views", {"name": "Lamps", "f": f}).status_code == 422


def test_all_rows_are_those_that_the_page_counted(app: Flask, ben: DeskBrowser) -> None:
    open_tickets(ben, "Lamp", "Door")
    form = {"all": "1", "state": "any", "hand_over.to": f"person:{ANA}"}
    refused = ben.post(f"{TICKETS}bulk/hand_over", form, headers=EN)
    assert refused.status_code == 422 and "these are 2 rows" in refused.text
    assert handlers(app) == {BEN}
    ben.post(f"{TICKETS}bulk/hand_over", {**form, "all": "2"})
    assert handlers(app) == {ANA}


def test_rows_that_are_not_in_the_list_are_left_alone(app: Flask, ben: DeskBrowser) -> None:
    open_tickets(ben, "Lamp")
    form = {"hand_over.to": f"person:{ANA}"}
    assert ben.post(f"{TICKETS}bulk/hand_over", {**form, "row": [BEN, "%"]}).status_code == 422
    sent = {**form, "row": [*ticket_ids(app), BEN, "%"]}
    assert ben.post(f"{TICKETS}bulk/hand_over", sent).status_code == 303
    assert handlers(app) == {ANA}


def test_a_page_beyond_the_last_leads_to_its_rows_by_their_place(
    app: Flask, ben: DeskBrowser
) -> None:
    open_tickets(ben, "Lamp")
    assert "at=1" in ben.get(f"{TICKETS}?page=9").text


def test_views_of_the_site_are_deleted_by_their_maker_and_managers(
    ben: DeskBrowser, signed_in: Callable[..., DeskBrowser]
) -> None:
    eve, shared = signed_in(EVE), {"name": "Ours", "shared": "1"}
    of_eve = eve.post(f"{TICKETS}views", shared).location
    twice = ben.post(f"{TICKETS}views", shared, headers=EN)
    assert twice.status_code == 422 and "a view with this name" in twice.text
    assert ben.post(f"{of_eve}/delete").status_code == 403
    assert f"{of_eve}/delete" not in ben.get(TICKETS).text
    of_ben = ben.post(f"{TICKETS}views", {**shared, "name": "Mine"}).location
    assert eve.post(f"{of_ben}/delete").status_code == 303
    assert eve.post(f"{of_eve}/delete").status_code == 303


@pytest.mark.parametrize("contact", ["Mo 138 0000 1111"])
def test_what_is_typed_into_a_new_ticket_is_in_no_address(ben: DeskBrowser, contact: str) -> None:
    page = ben.get(f"{TICKETS}new").text
    assert 'hx-post="/desk/tickets/alike"' in page
    assert ben.get("/desk/tickets/alike", query_string={"contact": contact}).status_code in (
        404,
        405,
    )


def test_a_refused_action_comes_back_open_at_the_field_that_is_wrong(
    app: Flask, ben: DeskBrowser
) -> None:
    open_tickets(ben, "Lamp")
    _, _, drawn = ben.get(TICKETS, headers=EN).text.partition('id="rows"')
    token = re.search(r'name="form_token" value="([^"]+)"', drawn)
    assert token
    form = {"row": ticket_ids(app), "hand_over.to": "", "hand_over.reason": "Away"}
    form["form_token"] = token[1]
    page = ben.post(f"{TICKETS}bulk/hand_over", form, headers=EN)
    assert page.status_code == 422
    menus = [part.partition("</details>")[0] for part in page.text.split("<details")]
    (menu,) = [part for part in menus if 'name="hand_over.to"' in part]
    assert 'open=""' in menu.partition(">")[0] and "aria-invalid" in menu and "Away" in menu


def test_an_address_has_only_what_was_asked(ben: DeskBrowser) -> None:
    shown = [column.name for column in LISTS["tickets"][0].columns if column.shown]
    sent = ben.post(f"{TICKETS}filter", {"state": "done", "column": shown, "opened_since": ""})
    assert sent.location == f"{TICKETS}?state=done"


def test_views_whose_names_look_alike_are_written_to_files_of_their_own(
    app: Flask, signed_in: Callable[..., DeskBrowser]
) -> None:
    eve = signed_in(EVE)
    for name in ("Month end", "Month/end"):
        sent = {"name": name, "every": "month", "format": "csv"}
        assert eve.post(f"{TICKETS}views", sent).status_code == 303
    with app.app_context():
        write_exports(app, HOME_SITE, datetime.now(UTC) + timedelta(days=32))
        assert len(list(export_folder(HOME_SITE).glob("*.csv"))) == 2


def test_after_an_action_the_list_is_at_the_page_where_it_was(app: Flask, ben: DeskBrowser) -> None:
    open_tickets(ben, "Lamp")
    sent = {"row": ticket_ids(app), "page": "3", "hand_over.to": f"person:{ANA}"}
    assert ben.post(f"{TICKETS}bulk/hand_over", sent).location == f"{TICKETS}?page=3"
