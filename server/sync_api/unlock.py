"""Unlocking: a person proves to the server with their PIN who they are on this phone, and registers
the key that signs for them from then on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from flask import Blueprint, Response, g, request
from sqlalchemy import select

from server.auth.access import device_only
from server.auth.credentials import get_or_create_account, hash_password
from server.auth.device_people import add_person
from server.auth.devices import DeviceIdentity, TooManyTries
from server.auth.phone_credentials import has_unlocked, keep_only, register_credential
from server.auth.pins import (
    ACCOUNT,
    PHONE,
    PHONE_AND_PERSON,
    draft_secret,
    must_change,
    pin_matches,
    pin_weakness,
    replace_old_verifier,
    set_pin,
)
from server.auth.rate_limit import count_attempt, reset_attempts, uncount_attempt
from server.db.engine import db, write_transaction
from server.errors import problem_json
from server.models.access import Account
from server.models.credentials import Credential
from server.models.people import Person
from server.oplog.held_proofs import judge_proven_ops
from server.oplog.sealed_rows import sites_of_person
from server.oplog.security_log import log_access
from server.oplog.signatures import is_valid_signature, parse_public_key
from server.sync_api import request_body
from server.sync_api.phone_scope import in_snapshot, phone_scope
from server.sync_api.responses import disable_caching, sync_response
from sync.protocol.messages import PinRequest, UnlockRequest
from sync.protocol.signatures import new_key_text, new_pin_text

log = structlog.get_logger("lodge.sync")

bp = Blueprint("unlock", __name__, url_prefix="/sync")
bp.after_request(disable_caching)

UNLOCK, PIN = UnlockRequest(), PinRequest()

WEAK_PINS = {
    "pin-same": "Choose a PIN that is not the one until now.",
    "pin-short": "A PIN has six to twelve digits.",
    "pin-trivial": "Choose a PIN that is harder to guess: no repeated digit, no digits in a row.",
}


@dataclass(frozen=True, slots=True)
class ProvenPerson:
    """Somebody who has just typed their PIN."""

    id: str
    name: str
    roles: list[str]
    must_change: bool
    """Whether the PIN is a one-time PIN or too short."""
    new_hash: str | None
    """Of a PIN that was stored as an earlier version did."""

    def body(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "roles": self.roles}


@bp.post("/unlock")
@device_only
def unlock() -> Response:
    """Check a PIN and register a key of the person on this phone."""
    message, now = request_body.read_message(request, UNLOCK), datetime.now(UTC)
    public_key, phone = message["public_key"], g.device
    found = _person_for(phone, message)
    proven = _proven_person(phone, found, message["pin"], now, typed=_typed_name(message))
    if proven is None:
        return _wrong_pin()
    if parse_public_key(public_key) is None:
        return _unusable_key("public_key", "Send a P-256 key: SPKI as base64url.")
    text = new_key_text(*_place(phone), public_key)
    if not _is_signed(message["previous"], phone, proven.id, text):
        return _unusable_key("previous", "Sign the new key with the old one, or leave it out.")
    owner = phone.site_id, phone.id, proven.id
    with write_transaction():
        usable = not proven.must_change
        credential = register_credential(*owner, public_key, now, usable=usable)
        is_added = add_person(*owner, now)
        account = get_or_create_account(proven.id)
        secret = draft_secret(account)
        if is_added or now in (credential.created_at, credential.activated_at):
            _log_change("credential", phone, proven.id, "registered", now)
        if replace_old_verifier(account, proven.new_hash):
            _log_change("pin", phone, proven.id, "rehashed", now)
        credential_id = credential.id
    judge_proven_ops(*owner, now)
    return sync_response(
        credential=credential_id,
        person=proven.body(),
        roles=proven.roles,
        scope=phone_scope(in_snapshot(phone)).token,
        pin_must_change=proven.must_change,
        draft_secret=secret,
    )


@bp.post("/pin")
@device_only
def change_pin() -> Response:
    """Replace the PIN of a person. The key that signs the request counts from now on; their other
    keys, on every phone, prove nothing any more."""
    message, now = request_body.read_message(request, PIN), datetime.now(UTC)
    pin, new, phone = message["pin"], message["new_pin"], g.device
    found = _person_for(phone, message)
    proven = _proven_person(phone, found, pin, now, typed=_typed_name(message))
    if proven is None:
        return _wrong_pin()
    weakness = "pin-same" if new == pin else pin_weakness(new)
    if weakness:
        return problem_json(422, "Choose another PIN", WEAK_PINS[weakness], code=weakness)
    key_id = message["key"]["credential"] if message["key"] else ""
    if not _is_signed(message["key"], phone, proven.id, new_pin_text(*_place(phone), key_id)):
        return _unusable_key("key", "Sign with the key that stays, or leave it out.")
    with write_transaction():
        set_pin(proven.id, new)
        kept = keep_only(proven.id, phone.site_id, key_id, now)
        for site_id in sites_of_person(proven.id):
            _log_change("pin", phone, proven.id, "changed", now, site_id=site_id)
    judge_proven_ops(phone.site_id, phone.id, proven.id, now)
    return sync_response(person=proven.body(), credential=kept)


def _typed_name(message: dict[str, Any]) -> str:
    return str(message.get("person") or message.get("staff_number"))


def _person_for(phone: DeviceIdentity, message: dict[str, Any]) -> Person | None:
    """The person that a message names, if they work at the phone's site and it is not revoked."""
    if phone.is_revoked:
        return None
    number = (message.get("staff_number") or "").strip()
    who = (
        Person.id == message["person"]
        if message.get("person")
        else (Person.employee_no == number) & (Person.employee_no != "")
    )
    here = Person.site_id == phone.site_id, Person.active_to.is_(None)
    found = db.session.scalars(select(Person).where(*here, who).limit(2)).all()
    return found[0] if len(found) == 1 else None


