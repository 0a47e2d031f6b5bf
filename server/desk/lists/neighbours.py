"""The place of a record in the list from which its page was opened: the one before, the one after.

The address of the page holds what the list was asked for, and the record's position in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, request, url_for

from server.db.engine import db
from server.desk.lists.asked import ROWS, Asked, asked_by_address
from server.desk.lists.context import ListContext
from server.desk.lists.pages import LISTS
from sync.protocol.message_fields import MAX_SAFE_INTEGER

LIST, POSITION = "of", "at"
"""The parameters of an address with the name of the list and the position in it, from 1 on."""


@dataclass(frozen=True, slots=True)
class PlaceInList:
    """Where a record stands in a list. `before` and `after` are addresses, "" at the ends."""

    list_url: str
    position: int
    total: int
    before: str
    after: str


def init_app(app: Flask) -> None:
    """Let lists and record pages ask for the addresses."""
    app.jinja_env.globals |= {"row_address": row_address, "place_in_list": place_in_list}


def row_address(asked: Asked, row: Any, index: int) -> str:
    """The address of the page of a row, the `index`-th from 0 of the page that is asked."""
    position = (asked.shown_page - 1) * asked.rows + index + 1
    return _address(asked, row, position)


def place_in_list(id_: str) -> PlaceInList | None:
    """The place of a record in the list that the address names; None if it names none, or the
    record does not stand there any more."""
    name, position = request.args.get(LIST, ""), request.args.get(POSITION, 0, type=int)
    if name not in LISTS or not 0 < position < MAX_SAFE_INTEGER:
        return None
    (list_, endpoint), context = LISTS[name], ListContext.of_request()
    if not context.roles & set(list_.roles):
        return None
    asked = asked_by_address(list_, context)
    first = max(position - 1, 1)
    query = list_.query(asked.values, asked.sort, context).offset(first - 1).limit(3)
    by_position = dict(enumerate(db.session.execute(query), start=first))
    here = by_position.get(position)
    if here is None or getattr(here, list_.show_by) != id_:
        return None
    before, after = by_position.get(position - 1), by_position.get(position + 1)
    arguments: dict[str, Any] = asked.arguments(page=_page_of(asked, position))
    return PlaceInList(
        list_url=url_for(endpoint, **arguments),
        position=position,
        total=asked.total,
        before=_address(asked, before, position - 1) if before else "",
        after=_address(asked, after, position + 1) if after else "",
    )


def _page_of(asked: Asked, position: int) -> int | str:
    page = (position - 1) // (asked.rows or ROWS[0]) + 1
    return page if page > 1 else ""


def _address(asked: Asked, row: Any, position: int) -> str:
    list_ = asked.list_
    more: dict[str, Any] = {**asked.arguments(), LIST: list_.name, POSITION: position}
    about = {list_.show_argument: getattr(row, list_.show_by), **list_.show_values}
    return url_for(list_.show, **{**more, **about})
