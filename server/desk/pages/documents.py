"""Documents for printing: each as a page and as a PDF, beside the page of what it is about."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for

from server.auth.access import allow, current_user, recent_sign_in
from server.desk.documents.contents import document_types
from server.desk.documents.document_type import DocumentType
from server.desk.documents.pdf import REASONS, NoPdf, can_make_pdf, document_pdf
from server.desk.documents.photos import read, received
from server.i18n.locale import translate
from server.oplog.security_log import log_access

bp = Blueprint("documents", __name__)

View = Callable[..., Any]


def _register(type_: DocumentType) -> None:
    """The two routes of a type of document: `…/print` and `…/pdf`."""
    for how, answer in (("print", _page), ("pdf", _pdf)):
        view = allow(*type_.roles)(_view(type_, answer))
        if type_.logged_as:
            view = recent_sign_in(view)
        bp.add_url_rule(f"{type_.path}/{how}", f"{type_.name}_{how}", view)


def _view(type_: DocumentType, answer: Callable[[DocumentType, str], Any]) -> View:
    def view(**about: str) -> Any:
        (key,) = about.values()
        return answer(type_, key)

    return view


def _page(type_: DocumentType, key: str) -> str:
    """The document as a page. Where there is no PDF, the page says why."""
    document = type_.build(key)
    reason = REASONS.get(request.args.get("no", ""))
    _log(type_, key)
    return render_template(
        "desk/documents/document.html",
        document=document,
        received=received(document.photos()),
        back=type_.page.format(key) or request.path.removesuffix("/print"),
        pdf=can_make_pdf() and request.path.removesuffix("/print") + "/pdf",
        reason=translate(reason) if reason else "",
    )


def _pdf(type_: DocumentType, key: str) -> Any:
    """The document as a PDF; the page where there is none."""
    document = type_.build(key)
    try:
        content = document_pdf(document, read(document.photos()))
    except NoPdf as refused:
        page = url_for(
            f"documents.{type_.name}_print", **(request.view_args or {}), no=refused.code
        )
        return redirect(page, 303)
    _log(type_, key)
    answer = Response(content, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{_file_name(type_, key)}"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _file_name(type_: DocumentType, key: str) -> str:
    """The name of the type, and the end of an id, a month or a year in plain letters and digits."""
    return f"{type_.name}-{re.sub(r'[^0-9A-Za-z-]', '', key)[-8:]}.pdf"


def _log(type_: DocumentType, key: str) -> None:
    """Note in the security log who took personal data."""
    if type_.logged_as:
        user, details = current_user(), {"about_type": type_.logged_as, "record": key}
        log_access("export", site_id=user.site_id, by=user.person_id, details=details)


@bp.app_context_processor
def _print_address() -> dict[str, Callable[[], str]]:
    """Give templates `print_address()`: that of the document about what a page shows."""
    return {"print_address": print_address}


def print_address() -> str:
    """The address of the document about what the current page shows; "" without one, or for people
    who may not take it."""
    type_ = BY_PATH.get(request.url_rule.rule if request.url_rule else "")
    if type_ is None or not current_user().has_role(*type_.roles):
        return ""
    return url_for(f"documents.{type_.name}_print", **(request.view_args or {}))


BY_PATH = {type_.path: type_ for type_ in document_types()}
for each in BY_PATH.values():
    _register(each)
