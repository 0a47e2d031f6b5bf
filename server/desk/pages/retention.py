"""How long a site keeps personal data, why, and what has been erased."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.labels import field_label
from server.desk.navigation import NavEntry
from server.desk.payload_form import PayloadForm
from server.desk.submit import submit_and_redirect
from server.i18n.locale import translate
from server.jobs.retention import PERSONAL_TYPES
from server.models.places import Site
from server.models.purges import PurgeRun
from sync import RECORD_TYPES
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("retention", __name__, url_prefix="/desk/retention")
NAVIGATION = [NavEntry("retention.index", _l("Retention"), 237)]

PAGE_SIZE = 50
FORM = PayloadForm(
    "site.retain",
    *("retention_days", "entry_days", "ticket_days", "find_days", "lost_days", "arrears_days"),
    "visit_minutes",
)


class KeptType(NamedTuple):
    """A type of record with personal data: how many days it is kept, and why."""

    type: str
    days: int
    begins: str
    why: str


@bp.get("/")
@allow(*DESK_ROLES)
def index() -> str:
    """How long each type of record is kept, and what has been erased."""
    site_id = current_user().site_id
    site = db.session.get_one(Site, (site_id, site_id))
    return render_template(
        "desk/retention/index.html",
        kept=_kept_types(site),
        inputs=FORM.inputs(vars(site)),
        purges=db.session.scalars(PurgeRun.newest(site_id).limit(PAGE_SIZE)).all(),
        types=list(PERSONAL_TYPES),
        may_set=current_user().has_role(*MASTER_DATA_ROLES),
    )


@bp.post("/")
@allow(*MASTER_DATA_ROLES)
def change() -> Any:
    payload, site_id = FORM.payload(request.form), current_user().site_id
    return submit_and_redirect("site.retain", site_id, payload, url_for("retention.index"))


def _kept_types(site: Site) -> list[KeptType]:
    return [
        KeptType(
            translate(RECORD_TYPES[name].label),
            getattr(site, personal.term),
            field_label(name, personal.ended[0]),
            translate(personal.why),
        )
        for name, personal in PERSONAL_TYPES.items()
    ]
