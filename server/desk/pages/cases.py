"""Cases at the desk: the register, and the file of one with all sides and its whole history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for

from server.auth.access import allow, here, mine
from server.db.engine import db
from server.desk.history import lines
from server.desk.post import as_local, ask, local_time
from server.models import Case, Category, Site
from server.oplog.directory import names_of
from server.oplog.receive import history
from sync import TYPES
from sync.accountability.case_payloads import FINDINGS, SUBJECTS, weighs
from sync.accountability.due_process import opened_again, unready
from sync.protocol.digest import DESK
from sync.protocol.op import Op

bp = Blueprint("cases", __name__, url_prefix="/desk/cases")

SHOWN = 300


@bp.get("/")
@allow(*DESK)
def index() -> str:
    asked = {name: request.args.get(name, "") for name in ("state", "code", "kind")}
    found = [(case, _state(case)) for case in db.session.scalars(Case.at(here().site_id))]
    shown = [
        (case, state)
        for case, state in found
        if asked["state"] in ("", state)
        and asked["code"] in ("", case.code)
        and asked["kind"] in ("", case.subject_kind)
    ]
    return render_template(
        "desk/cases/index.html",
        cases=shown[:SHOWN],
        asked=asked,
        codes=sorted({case.code for case, _ in found}),
        kinds=SUBJECTS,
        names=names_of(here().site_id),
    )


@bp.get("/<id>")
@allow(*DESK)
def show(id: str) -> str:
    """The file: what explains first, then what is held against anybody, then what was said."""
    case, now = mine(Case, id), datetime.now(UTC)
    site = db.session.get_one(Site, (case.site_id, case.site_id))
    again = opened_again(case)
    return render_template(
        "desk/cases/show.html",
        case=case,
        state=_state(case),
        facts=sorted(case.facts, key=lambda fact: (weighs(fact), fact["at"])),
        lacking=unready(case, _preview(case, site, now)),
        own=here().person_id == case.answers_id,
        open=(again or not case.decided_at) and (again or not case.closed_at),
        again=again,
        findings=FINDINGS,
        until=as_local(now + timedelta(hours=site.statement_hours)),
        now=as_local(now),
        names=names_of(case.site_id),
        lines=lines(history(case.site_id, case.id)),
    )


def _preview(case: Case, site: Site, now: datetime) -> Op:
    """The decision as it would be judged now, to say beforehand what is missing."""
    category = db.session.get(Category, (case.site_id, case.category_id))
    return Op(
        id=case.id,
        kind="case.decide",
        subject=case.id,
        by=here().person_id,
        occurred_at=now,
        received_at=now,
        payload={"category_id": case.category_id, "site_id": case.site_id},
        beside={case.category_id: category, case.site_id: site},
    )


@bp.post("/<id>/find")
@allow(*DESK)
def find(id: str) -> Any:
    fact = {
        "code": request.form.get("code", ""),
        "at": local_time(request.form.get("at")),
        "text": request.form.get("text", "").strip(),
    }
    return _ask("case.find", id, {"facts": [fact]})


@bp.post("/<id>/ask")
@allow(*DESK)
def put(id: str) -> Any:
    return _ask("case.ask", id, {"answer_until": local_time(request.form.get("answer_until"))})


@bp.post("/<id>/decide")
@allow(*DESK)
def decide(id: str) -> Any:
    return _ask("case.decide", id, _decision(id))


@bp.post("/<id>/review")
@allow(*DESK)
def review(id: str) -> Any:
    return _ask("case.review", id, _decision(id))


@bp.post("/<id>/close")
@allow(*DESK)
def close(id: str) -> Any:
    return _ask("case.close", id, {"because": request.form.get("because", "").strip() or None})


def _decision(id: str) -> dict[str, Any]:
    case = mine(Case, id)
    said = {name: request.form.get(name, "").strip() for name in ("finding", "measures")}
    return {**said, "category_id": case.category_id, "site_id": case.site_id}


def _ask(kind: str, id: str, payload: dict[str, Any]) -> Any:
    """What was decided is judged by what the page had shown."""
    case = mine(Case, id)
    base = request.form.get("base", default=case.version, type=int)
    return ask(kind, case.id, payload, url_for("cases.show", id=case.id), base=base)


def _state(case: Case) -> str:
    return TYPES["case"].state(vars(case))
