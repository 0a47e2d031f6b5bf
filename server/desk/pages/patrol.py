"""Patrols: the patrols of a day, one in detail, routes, and checkpoint labels."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

import segno
from flask import Blueprint, abort, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy import select

from server.auth import qr_tokens
from server.auth.access import allow, current_user, get_or_404, public
from server.db.engine import db
from server.desk import schedule_form
from server.desk.certainty import certainty_by_op
from server.desk.checkpoint_list import CHECKPOINTS
from server.desk.field_errors import FieldError, FormRefused, refused_by_rule
from server.desk.label_form import form_label
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.patrol_list import POINT_LIST, ROUNDS
from server.desk.payload_form import form_number
from server.desk.related import linked_records, without_empty
from server.desk.scan_list import SCANS, round_options
from server.desk.story import story_about
from server.desk.submit import submit_and_redirect
from server.i18n.locale import localize
from server.jobs import plan_history, scheduler
from server.models.access import Device
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from server.models.patrol import PatrolRound, PatrolRoute
from server.models.people import Person
from server.models.places import Checkpoint
from server.oplog.certainty import certainty_of_op
from server.oplog.directory import directory_of
from server.oplog.receive import ops_about
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.clock import SITE_ZONE, format_time
from sync.protocol.normalise import natural_key
from sync.protocol.op import CLAIMED
from sync.protocol.roles import DESK_ROLES, FRONT_DESK_ROLES
from sync.protocol.text import _l
from sync.work.patrol import KINDS, state
from sync.work.patrol_folding import Scan as RoundScan
from sync.work.patrol_folding import scans_of
from sync.work.patrol_report import point_reports, uncounted_scans

AROUND = timedelta(hours=12)
"""How far from a patrol the patrols are to which its scans can be moved."""

NO_PATROL = "none"

MOVE_KINDS = {"round.move": "to", "round.take": "source"}
"""The kinds that move a scan, and the field of each that names the other patrol."""


class Move(NamedTuple):
    """An op that moved a scan, and the other patrol if there is one."""

    op: LoggedOp
    other: PatrolRound | None

    @property
    def certainty(self) -> str | None:
        """How sure it is who moved it."""
        return certainty_of_op(self.op.by, self.op.proof, self.op.device_id)


bp = Blueprint("patrol", __name__)
NAVIGATION = [
    NavEntry(
        "patrol.index",
        _l("Patrol"),
        "patrol",
        10,
        about=_l("The rounds of a day: who walks them, and what was reached or missed."),
    ),
    NavEntry(
        "patrol.points",
        _l("Points of patrols"),
        "patrol",
        20,
        "missed_points",
        about=_l("Every checkpoint of every round: when somebody was there, or why not."),
    ),
    NavEntry(
        "patrol.scans",
        _l("Scans outside a patrol"),
        "patrol",
        30,
        about=_l("Labels that somebody scanned on no round. They can be counted for one."),
    ),
    NavEntry(
        "patrol.checkpoints",
        _l("Checkpoints"),
        "patrol",
        40,
        about=_l("Where labels hang, and which routes pass there."),
    ),
    NavEntry(
        "patrol.routes",
        _l("Patrol routes"),
        "patrol",
        50,
        about=_l("Which checkpoints a round passes, when, and who walks it."),
    ),
]
register_list(bp, ROUNDS, "/desk/patrol/")
register_list(bp, POINT_LIST, "/desk/patrol/points", "points")
register_list(bp, SCANS, "/desk/patrol/scans", "scans")
register_list(bp, CHECKPOINTS, "/desk/patrol/checkpoints", "checkpoints")

EDITORS = KINDS["route.change"].roles


@bp.get("/desk/patrol/<id>")
@allow(*FRONT_DESK_ROLES)
def show(id: str) -> str:
    """One patrol, checkpoint by checkpoint."""
    round_ = get_or_404(PatrolRound, id)
    targets = round_options(
        round_.site_id, round_.window_start - AROUND, round_.window_end + AROUND
    )
    return render_template(
        "desk/patrol/show.html",
        round=round_,
        steps=_round_steps(round_),
        uncounted=uncounted_scans(round_),
        labels={point["checkpoint"]: point["label"] for point in round_.points},
        scans=_round_scans(round_),
        scan_certainty=_scan_certainty(round_),
        moves=_moves(round_),
        targets=[target for target in targets if target[0] != round_.id],
        may_move=current_user().has_role(*DESK_ROLES),
        state=state(vars(round_)),
        told=story_about(round_.site_id, round_.id),
        related=without_empty([linked_records(round_, ("responsible_id",))]),
        **_shared_context(),
    )


@bp.post("/desk/patrol/<id>/move")
@allow(*DESK_ROLES)
def move_scan(id: str) -> Any:
    """N8: move a scan to another patrol, or to none. The op repeats what the scan's own op says."""
    round_, form = get_or_404(PatrolRound, id), request.form
    back = url_for("patrol.show", id=round_.id)
    scan = next((s for s in _round_scans(round_) if s.id == form.get("scan")), None)
    if scan is None:
        raise refused_by_rule("already-moved", {}, back)
    texts = {name: scan.payload[name] for name in ("token", "note") if scan.payload.get(name)}
    payload = {
        "scan": scan.id,
        "checkpoint": scan.checkpoint,
        "by_id": scan.by_id,
        "at": format_time(scan.at),
        "method": scan.payload["method"],
        **texts,
        "to": None if form.get("to") == NO_PATROL else form.get("to", ""),
        "because": form.get("because", "").strip(),
    }
    return submit_and_redirect("round.move", round_.id, payload, back)


