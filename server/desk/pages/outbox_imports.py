"""Importing a phone file: the unsent records of a phone that cannot send."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import lazy_gettext
from werkzeug.exceptions import RequestEntityTooLarge

from server.auth.access import allow, current_user
from server.desk import labels
from server.desk.actions import Action
from server.desk.certainty import certainty_by_op
from server.desk.formatting import author_name
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.outbox_import_list import OUTBOX_IMPORTS
from server.desk.outbox_imports import ImportResult, exporting_device, import_outbox
from server.desk.posted_forms import reads_own_upload
from server.i18n.locale import moment
from server.oplog.directory import directory_of
from sync.protocol.clock import parse_time
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l
from sync.review.outbox_imports import (
    MAX_FILE_BYTES,
    InvalidOutboxFile,
    OutboxFile,
    read_outbox_file,
)

bp = Blueprint("outbox_imports", __name__, url_prefix="/desk/import")
NAVIGATION = [
    NavEntry(
        "outbox_imports.index",
        _l("Imported phone files"),
        "quality",
        65,
        about=_l("Files with the records of phones that could not send them."),
    )
]
ACTIONS = [Action("outbox_imports.new", _l("Import phone file"))]
register_list(bp, OUTBOX_IMPORTS)

OUTBOX_IMPORT_ERRORS = {
    "too-big": lazy_gettext(
        "The file is too big. Export it again on the phone: it will be split into several files."
    ),
    "too-deep": lazy_gettext("This file is not valid. Export it again on the phone."),
    "no-outbox": lazy_gettext(
        "This file was not made by a phone. Choose the .json file that the phone saved."
    ),
    "cut-short": lazy_gettext("The file is incomplete. Export it again on the phone."),
    "damaged": lazy_gettext("The file was damaged on the way. Export it again on the phone."),
    "newer-file": lazy_gettext(
        "The phone runs a newer version of Lodge. Update this server first."
    ),
    "other-site": lazy_gettext("This file belongs to another site. Import it there."),
    "unknown-phone": lazy_gettext(
        "This phone is not registered here. Import the file on the server where it is registered."
    ),
    "other-phone": lazy_gettext(
        "This file contains records of two phones. Export it again on each phone."
    ),
}
"""Why a phone's file is rejected, and what to do about it."""

FORM_OVERHEAD_BYTES = 64 * 1024
"""The size of an upload form without its file."""


@dataclass(frozen=True, slots=True)
class OpResult:
    """One op of the file with its verdict as text."""

    author: str
    certainty: str | None
    action_label: str
    at: str
    status_code: str
    status_label: str
    reason_label: str


@bp.get("/new")
@allow(*DESK_ROLES)
def new() -> str:
    """The form that imports a file."""
    return render_template("desk/outbox_imports/new.html", fault="")


@bp.post("/")
@allow(*DESK_ROLES)
@reads_own_upload
def import_file() -> Any:
    """Process the ops of the file like a push; a second time changes nothing."""
    site, parcel = current_user().site_id, _read_upload()
    phone = parcel if isinstance(parcel, InvalidOutboxFile) else exporting_device(site, parcel)
    if isinstance(parcel, InvalidOutboxFile) or isinstance(phone, InvalidOutboxFile):
        code = parcel.code if isinstance(parcel, InvalidOutboxFile) else getattr(phone, "code", "")
        fault = str(OUTBOX_IMPORT_ERRORS[code])
        return render_template("desk/outbox_imports/new.html", fault=fault), 422
    result = import_outbox(site, parcel, phone, current_user().person_id)
    return render_template(
        "desk/outbox_imports/result.html", result=result, lines=_op_results(result)
    )


def _read_upload() -> OutboxFile | InvalidOutboxFile:
    request.max_content_length = MAX_FILE_BYTES + FORM_OVERHEAD_BYTES
    try:
        file = request.files.get("file")
    except RequestEntityTooLarge:
        return InvalidOutboxFile("too-big")
    if file is None:
        return InvalidOutboxFile("no-outbox")
    with closing(file):  # a large upload is a temporary file
        return read_outbox_file(file.stream.read(MAX_FILE_BYTES + 1))


def _op_results(result: ImportResult) -> list[OpResult]:
    site_id = current_user().site_id
    names = directory_of(site_id)
    ids = (str(answer["id"]) for _, answer in result.answers if answer["id"])
    certainty = certainty_by_op(site_id, ids)
    return [
        OpResult(
            author=author_name(op["by"], names) if isinstance(op.get("by"), str) else "",
            certainty=certainty.get(str(answer["id"])),
            action_label=labels.op_label(str(op.get("kind", ""))),
            at=_format_time(op.get("at")),
            status_code=answer["status"],
            status_label=labels.status_label(answer["status"]),
            reason_label=labels.refusal_label(answer["code"]) if answer.get("code") else "",
        )
        for op, answer in result.answers
    ]


def _format_time(time: Any) -> str:
    try:
        return moment(parse_time(time))
    except (TypeError, ValueError, OverflowError):
        return str(time or "")[:40]
