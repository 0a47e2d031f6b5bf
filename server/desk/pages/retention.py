"""How long a site keeps personal data, why, what is held, and what has been erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import func, select

from server.auth.access import allow, current_user
from server.db.engine import db
from server.desk.kept_otherwise import KEPT_OTHERWISE, labels_of
from server.desk.labels import field_label
from server.desk.navigation import NavEntry
from server.desk.payload_form import PayloadForm
from server.desk.submit import submit_and_redirect
from server.i18n.locale import translate
from server.jobs.retention import PERSONAL_TYPES, is_on_hold
from server.models import MODELS_BY_TYPE
from server.models.lost_property import LostProperty
from server.models.places import Site
from server.models.purges import PurgeRun
from server.models.visits import Visit
from server.oplog.directory import directory_of
from sync import RECORD_TYPES
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("retention", __name__, url_prefix="/desk/retention")
NAVIGATION = [
    NavEntry(
        "retention.index",
        _l("Retention"),
        "reports",
        40,
        about=_l("How long personal data is kept before it is erased."),
    )
]

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
    """How long each type of record is kept, what a hold keeps, and what has been erased."""
    site_id = current_user().site_id
    site = db.session.get_one(Site, (site_id, site_id))
    return render_template(
        "desk/retention/index.html",
        kept=_kept_types(site),
        inputs=FORM.inputs(vars(site)),
        purges=db.session.scalars(PurgeRun.newest(site_id).limit(PAGE_SIZE)).all(),
        types=list(PERSONAL_TYPES),
        otherwise=[(labels_of(kept), kept) for kept in KEPT_OTHERWISE],
        say=translate,
        held_visits=_held_visits(site_id),
        held_homes=_held_homes(site_id),
        held_now=_held_now(site_id),
        names=directory_of(site_id),
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


def _held_visits(site_id: str) -> Sequence[Visit]:
    """V13: visits under a legal hold, newest first."""
    held = Visit.not_purged(site_id).where(Visit.held_at.is_not(None))
    return db.session.scalars(held.order_by(Visit.held_at.desc())).all()


def _held_homes(site_id: str) -> Sequence[LostProperty]:
    """Q12: lost item cases that keep what is known of their home, newest first."""
    cases = select(LostProperty).where(LostProperty.site_id == site_id)
    holding = cases.where(LostProperty.unit.is_not(None), LostProperty.purged_at.is_(None))
    return db.session.scalars(holding.order_by(LostProperty.opened_at.desc())).all()


def _held_now(site_id: str) -> list[tuple[str, int]]:
    """How many records of each type a hold or a case keeps now; types without any are left out."""
    counted = []
    for name in PERSONAL_TYPES:
        table = cast(Any, MODELS_BY_TYPE[name])
        kept = table.site_id == site_id, table.purged_at.is_(None), is_on_hold(site_id, name)
        if number := db.session.scalar(select(func.count()).select_from(table).where(*kept)):
            counted.append((translate(RECORD_TYPES[name].label), number))
    return counted
