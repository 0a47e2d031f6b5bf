"""Saved views that are written to a folder every week or every month.

The folder is `exports/<site>` in the data folder; a company's file share can be mounted there.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path

from flask import Flask, current_app
from flask_babel import force_locale
from flask_babel import lazy_gettext as _

from server.db.engine import db, write_transaction
from server.desk.documents.pdf import NoPdf
from server.desk.lists.asked import Asked, asked_by_values
from server.desk.lists.context import ListContext
from server.desk.lists.downloads import write_list
from server.desk.lists.pages import LISTS
from server.desk.lists.stored import MONTH
from server.i18n.languages import folder_name
from server.jobs.runner import Job, add_job
from server.models.list_filters import ListFilter
from server.models.people import Person
from server.models.places import Site
from server.oplog.directory import directory_of
from server.oplog.security_log import log_access
from sync.protocol.clock import SITE_ZONE

KEPT = timedelta(days=100)
"""For how long files stay in the folder: they may hold data that the server has erased since."""
GONE, NOT_ALLOWED, NO_PDF = "gone", "not-allowed", "no-pdf"
"""Why a file was not written: there is no such list any more; whoever asked for it has left or may
not see the list any more; no PDF can be made."""


class ExportsFailed(Exception):
    """Some files were not written; the views say which and why."""


def init_app(app: Flask) -> None:
    """Write the files along with the other jobs of a site."""
    job = Job("write_exports", lambda site, now: write_exports(app, site, now), _FAILING)
    add_job(app, job)


_FAILING = _("Lists that are to be written to the folder are not written.")


def write_exports(app: Flask, site_id: str, now: datetime) -> None:
    """Write the files that are due. Raises ExportsFailed if one could not be written; the others
    are."""
    failed = False
    for view in db.session.scalars(ListFilter.scheduled(site_id)).all():
        if not is_due(view, now):
            continue
        failure = _write(app, view, now)
        failed = failed or failure is not None
        with write_transaction():
            stored = db.session.get_one(ListFilter, (view.site_id, view.id))
            stored.failure = failure
            stored.written_at = stored.written_at if failure else now
    _delete_old(export_folder(site_id), now)
    if failed:
        raise ExportsFailed


def is_due(view: ListFilter, now: datetime) -> bool:
    """Whether a file of the current week or month has not been written: it is written on Monday, or
    on the first of the month, and later if the server did not run then."""
    today = now.astimezone(SITE_ZONE).date()
    first = today.replace(day=1) if view.every == MONTH else today - timedelta(today.weekday())
    made = view.written_at or view.made_at
    return made.astimezone(SITE_ZONE).date() < first


def export_folder(site_id: str) -> Path:
    """Where the files of a site are."""
    return Path(current_app.config["DATA_DIR"]) / "exports" / site_id


def _write(app: Flask, view: ListFilter, now: datetime) -> str | None:
    """Write the file of a view; why it was not written, None if it was."""
    list_, _endpoint = LISTS.get(view.list_name, (None, ""))
    person = db.session.get(Person, (view.site_id, view.made_by_id))
    if list_ is None:
        return GONE
    if person is None or person.active_to or not set(person.roles) & set(list_.roles):
        return NOT_ALLOWED
    context = ListContext(
        view.site_id, person.id, frozenset(person.roles), directory_of(view.site_id), now
    )
    asked = asked_by_values(list_, context, view.values, view.values)
    site = db.session.get_one(Site, (view.site_id, view.site_id))
    format_ = view.format or "xlsx"
    try:
        with app.test_request_context(), force_locale(folder_name(view.language or "zh")):
            content = write_list(asked, format_, person.name, site.label)
    except NoPdf:
        return NO_PDF
    _save(_path(asked, view, format_, now.astimezone(SITE_ZONE).date()), content)
    if list_.personal:
        details = {"page": list_.name, "records": asked.total}
        log_access("export", site_id=view.site_id, by=person.id, details=details)
    return None


def _path(asked: Asked, view: ListFilter, format_: str, day: date) -> Path:
    """Views of two people may have the same name, so the file has the id as well."""
    name = re.sub(r"[^\w-]+", "_", view.name or "")
    stem = f"{asked.list_.name}-{name}-{view.id}"
    return export_folder(view.site_id) / f"{stem}-{day:%Y%m%d}.{format_}"


def _save(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_suffix(f"{path.suffix}.part")
    unfinished.write_bytes(content)
    unfinished.chmod(0o600)
    unfinished.replace(path)


def _delete_old(folder: Path, now: datetime) -> None:
    for file in folder.glob("*"):
        if file.stat().st_mtime < (now - KEPT).timestamp():
            file.unlink()
