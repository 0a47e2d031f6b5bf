"""The routes of a list: its page, its files, its stored filters and views, its bulk actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from server.auth.access import allow, current_user, recent_sign_in
from server.db.engine import db
from server.desk.field_errors import FieldError, FormRefused
from server.desk.labels import LIST_TITLES
from server.desk.lists import asked as asking
from server.desk.lists.asked import (
    Asked,
    asked_by_address,
    asked_by_values,
    filter_inputs,
    without_nul,
)
from server.desk.lists.bulk import MAX_ROWS, do_to_rows, selected_rows
from server.desk.lists.context import ListContext
from server.desk.lists.downloads import list_file
from server.desk.lists.files import FORMATS
from server.desk.lists.record_list import BulkAction, RecordList
from server.desk.lists.stored import (
    MONTH,
    WEEK,
    Schedule,
    delete_view,
    find_filter,
    list_views,
    save_view,
    store_words,
)
from server.desk.payload_form import form_text
from server.desk.posted_forms import only_asks, say_nothing
from server.i18n.locale import current_language
from server.models.list_filters import ListFilter
from server.oplog.security_log import log_access
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.normalise import visible

MAX_NAME = 40
"""Characters of a view's name."""
MAX_VIEWS = 12

LISTS: dict[str, tuple[RecordList, str]] = {}
"""Every list with its endpoint, by name."""


def register_list(bp: Blueprint, list_: RecordList, path: str = "/", view: str = "index") -> None:
    """Add the routes of a list to the blueprint of its feature. `view` is the name of its page
    within the blueprint, that of the others begins with it. `path` ends with a slash if the page's
    address does."""
    routes = _Routes(list_, f"{bp.name}.{view}")
    base = path.rstrip("/")
    everybody = allow(*list_.roles)
    file = routes.view_function("file")

    def add(rule: str, name: str, method: str, function: Callable[..., Any]) -> None:
        bp.add_url_rule(base + rule, name, everybody(function), methods=[method])

    add("/" if path.endswith("/") else "", view, "GET", routes.view_function("page"))
    add("/filter", f"{view}_filter", "POST", only_asks(routes.view_function("filter")))
    add("/file.<format>", f"{view}_file", "GET", recent_sign_in(file) if list_.personal else file)
    add("/views", f"{view}_save", "POST", routes.view_function("save"))
    add("/views/<view>", f"{view}_view", "GET", routes.view_function("open"))
    add("/views/<view>/delete", f"{view}_delete", "POST", routes.view_function("delete"))
    add("/bulk/<action>", f"{view}_bulk", "POST", routes.view_function("bulk"))
    LISTS[list_.name] = list_, routes.endpoint
    LIST_TITLES[list_.name] = list_.title