@bp.get("/desk/patrol/routes")
@allow(*DESK_ROLES)
def routes() -> str:
    site, now = current_user().site_id, datetime.now(UTC)
    all_routes = sorted(
        db.session.scalars(PatrolRoute.for_site(site)),
        key=lambda route: natural_key(localize(route.label)),
    )
    versions = plan_history.route_versions(site, [route.id for route in all_routes])
    return render_template(
        "desk/patrol/routes.html",
        routes=all_routes,
        runs={
            id_: schedule_form.next_windows(of_route, lambda route: bool(route.points), now)
            for id_, of_route in versions.items()
        },
        often=schedule_form.describe_recurrence,
        windows=schedule_form.DURATIONS,
        rhythm_of=schedule_form.recurrence_from_schedule,
        points=db.session.scalars(_select_points()).all(),
        people=db.session.scalars(select(Person).where(Person.site_id == site)).all(),
        may_change=current_user().has_role(*EDITORS),
        may_add=current_user().has_role(*MASTER_DATA_ROLES),
        **_shared_context(),
    )


@bp.post("/desk/patrol/routes/<id>")
@allow(*EDITORS)
def change_route(id: str) -> Any:
    """Checkpoints, times and person of a route; the op has only the fields that changed."""
    route, form, back = get_or_404(PatrolRoute, id), request.form, url_for("patrol.routes")
    try:
        rule = schedule_form.parse_recurrence(
            {"preset": "daily", "times": form.get("times", "")}, []
        )["rrule"]
    except schedule_form.InvalidRecurrence as error:
        raise FormRefused(str(error), [FieldError(("times",), str(error))], page=back) from error
    fields = {
        "points": _point_order(form),
        "fastest": form_number(form, "fastest", 0),
        "rrule": rule,
        "window": form.get("window") or None,
        "responsible_id": form.get("responsible_id") or None,
        "active": "active" in form,
    }
    changed = {name: value for name, value in fields.items() if value != getattr(route, name)}
    base = form.get("base", type=int) or abort(400)
    answer = submit_and_redirect(
        "route.change", route.id, changed, back, inputs={"rrule": "times"}, base=base
    )
    scheduler.plan(current_user().site_id, datetime.now(UTC))
    return answer


