"""One record with its history, and photos."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from flask import Blueprint, abort, render_template, request, send_file, url_for
from flask_babel import gettext

from server.auth.access import allow, current_user, get_or_404
from server.db.engine import db
from server.desk import labels
from server.desk.certainty import certainties
from server.desk.formatting import labelled_values
from server.desk.history import readable_fields, record_title
from server.desk.lists.pages import LISTS
from server.desk.navigation import belong_to
from server.desk.options import active_people, person_options
from server.desk.payload_form import PayloadForm
from server.desk.record_access import may_open
from server.desk.related import linked_records, without_empty
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.desk.task_list import CANCEL_FORM, REASSIGN_FORM
from server.models import MODELS_BY_TYPE
from server.models.feed import FeedRow
from server.models.tasks import Task
from server.oplog.directory import directory_of
from server.photos import uploads
from sync.protocol.photos import SHA256_PATTERN
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES
from sync.work.board import task_deadline

bp = Blueprint("records", __name__, url_prefix="/desk")
PLACE = "today"


@bp.get("/record/<type>/<id>")
@allow(*FRONT_DESK_ROLES)
def show(type: str, id: str) -> str:
    """A record's current values and its history."""
    if type not in MODELS_BY_TYPE or not may_open(type):
        abort(404)
    record = get_or_404(MODELS_BY_TYPE[type], id)
    fed = db.session.get(FeedRow, (current_user().site_id, id))
    body = (json.loads(fed.body) if fed else None) or {}  # a purged record has no body
    list_endpoint = _list_endpoint(type)
    if list_endpoint:
        belong_to(list_endpoint)
    return render_template(
        "desk/record.html",
        type=type,
        record=record,
        title=record_title(type, body),
        state=labels.state_label(type, body.get("state")),
        fields=_labelled_fields(type, record),
        list_url=url_for(list_endpoint) if list_endpoint else "",
        told=story_about(current_user().site_id, id),
        related=without_empty([linked_records(record)]),
        cancel_inputs=CANCEL_FORM.inputs(labels={"reason": gettext("Reason for cancelling")}),
        reassign_inputs=REASSIGN_FORM.inputs(
            options={"responsible_id": person_options(active_people(current_user().site_id))},
            labels={"responsible_id": gettext("Assign to")},
        ),
        may_cancel=type == "task"
        and body.get("state") != "cancelled"
        and current_user().has_role(*DESK_ROLES),
        may_reassign=isinstance(record, Task)
        and body.get("state") in ("open", "partial", "skipped")
        and datetime.now(UTC) < task_deadline(record)
        and current_user().has_role(*DESK_ROLES),
    )


def _list_endpoint(type_: str) -> str:
    """The endpoint of the list whose rows open this page for a type, "" if there is none."""
    for list_, endpoint in LISTS.values():
        is_of_type = list_.show == "records.show" and list_.show_values.get("type") == type_
        if is_of_type and current_user().has_role(*list_.roles):
            return endpoint
    return ""


@bp.get("/photo/<sha256>")
@allow(*FRONT_DESK_ROLES)
def photo(sha256: str) -> Any:
    """A photo of the current user's site, as JPEG; 404 for any other."""
    site_id = current_user().site_id
    if not SHA256_PATTERN.match(sha256) or uploads.find_photo(site_id, sha256) is None:
        abort(404)
    answer = send_file(BytesIO(uploads.read_photo(site_id, sha256)), mimetype="image/jpeg")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.post("/task/<id>/reassign")
@allow(*DESK_ROLES)
def reassign(id: str) -> Any:
    """T17: give one task to somebody else."""
    return _submit_about_task(id, "task.reassign", REASSIGN_FORM)


@bp.post("/task/<id>/cancel")
@allow(*DESK_ROLES)
def cancel(id: str) -> Any:
    return _submit_about_task(id, "task.cancel", CANCEL_FORM)


def _submit_about_task(id: str, kind: str, form: PayloadForm) -> Any:
    task = get_or_404(Task, id)
    back = url_for("records.show", type="task", id=task.id)
    base = request.form.get("base", type=int) or abort(400)
    return submit_and_redirect(kind, task.id, form.payload(request.form), back, base=base)


def _labelled_fields(type_: str, record: Any) -> list[tuple[str, str]]:
    columns = {column.key: getattr(record, column.key) for column in record.__table__.columns}
    values = {
        name: value
        for name, value in readable_fields(columns).items()
        if labels.has_field_label(type_, name) and value not in (None, "", [])
    }
    return labelled_values(
        type_, {**values, **_authors(record, values)}, directory_of(current_user().site_id)
    )


def _authors(record: Any, values: Mapping[str, Any]) -> dict[str, str]:
    """The fields that name who did something, each with the name and how sure that is."""
    names, known = directory_of(current_user().site_id), certainties()
    texts: dict[str, str] = {}
    for field in values:
        if field.endswith("_by_id") and (name := names.person_name(values[field])):
            at = values.get(f"{field.removesuffix('_by_id')}_at")
            certainty = known.of(record.id, values[field], at)
            label = f" · {labels.certainty_label(certainty)}" if certainty else ""
            texts[field] = f"{name}{label}"
    return texts