@dataclass(frozen=True, slots=True)
class _Routes:
    """The views of a list."""

    list_: RecordList
    endpoint: str

    def view_function(self, name: str) -> Callable[..., Any]:
        """A function of its own for a method: rules of access are attributes of functions."""
        method: Callable[..., Any] = getattr(self, name)
        return lambda **arguments: method(**arguments)

    def page(self) -> Any:
        """The page of the list, as the address asks for it; for the page that asks whether there is
        news, its rows, or 204 if nothing changed."""
        if request.args.get("known") == current_user().site_version:
            return Response(status=204)
        return render_list(self.list_, self.endpoint)

    def filter(self) -> Response:
        """Go to the address of what the form asks; words are stored under a short id."""
        context = ListContext.of_request()
        return redirect(self._address(self._asked_by_form(context)), 303)

    def file(self, format: str) -> Response:
        """The list as a file. Data of residents that leave the server are in the security log."""
        if format not in FORMATS:
            abort(404)
        asked = asked_by_address(self.list_, ListContext.of_request())
        if asked.is_expired:  # without its words it would be another list; the page says so
            return redirect(url_for(self.endpoint, **request.args), 303)  # type: ignore[arg-type]
        response = list_file(asked, format)
        if self.list_.personal:
            user, details = current_user(), {"page": self.list_.name, "records": asked.total}
            log_access("export", site_id=user.site_id, by=user.person_id, details=details)
        return response

    def save(self) -> Response:
        """Save what is asked as a view."""
        context = ListContext.of_request()
        name = visible(request.form.get("name", ""))
        asked = asked_by_values(
            self.list_, context, self._stored_values(context), request.form.to_dict()
        )
        if not 0 < len(name) <= MAX_NAME:
            message = gettext("Give the view a name of at most %(most)s characters.", most=MAX_NAME)
            raise FormRefused(message, [FieldError(("name",), message)])
        views = list_views(context, self.list_.name)
        if name in [view.name for view in views]:
            message = gettext("There is a view with this name.")
            raise FormRefused(message, [FieldError(("name",), message)])
        if len(views) >= MAX_VIEWS:
            raise FormRefused(gettext("There are enough saved views. Delete one first."))
        saved = save_view(
            context,
            self.list_.name,
            name,
            asking.settings_of(asked),
            for_site=bool(request.form.get("shared")),
            schedule=self._schedule(context),
        )
        return redirect(url_for(f"{self.endpoint}_view", view=saved.id), 303)

    def _schedule(self, context: ListContext) -> Schedule | None:
        """How often a file of the view is to be written. Raises FormRefused if that may not be."""
        every, format_ = request.form.get("every", ""), request.form.get("format", "")
        if every not in (WEEK, MONTH):
            return None
        if not context.has_role(*MASTER_DATA_ROLES):
            raise FormRefused(gettext("Only managers have lists written to the folder."))
        if self.list_.personal and not current_user().is_recent:
            raise FormRefused(
                gettext("Prove once more who you are: export the list once, then save the view.")
            )
        return Schedule(every, format_ if format_ in FORMATS else "xlsx", current_language())

    def open(self, view: str) -> Response:
        """Go to the address of what a saved view asks."""
        context = ListContext.of_request()
        saved = find_filter(context, self.list_.name, without_nul(view)) or abort(404)
        asked = asked_by_values(self.list_, context, saved.values, saved.values)
        return redirect(self._address(asked), 303)

    def delete(self, view: str) -> Response:
        context = ListContext.of_request()
        saved = find_filter(context, self.list_.name, without_nul(view)) or abort(404)
        if saved.name is None:
            abort(404)
        if not may_delete(saved, context):
            abort(403)
        delete_view(saved)
        return redirect(url_for(self.endpoint), 303)

    def bulk(self, action: str) -> Any:
        """Do something to the selected rows; if some were refused, a page says which and why."""
        context = ListContext.of_request()
        chosen = {each.name: each for each in self.list_.actions}.get(action) or abort(404)
        if chosen not in allowed_actions(self.list_, context):
            abort(403)
        asked = asked_by_values(
            self.list_, context, self._stored_values(context), request.form.to_dict()
        )
        outcome = do_to_rows(chosen, selected_rows(asked, request.form), request.form.to_dict())
        back = self._address(asked, page=asked.page if asked.page > 1 else "")
        if not outcome.refused:
            return redirect(back, 303)
        say_nothing()
        return render_template(
            "desk/lists/outcome.html",
            list=self.list_,
            action=chosen,
            done=outcome.done,
            refused=rows_by_id(asked, outcome.refused),
            back=back,
        )

    def _stored_values(self, context: ListContext) -> dict[str, str]:
        """The values of the filters from hidden inputs, with the words of the stored filter. Raises
        FormRefused if that is gone: without its words other rows would be meant."""
        given = {name: form_text(request.form, name) for name in filter_inputs(self.list_)}
        id_ = form_text(request.form, asking.WORDS)
        stored = find_filter(context, self.list_.name, id_) if id_ else None
        if id_ and not stored:
            raise FormRefused(
                gettext(
                    "The words of this filter were kept for a month and are gone. Type them again."
                )
            )
        words = dict(stored.values) if stored else {}
        private = asking.private_inputs(self.list_)
        return given | {name: words.get(name, "") for name in private}

    def _asked_by_form(self, context: ListContext) -> Asked:
        form = request.form.to_dict()
        values: dict[str, str] = {}
        if "columns" not in form or request.form.getlist("column"):
            form["columns"] = ",".join(request.form.getlist("column"))
        try:
            for each in self.list_.filters:
                values |= each.values_of_form(form, context)
        except FormRefused as refused:
            refused.page = request.form.get("page_address") or url_for(self.endpoint)
            raise
        return asked_by_values(self.list_, context, values, {**form, "page": ""})

    def _address(self, asked: Asked, **changes: Any) -> str:
        """The address that asks this; its words are stored."""
        private = asking.private_inputs(self.list_)
        words = {name: asked.values.get(name, "") for name in private}
        stored = store_words(asked.context, self.list_.name, words)
        arguments = asked.arguments(**{asking.WORDS: stored, **changes})
        return url_for(self.endpoint, **arguments)  # type: ignore[arg-type]