@bp.post("/desk/patrol/routes")
@allow(*MASTER_DATA_ROLES)
def add_route() -> Any:
    """A new route over all checkpoints, not in use until somebody is responsible."""
    points = [point.id for point in db.session.scalars(_select_points())]
    start = datetime.now(SITE_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    payload = {
        "label": form_label(request.form, "label"),
        "points": points,
        "dtstart": start.isoformat(),
    }
    return submit_and_redirect("route.add", None, payload, url_for("patrol.routes"))


@bp.get("/desk/patrol/labels")
@allow(*DESK_ROLES)
def print_labels() -> str:
    """Checkpoint labels for printing, eight on a page of A4."""
    chosen = request.args.getlist("point")
    points = [p for p in db.session.scalars(_select_points()) if not chosen or p.id in chosen]
    printed = [(point, _qr_svg(_label_url(point))) for point in points]
    return render_template("desk/patrol/labels.html", printed=printed, **_shared_context())


@bp.post("/desk/patrol/points/<id>/relabel")
@allow(*EDITORS)
def relabel(id: str) -> Any:
    """Replace a label; patrols that are under way accept the new one at once."""
    point = get_or_404(Checkpoint, id)
    back = url_for("patrol.print_labels", point=point.id)
    answer = submit_and_redirect("checkpoint.relabel", point.id, {}, back, base=point.version)
    scheduler.plan(current_user().site_id, datetime.now(UTC))
    return answer


@bp.get("/p/<code>", strict_slashes=False)
@public
def open_label(code: str) -> Any:
    """The address in a label's QR code: redirects to the scan page of the phone app."""
    return redirect(f"/field/scan?{urlencode({'c': code})}", 302)


def _point_order(form: Any) -> list[str]:
    """The checkpoints in the order of the numbers typed beside them; none without a number."""
    numbered = [
        (form_number(form, f"place.{point.id}"), point.id)
        for point in db.session.scalars(_select_points())
    ]
    return [id_ for place, id_ in sorted((n, id_) for n, id_ in numbered if n)]


def _round_scans(round_: PatrolRound) -> list[RoundScan]:
    """Every scan of a patrol from its log, also those that were not the first of a checkpoint."""
    ops = [op for op in ops_about(round_.site_id, round_.id) if op.status in APPLIED_STATUSES]
    return scans_of(sorted(ops, key=lambda op: (op.occurred_at, op.id)))


def _scan_certainty(round_: PatrolRound) -> dict[tuple[str, str], str | None]:
    """How sure it is who made each scan of a patrol, by author and time: one that was moved here is
    as sure as its own op."""
    scans = _round_scans(round_)
    known = certainty_by_op(round_.site_id, (scan.id for scan in scans))
    return {(scan.by_id, format_time(scan.at)): known.get(scan.id, CLAIMED) for scan in scans}


def _moves(round_: PatrolRound) -> list[Move]:
    """The scans that the desk moved from this patrol or to it."""
    ops = [op for op in ops_about(round_.site_id, round_.id) if op.kind in MOVE_KINDS]
    return [
        Move(
            op, db.session.get(PatrolRound, (round_.site_id, op.payload[MOVE_KINDS[op.kind]] or ""))
        )
        for op in ops
        if op.status in APPLIED_STATUSES
    ]


def _round_steps(round_: PatrolRound) -> Any:
    phones = db.session.scalars(Device.for_site(current_user().site_id)).all()
    return point_reports(round_, phones, datetime.now(UTC))


def _select_points() -> Any:
    checkpoints = select(Checkpoint).where(Checkpoint.site_id == current_user().site_id)
    return checkpoints.order_by(Checkpoint.ordinal, Checkpoint.code, Checkpoint.id)


def _label_url(point: Checkpoint) -> str:
    secret = qr_tokens.label_token(point.site_id, point.id, point.serial)
    return url_for("patrol.open_label", code=f"{point.id}.{secret}", _external=True)


def _qr_svg(text: str) -> Markup:
    drawn, how = io.BytesIO(), {"xmldecl": False, "omitsize": True, "border": 4, "svgclass": "qr"}
    segno.make(text, error="m", micro=False).save(drawn, kind="svg", **how)
    return Markup(drawn.getvalue().decode())  # noqa: S704 - drawn by us, from our own address


def _shared_context() -> dict[str, Any]:
    return {"names": directory_of(current_user().site_id), "timedelta": timedelta}
