"""What we hold about somebody: find it, give it to them, correct it, erase it; and who looked."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from server.auth.access import allow, current_user, get_or_404, recent_sign_in
from server.db.engine import db
from server.desk.field_errors import FieldError, FormRefused
from server.desk.lists.stored import delete_filters_naming
from server.desk.navigation import NavEntry
from server.desk.payload_form import PayloadForm
from server.desk.personal_data import MAX_FOUND, find_records
from server.desk.personal_pack import pack
from server.desk.personal_search import Found, Search, Terms, names_in, search_for
from server.desk.personal_texts import file_time
from server.desk.staff_data import count_entries, find_people, staff_files
from server.desk.submit import submit_and_redirect
from server.desk.unsaved_forms import delete_forms_naming
from server.jobs.erasure import erase_on_request
from server.models import MODELS_BY_TYPE
from server.models.security_log import AccessEntry
from server.oplog.directory import directory_of
from server.oplog.security_log import log_access
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.text import _l

bp = Blueprint("personal_data", __name__, url_prefix="/desk/personal_data")
NAVIGATION = [
    NavEntry(
        "personal_data.index",
        _l("Personal data"),
        "reports",
        50,
        about=_l("What is held about somebody who asks, to show, correct or erase it."),
    )
]

ABOUT_DATA = ("lookup", "number", "export", "erasure")
"""Events of the security log that are listed under "who looked"."""

LOOKS_SHOWN = 50
CORRECTIONS = {
    "visit": PayloadForm(
        "visit.amend",
        *("visitor", "host_unit", "host_person", "firm", "phone", "plate", "note"),
    ),
    "release": PayloadForm("release.amend"),
    "regular": PayloadForm("regular.amend"),
    "entry": PayloadForm("entry.amend"),
    "ticket": PayloadForm("ticket.amend", "contact", "declined_because", "details", "unit"),
    "find": PayloadForm("find.amend"),
    "lost": PayloadForm("lost.amend"),
}
"""What can be corrected of each type. Arrears are corrected in the ledger and imported again."""

PAGES = {
    "arrears": "arrears.show",
    "case": "cases.show",
    "lost": "lost_property.show",
    "person": "people.work",
    "session": "training_sessions.show",
    "ticket": "tickets.show",
    "visit": "visits.show",
}
"""The page of a record, for types that have one of their own."""


@bp.get("/")
@allow(*MASTER_DATA_ROLES)
def index() -> str:
    return _page(_search(Terms()), [])


@bp.post("/find")
@allow(*MASTER_DATA_ROLES)
def find() -> Any:
    """Everything about somebody, by any of name, number, plate and home. What is looked for is in
    no address; that somebody looked is in the security log."""
    search = _search(Terms.of_form(request.form))
    found = _find(search)
    if search.terms:
        _log("lookup", found)
    return _page(search, found, searched=True)


@bp.post("/export")
@allow(*MASTER_DATA_ROLES)
@recent_sign_in
def export() -> Response:
    """What was chosen of it as a ZIP, or all, to be given to the person: others may have a like
    name. Lists about people who work here are in it only with all."""
    terms, site_id = Terms.of_form(request.form), current_user().site_id
    search = search_for(site_id, terms, times=file_time)
    people, chosen = find_people(search), set(request.form.getlist("record"))
    if not chosen:
        message = gettext("Choose the records that are about the person.")
        raise FormRefused(message, [FieldError(("record",), message)])
    found, is_all = find_records(search, people), "all" in chosen
    found = [each for each in found if is_all or each.key in chosen]
    _log("export", found, file="personal-data.zip")
    packed = pack(site_id, found, staff_files(search, people) if is_all else {})
    answer = Response(packed, mimetype="application/zip")
    answer.headers["Content-Disposition"] = 'attachment; filename="personal-data.zip"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.post("/erase")
@allow(*MASTER_DATA_ROLES)
@recent_sign_in
def erase() -> Any:
    """Erase the chosen records, except those that something forbids to erase; the page says why."""
    search, user = _search(Terms.of_form(request.form)), current_user()
    chosen = set(request.form.getlist("record"))
    found = [each for each in _find(search) if each.key in chosen]
    free = [each for each in found if not each.obstacles]
    erased = erase_on_request(user.site_id, [(each.type, each.id) for each in free], user.person_id)
    if free:
        naming = names_in(search.terms, free)
        delete_forms_naming(user.site_id, naming)
        delete_filters_naming(user.site_id, naming)
        _log("erasure", free)
    return _page(search, _find(search), searched=True, erased=erased, chosen=len(chosen))


@bp.get("/correct/<type>/<id>")
@allow(*MASTER_DATA_ROLES)
def correct(type: str, id: str) -> str:
    form, record = _correction(type), _record(type, id)
    return render_template(
        "desk/personal_data/correct.html",
        type=type,
        record=record,
        inputs=form.inputs(vars(record)),
        arguments={"type": type, "id": record.id},
    )


@bp.post("/correct/<type>/<id>")
@allow(*MASTER_DATA_ROLES)
def save_correction(type: str, id: str) -> Any:
    """An op that changes the fields that differ from what is stored."""
    form, record = _correction(type), _record(type, id)
    written = form.payload(request.form)
    changes = {
        name: written.get(name)
        for name in form.names
        if name in request.form and written.get(name) != (getattr(record, name) or None)
    }
    back = url_for("personal_data.correct", type=type, id=id)
    base = None if type == "entry" else record.version
    return submit_and_redirect(form.kind, record.id, changes, back, base=base)


def _record(type_: str, id_: str) -> Any:
    """A record that is not erased. Aborts with 404 without one."""
    record: Any = get_or_404(MODELS_BY_TYPE[type_], id_)
    return record if record.purged_at is None else abort(404)


def _correction(type_: str) -> PayloadForm:
    return CORRECTIONS.get(type_) or abort(404)


def _search(terms: Terms) -> Search:
    """What a page lists: one more of a type than it shows says that there are more."""
    return search_for(current_user().site_id, terms, most=MAX_FOUND + 1)


def _find(search: Search) -> list[Found]:
    return find_records(search, find_people(search))


def _log(event: str, found: list[Found], **details: str) -> None:
    user, counted = current_user(), {**details, "records": len(found)}
    log_access(event, site_id=user.site_id, by=user.person_id, details=counted)


def _page(
    search: Search,
    found: list[Found],
    *,
    searched: bool = False,
    erased: int | None = None,
    chosen: int = 0,
) -> str:
    site_id = current_user().site_id
    looks = AccessEntry.newest(site_id).where(AccessEntry.event.in_(ABOUT_DATA))
    return render_template(
        "desk/personal_data/index.html",
        terms=search.terms,
        found=found,
        counted=count_entries(search, find_people(search)),
        pages=PAGES,
        searched=searched,
        erased=erased,
        kept=chosen - (erased or 0),
        max_found=MAX_FOUND,
        correctable=CORRECTIONS.keys(),
        looks=db.session.scalars(looks.limit(LOOKS_SHOWN)).all(),
        names=directory_of(site_id),
    )