def may_delete(view: ListFilter, context: ListContext) -> bool:
    """Whether the reader may delete a view that they see: who saved it may, and managers."""
    return view.made_by_id == context.person_id or context.has_role(*MASTER_DATA_ROLES)


def allowed_actions(list_: RecordList, context: ListContext) -> list[BulkAction]:
    """The bulk actions that the reader may do."""
    return [each for each in list_.actions if not each.roles or context.has_role(*each.roles)]


def rows_by_id(asked: Asked, reasons: Mapping[str, str]) -> list[tuple[list[Any], str]]:
    """The cells of these rows, each with its reason."""
    columns = asked.shown_columns()
    query = asked.list_.joined(db.select(*asked.list_.reads)).where(
        asked.list_.site == asked.context.site_id, asked.list_.id.in_(reasons)
    )
    rows = db.session.execute(query).all()
    asked.list_.prepare(rows, asked.context)
    return [
        ([column.value(row, asked.context) for column in columns[:3]], reasons[row.id])
        for row in rows
    ]


def render_list(list_: RecordList, endpoint: str, **more: Any) -> str:
    """The page of a list, as the address asks for it."""
    context = ListContext.of_request()
    asked = asked_by_address(list_, context)
    rows = _page_rows(asked)
    list_.prepare(rows, context)
    columns = asked.shown_columns()
    is_news = "known" in request.args
    return render_template(
        "desk/lists/_rows.html" if is_news else list_.template,
        is_news=is_news,
        known=current_user().site_version,
        list=list_,
        asked=asked,
        endpoint=endpoint,
        columns=columns,
        rows=[(row, [column.value(row, context) for column in columns]) for row in rows],
        tabs=_tabs(asked, endpoint),
        actions=allowed_actions(list_, context),
        most_rows=MAX_ROWS,
        row_actions=_row_actions(list_, rows, context),
        context=context,
        may_schedule=context.has_role(*MASTER_DATA_ROLES),
        may_delete=may_delete,
        bulk_inputs=lambda action: action.prefixed_inputs(context),
        **list_.extra(),
        **more,
    )


def _row_actions(
    list_: RecordList, rows: Sequence[Any], context: ListContext
) -> list[BulkAction | None]:
    """The button of each row; nothing if no row has one."""
    allowed = {each.name: each for each in allowed_actions(list_, context)}
    found = [allowed.get(list_.row_action(row, context)) for row in rows]
    return found if any(found) else []


def _page_rows(asked: Asked) -> list[Any]:
    """The rows of the page that is shown."""
    query = asked.list_.query(asked.values, asked.sort, asked.context)
    start = (asked.shown_page - 1) * asked.rows
    return list(db.session.execute(query.offset(start).limit(asked.rows)).all())


@dataclass(frozen=True, slots=True)
class Tab:
    """A view above the list. `saved` is the id of a saved view, "" for one that everybody has;
    `view` is the saved one."""

    label: Any
    url: str
    count: int
    is_current: bool
    alarms: bool = False
    saved: str = ""
    view: ListFilter | None = None


def _tabs(asked: Asked, endpoint: str) -> list[Tab]:
    """The views of the list with their counts, then those that were saved."""
    list_, context = asked.list_, asked.context
    saved = list_views(context, list_.name)
    built_in = [asked_by_values(list_, context, view.values, view.values) for view in list_.views]
    stored = [asked_by_values(list_, context, view.values, view.values) for view in saved]
    counts = list_.counts([each.values for each in [*built_in, *stored]], context)
    tabs = [
        Tab(
            view.label,
            url_for(endpoint, **each.arguments()),  # type: ignore[arg-type]
            count,
            each.values == asked.values,
            view.alarms,
        )
        for view, each, count in zip(list_.views, built_in, counts, strict=False)
    ]
    return tabs + [
        Tab(
            view.name,
            url_for(f"{endpoint}_view", view=view.id),
            count,
            each.values == asked.values and each.columns == asked.columns,
            saved=view.id,
            view=view,
        )
        for view, each, count in zip(saved, stored, counts[len(built_in) :], strict=True)
    ]