def _proven_person(
    phone: DeviceIdentity, person: Person | None, pin: str, now: datetime, *, typed: str
) -> ProvenPerson | None:
    """The person, if the PIN is theirs. Everybody else is answered alike and as slowly. Raises
    TooManyTries."""
    known = person.id if person else typed
    one, all_ = (PHONE_AND_PERSON, f"{phone.id}\n{known}"), (PHONE, phone.id)
    account_wide = [] if has_unlocked(*_place(phone), known) else [(ACCOUNT, known)]
    wait = count_attempt(one, all_, *account_wide)
    if wait:
        log.warning("too many PINs tried", site=phone.site_id, device=phone.id)
        raise TooManyTries(wait)
    account = db.session.get(Account, person.id) if person else None
    if not pin_matches(account, pin, now) or person is None or account is None:
        about = person.id if person else None
        log_access("sign_in_failed", site_id=phone.site_id, by=None, about=about, device=phone.id)
        return None
    proven = ProvenPerson(
        id=person.id,
        name=person.name,
        roles=sorted(person.roles),
        must_change=must_change(account, pin),
        new_hash=hash_password(pin) if account.pin_check else None,
    )
    reset_attempts(one)
    if account_wide:
        uncount_attempt(*account_wide)
    return proven


def _place(phone: DeviceIdentity) -> tuple[str, str]:
    return phone.site_id, phone.id


def _is_signed(
    proof: dict[str, Any] | None, phone: DeviceIdentity, person_id: str, text: bytes
) -> bool:
    """Whether the key that a proof names is of this person on this phone and signed the text. One
    that the server does not know, because it was restored from a backup, says nothing."""
    key = proof and (phone.site_id, proof["credential"])
    known = db.session.get(Credential, key) if key else None
    if proof is None or known is None:
        return True
    if (known.device_id, known.person_id) != (phone.id, person_id):
        return False
    return is_valid_signature(known.public_key, proof["sig"], text)


def _log_change(
    event: str,
    phone: DeviceIdentity,
    person_id: str,
    action: str,
    now: datetime,
    site_id: str | None = None,
) -> None:
    """At the phone's site, or at another one where the person works: there without the phone."""
    device = phone.id if site_id in (None, phone.site_id) else None
    who = {"by": person_id, "about": person_id, "device": device}
    at_site, details = site_id or phone.site_id, {"action": action}
    log_access(event, site_id=at_site, keys_at=now, details=details, **who)


def _wrong_pin() -> Response:
    detail = "Check the name or staff number, and the PIN. A supervisor can set a new one."
    return problem_json(403, "Not unlocked", detail, code="wrong-pin")


def _unusable_key(field: str, remedy: str) -> Response:
    errors = {field: [remedy]}
    return problem_json(
        422, "Invalid message", "Correct the fields named in errors.", errors=errors
    )
