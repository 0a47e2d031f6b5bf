"""People and phones: setup codes, last contact, unsent records, blocking."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import or_

from server.auth.access import allow, current_user, get_or_404, recent_sign_in
from server.auth.account_access import may_reset
from server.auth.device_people import people_of, set_people
from server.auth.devices import issue_code, rename_device, revoke_device
from server.auth.phone_credentials import revoke_credentials
from server.auth.pins import ONE_TIME_LIFETIME, reset_pin
from server.db.engine import db, write_transaction
from server.desk.actions import Action
from server.desk.enrolment import enrolment_link
from server.desk.field_errors import FieldError, FormRefused
from server.desk.lists import register_list
from server.desk.navigation import NavEntry
from server.desk.options import active_contractors, active_people
from server.desk.payload_form import form_text
from server.desk.people_list import PEOPLE, count_open_tickets
from server.desk.phone_list import PHONES, SILENCE_FORM
from server.desk.phone_people import people_choices
from server.desk.phone_status import phone_statuses, recent_users
from server.desk.posted_forms import show_once
from server.desk.signing_in import log_account
from server.desk.story import recent_ops, story_of, subjects_of
from server.desk.submit import form_op, submit_and_redirect, submit_ops_and_redirect
from server.models.access import EVERYBODY, Device
from server.models.credentials import Credential
from server.models.oplog import LoggedOp
from server.models.outbox_imports import OutboxImport
from server.models.people import Person
from server.models.security_log import AccessEntry
from server.models.tickets import Ticket
from server.oplog.directory import directory_of
from server.oplog.security_log import log_access
from sync.estate.places import MASTER_DATA_ROLES
from sync.protocol.op import MAX_LABEL_LENGTH, MAX_NAME_LENGTH
from sync.protocol.roles import DESK_ROLES
from sync.protocol.text import _l

bp = Blueprint("people", __name__, url_prefix="/desk/people")
NAVIGATION = [
    NavEntry(
        "people.index",
        _l("People"),
        "people",
        10,
        about=_l("Who works here, in which role, and since when."),
    ),
    NavEntry(
        "people.phones",
        _l("Phones"),
        "people",
        30,
        "silent",
        about=_l("The phones of the site: who uses them and when each was heard from."),
    ),
]
ACTIONS = [Action("people.new_phone", _l("Add a phone"))]
register_list(bp, PEOPLE)
register_list(bp, PHONES, "/phones", "phones")

MAX_ENTRIES_READ = 500
MAX_IMPORTS = 50
MAX_CREDENTIALS = 100
MAX_TOLD = 15


@bp.post("/<id>/pin")
@allow(*MASTER_DATA_ROLES)
@recent_sign_in
def new_pin(id: str) -> str:
    """A new one-time PIN for phones, shown once. What the person registered on phones before
    proves nothing any more."""
    person = get_or_404(Person, id)
    if not may_reset(current_user(), person.id):
        abort(403)
    with write_transaction():
        now = datetime.now(UTC)
        pin = reset_pin(person.id, now)
        log_account("pin", person.id, "one_time_pin", keys_at=now)
    show_once()
    return _render_work(person, pin=pin)


@bp.post("/<id>/leave")
@allow(*MASTER_DATA_ROLES)
@recent_sign_in
def record_leaving(id: str) -> Any:
    """K18: a person leaves; their open tickets go to a successor in the same transaction."""
    person, successor = get_or_404(Person, id), request.form.get("heir", "")
    _refuse_above(person.roles)
    responsible = or_(Ticket.steward_id == person.id, Ticket.handler_id == person.id)
    tickets = db.session.scalars(Ticket.open_tickets(current_user().site_id, responsible)).all()
    if tickets and get_or_404(Person, successor).active_to:
        abort(404)
    handed = {"from_id": person.id, "to_id": successor}
    back = url_for("people.index")
    ops = [form_op("ticket.succeed", ticket.id, handed, page=back) for ticket in tickets]
    ops.append(form_op("person.leave", person.id, {}, page=back))
    answer = submit_ops_and_redirect(ops, back, inputs={"to_id": "heir"})
    db.session.refresh(person)
    who = {"by": current_user().person_id, "about": person.id}
    log_access(
        "role",
        site_id=person.site_id,
        keys_at=person.active_to,
        details={"action": "ended"},
        **who,
    )
    return answer


@bp.get("/<id>/work")
@allow(*MASTER_DATA_ROLES)
def work(id: str) -> str:
    """What managers may do about somebody: the forms of roles, trades and firm, of a new one-time
    PIN, and of leaving."""
    return _render_work(get_or_404(Person, id))


def _render_work(person: Person, **new: Any) -> str:
    site_id = person.site_id
    others = [each for each in active_people(site_id) if each.id != person.id]
    return render_template(
        "desk/people/work.html",
        person=person,
        new=new,
        days=ONE_TIME_LIFETIME.days,
        contractors=active_contractors(site_id),
        may_change=not person.active_to and not _are_above(person.roles),
        may_reset=may_reset(current_user(), person.id),
        open_tickets=count_open_tickets(site_id)[person.id],
        successors=others,
    )


@bp.post("/<id>/work")
@allow(*MASTER_DATA_ROLES)
@recent_sign_in
def revise_work(id: str) -> Any:
    """E21: roles, trades and firm are as the form says."""
    person, user = get_or_404(Person, id), current_user()
    roles = _chosen("roles", person.roles)
    wanted = {
        "roles": roles,
        "trades": _chosen("trades", person.trades),
        "contractor_id": request.form.get("contractor_id") or None,
    }
    changes = {name: value for name, value in wanted.items() if value != getattr(person, name)}
    concerned = {*person.roles, *roles} if "roles" in changes else set()
    _refuse_above(concerned)
    answer = submit_and_redirect("person.revise", person.id, changes, url_for("people.index"))
    with write_transaction():
        log_access("role", site_id=user.site_id, by=user.person_id, about=person.id)
    return answer


def _refuse_above(roles: Iterable[str]) -> None:
    """403 if these are the roles of an administrator and the user is none: else a manager could
    remove one, or make somebody one and act as that person."""
    if _are_above(roles):
        abort(403)


def _are_above(roles: Iterable[str]) -> bool:
    return "admin" in roles and not current_user().has_role("admin")


def _chosen(name: str, before: list[str]) -> list[str]:
    """What is ticked of a list; what was there before keeps its place."""
    ticked = request.form.getlist(name)
    kept = [each for each in before if each in ticked]
    return list(dict.fromkeys([*kept, *ticked]))


@bp.get("/phones/new")
@allow(*DESK_ROLES)
def new_phone() -> str:
    """The form for the setup code of a phone."""
    return _render_new_phone(None)


@bp.post("/phones/code")
@allow(*DESK_ROLES)
@recent_sign_in
def new_code() -> str:
    """A new setup code for a phone of the people that were chosen, at first nobody; it is shown
    once, only its hash is stored."""
    user, people = current_user(), _chosen_people()
    with write_transaction():
        code = issue_code(user.site_id, user.person_id, people)
        log_access("code", site_id=user.site_id, by=user.person_id)
    show_once()
    return _render_new_phone(code, people)


@bp.post("/phones/silence")
@allow(*MASTER_DATA_ROLES)
def set_silence_limit() -> Any:
    """D7: after how many hours without contact a phone on duty is shown on the board."""
    payload, site_id = SILENCE_FORM.payload(request.form), current_user().site_id
    return submit_and_redirect("site.retain", site_id, payload, url_for("people.phones"))


@bp.post("/phones/<id>/revoke")
@allow(*DESK_ROLES)
@recent_sign_in
def revoke(id: str) -> Any:
    return _revoke_device(id, lost=False)


@bp.post("/phones/<id>/lost")
@allow(*DESK_ROLES)
@recent_sign_in
def mark_lost(id: str) -> Any:
    return _revoke_device(id, lost=True)


@bp.post("/phones/<id>/name")
@allow(*DESK_ROLES)
def rename(id: str) -> Any:
    """Give a phone a name that people know it by."""
    device, name = _device_or_404(id), " ".join(request.form.get("label", "").split())
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        message = gettext("Write a name of up to %(n)d characters.", n=MAX_NAME_LENGTH)
        raise FormRefused(message, [FieldError(("label",), message)])
    with write_transaction():
        former = device.label
        rename_device(device.site_id, device.id, name)
        _log_device(device.id, "renamed", label=name, former=former)
    return redirect(url_for("people.phone", id=device.id), 303)


@bp.post("/phones/<id>/people")
@allow(*DESK_ROLES)
@recent_sign_in
def set_phone_people(id: str) -> Any:
    """W7: whose phone it is. At its next contact it gets what they need, and loses the rest. L6:
    the keys of those who are taken off prove nothing any more."""
    user, device, people = current_user(), _device_or_404(id), _chosen_people()
    now = datetime.now(UTC)
    with write_transaction():
        set_people(user.site_id, device.id, people, now)
        who, details = {"by": user.person_id, "device": id}, {"people": len(people)}
        log_access("device", site_id=user.site_id, keys_at=now, details=details, **who)
    return redirect(url_for("people.phone", id=id), 303)


@bp.post("/phones/<id>/credentials/<credential_id>/end")
@allow(*DESK_ROLES)
@recent_sign_in
def end_credential(id: str, credential_id: str) -> Any:
    """L6: what this key signs and arrives from now on proves nothing. Its person unlocks the phone
    with their PIN again to get another one."""
    user, device = current_user(), _device_or_404(id)
    credential = get_or_404(Credential, credential_id)
    if credential.device_id != device.id:
        abort(404)
    now = datetime.now(UTC)
    with write_transaction():
        same = Credential.site_id == user.site_id, Credential.id == credential.id
        if revoke_credentials(now, *same):
            log_access(
                "credential",
                site_id=user.site_id,
                by=user.person_id,
                about=credential.person_id,
                device=device.id,
                keys_at=now,
                details={"action": "ended"},
            )
    return redirect(url_for("people.phone", id=device.id), 303)


@bp.get("/phones/<id>")
@allow(*DESK_ROLES)
def phone(id: str) -> str:
    """One phone: its latest report, and which of its records are missing."""
    site, device = current_user().site_id, _device_or_404(id)
    using = recent_users(site).get(device.id, set())
    names = directory_of(site)
    told = story_of(recent_ops(site, LoggedOp.device_id == device.id, most=MAX_TOLD))
    return render_template(
        "desk/people/phone.html",
        told=told,
        subjects=subjects_of(told),
        report=phone_statuses(site, [device])[0],
        former_names=_former_names(device),
        parcels=db.session.scalars(
            OutboxImport.for_device(site, device.id).limit(MAX_IMPORTS)
        ).all(),
        people=sorted(name for by in using if (name := names.person_name(by))),
        names=names,
        choices=people_choices(site, set(people_of(device.id))),
        is_everybodys=device.people_key == EVERYBODY,
        credentials=db.session.scalars(
            Credential.of_device(site, device.id).limit(MAX_CREDENTIALS)
        ).all(),
        may_set=current_user().has_role(*MASTER_DATA_ROLES),
    )


def _former_names(device: Device) -> list[tuple[str, Any]]:
    """What a phone was called before, each with until when; the last one first."""
    entries = AccessEntry.newest(device.site_id).where(
        AccessEntry.device_id == device.id, AccessEntry.event == "device"
    )
    return [
        (entry.details["former"], entry.at)
        for entry in db.session.scalars(entries.limit(MAX_ENTRIES_READ))
        if entry.details.get("former")
    ]


def _chosen_people() -> list[str]:
    """The ids of the people who are ticked, by person or by role. 404 for somebody else."""
    ids, roles = set(request.form.getlist("person")), set(request.form.getlist("role"))
    working = active_people(current_user().site_id)
    if not ids <= {person.id for person in working}:
        abort(404)
    return [person.id for person in working if person.id in ids or roles & set(person.roles)]


def _render_new_phone(new: str | None, people: Iterable[str] = ()) -> str:
    site_id, names = current_user().site_id, directory_of(current_user().site_id)
    return render_template(
        "desk/people/new_phone.html",
        code=new,
        chosen=[names.person_name(id_) for id_ in people],
        choices=people_choices(site_id),
        phone=new and enrolment_link(new),
    )


def _revoke_device(id_: str, *, lost: bool) -> Any:
    user, device = current_user(), _device_or_404(id_)
    because = form_text(request.form, "because")
    if len(because) > MAX_LABEL_LENGTH or not " ".join(because.split()).isprintable():
        message = gettext("Write a reason of up to %(n)d characters.", n=MAX_LABEL_LENGTH)
        raise FormRefused(message, [FieldError(("because",), message)])
    now = datetime.now(UTC)
    with write_transaction():
        if revoke_device(user.site_id, device.id, lost=lost, because=because or None, now=now):
            _log_device(id_, "lost" if lost else "revoked", keys_at=now, because=because)
    back = url_for("people.phone", id=device.id) if because else url_for("people.phones")
    return redirect(back, 303)


def _log_device(id_: str, action: str, keys_at: datetime | None = None, **more: str) -> None:
    user = current_user()
    details = {"action": action, **{name: text for name, text in more.items() if text}}
    who = {"by": user.person_id, "device": id_}
    log_access("device", site_id=user.site_id, keys_at=keys_at, details=details, **who)


def _device_or_404(id_: str) -> Device:
    phone = db.session.get(Device, id_) if id_.isascii() and id_.isprintable() else None
    return phone if phone and phone.site_id == current_user().site_id else abort(404)
