"""Keeps what people typed: after a refusal, an error, or the end of their session, the page of the
form comes back with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Flask,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from server import errors
from server.auth.access import page_to_prove
from server.auth.sessions import current_user, current_user_or_none
from server.desk.field_errors import FieldError, FormRefused
from server.desk.form_tokens import TOKEN_FIELD, page_address, parse_token
from server.desk.posted_forms import is_desk_form, posted_form
from server.desk.refill import Fields, FilledPage
from server.desk.unsaved_forms import SECRET_FIELDS, former_user, keep_unsaved, unsaved_forms
from server.logs import log_crash
from server.models.desk_forms import UnsavedForm

NOT_TYPED = (TOKEN_FIELD, "base", *SECRET_FIELDS)


def init_app(app: Flask) -> None:
    """Answer refused forms, and errors of posted forms, with the form as it was typed."""
    app.register_error_handler(FormRefused, _answer_refused)
    app.extensions[errors.TYPED_TEXT_KEEPER] = page_for_error
    app.after_request(_fill_unsaved)


def _answer_refused(refused: FormRefused) -> Any:
    status = refused.code
    if errors.wants_json():
        return errors.problem_json(
            status, refused.message, " ".join(error.message for error in refused.errors)
        )
    return make_response(_page(status, refused.message, refused.errors, refused.page), status)


def page_for_error(status: int, title: str, remedy: str) -> str | None:
    """The page for an error: with what was typed if the request was a form, else None."""
    if not is_desk_form():
        return None
    if status == 401:
        return _sign_in_page()
    if status == 409:
        return None  # it was drawn for somebody else, for whom it is kept
    sentence = {
        400: gettext("This form was incomplete. Check it and save again."),
        404: gettext("Something that was chosen here does not exist any more. Choose again."),
        500: gettext("Something went wrong on the server. What you typed is still here."),
        503: gettext("The server is busy. What you typed is still here; try again in a moment."),
    }.get(status, f"{title}. {remedy}")
    return _page(status, sentence)


def _page(
    status: int, sentence: str, wrong: Sequence[FieldError] = (), page: str | None = None
) -> str:
    """The page of the posted form with its texts, or one that lists them if there is none."""
    fields, token, first = _sent_fields(), posted_form().token, None
    g.tokens_drawn = True
    for address in dict.fromkeys(_possible_pages(page)):
        html = _render(address)
        if html is None:
            continue
        filled = FilledPage(html, address, request.path, fields)
        if filled.form is not None:
            filled.fill(wrong)
            filled.explain(sentence, wrong)
            if status >= 500 and token:
                filled.keep_token(token.text)
            return filled.html()
        first = first or address
    if first is None:
        g.current_user = None  # the page must not query what may be broken
    typed = [(name, text) for name, text in fields if _is_typed(name, text)]
    return render_template(
        "desk/kept_form.html",
        sentence=sentence,
        address=request.full_path.rstrip("?"),
        fields=[*fields, *([(TOKEN_FIELD, token.text)] if token else [])],
        typed=typed,
        back=first,
        again=fields != [] and not request.files,
    )


def _sent_fields() -> Fields:
    try:
        return [
            pair
            for pair in request.form.items(multi=True)
            if pair[0] not in (TOKEN_FIELD, *SECRET_FIELDS)
        ]
    except RequestEntityTooLarge:
        return []


def _is_typed(name: str, text: str) -> bool:
    return bool(text.strip()) and name not in NOT_TYPED and not name.startswith("was.")


def _possible_pages(page: str | None) -> Iterator[str]:
    """Where the form may stand: as token or view say, or where the browser came from."""
    token = posted_form().token
    if token:
        yield token.page
    if page:
        yield page
    came_from = urlsplit(request.referrer or "")
    if came_from.netloc == request.host:
        yield came_from._replace(scheme="", netloc="").geturl()
    yield page_address()


def _render(address: str) -> str | None:
    """The HTML of another page for the current user, None if it cannot be shown now."""
    parts, app = urlsplit(address), current_app._get_current_object()  # type: ignore[attr-defined]
    builder = EnvironBuilder(
        parts.path,
        base_url=request.host_url,
        query_string=parts.query,
        headers=[pair for pair in request.headers if pair[0] in ("Cookie", "Accept-Language")],
        environ_base={"REMOTE_ADDR": request.remote_addr or ""},
    )
    with app.app_context(), app.request_context(builder.get_environ()):
        g.is_inner_page = True
        try:
            response = app.full_dispatch_request()
        except Exception as error:  # whatever fails here: the texts are shown without the page
            log_crash(error, route="the page of a posted form")
            return None
        is_page = response.status_code == 200 and response.mimetype == "text/html"
        return response.get_data(as_text=True) if is_page else None


def _sign_in_page() -> str:
    """Keep the form for its person, and let somebody sign in. Whoever it is, the page does not show
    what was typed: the form comes back only to its person."""
    request.max_form_memory_size = 512 * 1024
    try:
        token = parse_token(request.form.get(TOKEN_FIELD))
    except RequestEntityTooLarge:
        token = None
    person = (token.person_id, token.site_id) if token else former_user()
    page = token.page if token else _page_of_nobody()
    kept = person is not None and keep_unsaved(*person, page)
    user = current_user_or_none()
    if user:
        where = url_for(page_to_prove(user) or "confirm.index", next=page)
        return render_template("desk/proof_needed.html", where=where, kept=kept)
    return render_template("desk/sign_in.html", fault="", back=page, kept=kept)


def _page_of_nobody() -> str:
    came_from = urlsplit(request.referrer or "")
    return came_from.path if came_from.netloc == request.host and came_from.path else "/desk/"


def _fill_unsaved(response: Response) -> Response:
    """Put a form that was not saved when its person's session ended back into its page. If the page
    has no such form any more, it leads to a page with what was typed."""
    if not _may_show_unsaved(response):
        return response
    user = current_user()
    for unsaved in unsaved_forms(user.person_id):
        if unsaved.site_id != user.site_id or not _is_page_of(unsaved):
            continue
        if response.status_code != 200:
            return redirect(url_for("sign_in.unsaved"), 303)
        fields = [(name, text) for name, text in unsaved.fields]
        filled = FilledPage(
            response.get_data(as_text=True), page_address(), unsaved.address, fields
        )
        if filled.form is None:
            note = gettext("The form that you filled in here is gone. What you typed is kept.")
            filled.link(note, url_for("sign_in.unsaved"))
        else:
            filled.fill()
            filled.explain(gettext("Not saved yet. Check it, then save."), role="status")
            filled.offer_discarding(url_for("sign_in.discard", id=unsaved.id))
        response.set_data(filled.html())
    return response


def _may_show_unsaved(response: Response) -> bool:
    """Whether a person gets a page of the desk, or none at an address that had one."""
    return (
        request.method == "GET"
        and request.path.startswith("/desk/")
        and response.status_code in (200, 403, 404, 405)
        and response.mimetype == "text/html"
        and not g.get("is_inner_page")
        and not request.headers.get("HX-Request")
        and current_user_or_none() is not None
    )


def unsaved_page() -> str:
    """A page with all that the current user had typed and not saved, for forms that are gone."""
    user = current_user()
    forms = [form for form in unsaved_forms(user.person_id) if form.site_id == user.site_id]
    typed = [[pair for pair in form.fields if _is_typed(*pair)] for form in forms]
    return render_template("desk/unsaved.html", forms=list(zip(forms, typed, strict=True)))


def _is_page_of(unsaved: UnsavedForm) -> bool:
    return urlsplit(unsaved.page).path == request.path


def newest_unsaved_page(person_id: str) -> tuple[str, str] | None:
    """The site and page of a person's newest unsaved form."""
    forms = unsaved_forms(person_id)
    return (forms[0].site_id, forms[0].page) if forms else None
