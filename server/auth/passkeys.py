"""Passkeys: adding one, and signing in with it (WebAuthn).

A passkey is bound to the host of the server, and always asks for a PIN or a fingerprint, so that
it is two factors in one.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import webauthn
from flask import request
from sqlalchemy import CursorResult, delete, select
from uuid_utils.compat import uuid7
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from server.auth.user_agents import browser_name
from server.db.engine import db, write_transaction
from server.models.access import Account, Passkey

MAX_PASSKEYS = 20
REQUIRED = UserVerificationRequirement.REQUIRED
BAD_ANSWER = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, IndexError)
"""What a library raises for an answer that is not well-formed."""


def registration_options(account: Account, name: str) -> tuple[str, dict[str, Any]]:
    """A challenge, and what a browser needs to make a passkey for a person."""
    passkeys = db.session.scalars(Passkey.of_person(account.person_id)).all()
    options = webauthn.generate_registration_options(
        rp_id=_host(),
        rp_name="Lodge",
        user_id=UUID(account.person_id).bytes,
        user_name=account.username or name,
        user_display_name=name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=REQUIRED
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(passkey.credential_id))
            for passkey in passkeys
        ],
    )
    return bytes_to_base64url(options.challenge), json.loads(webauthn.options_to_json(options))


def add_passkey(person_id: str, challenge: str, credential: Any) -> bool:
    """Store the passkey that a browser made; False if its answer is not right."""
    try:
        verified = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=_host(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
    except BAD_ANSWER:
        return False
    credential_id = bytes_to_base64url(verified.credential_id)
    known = db.session.scalar(select(Passkey).where(Passkey.credential_id == credential_id))
    count = len(db.session.scalars(Passkey.of_person(person_id)).all())
    if known is not None or count >= MAX_PASSKEYS:
        return False
    with write_transaction():
        db.session.add(
            Passkey(
                id=str(uuid7()),
                person_id=person_id,
                credential_id=credential_id,
                public_key=bytes_to_base64url(verified.credential_public_key),
                sign_count=verified.sign_count,
                label=browser_name(request.user_agent.string)[:80],
                made_at=datetime.now(UTC),
            )
        )
    return True


def sign_in_options() -> tuple[str, dict[str, Any]]:
    """A challenge, and what a browser needs to let somebody choose one of their passkeys."""
    options = webauthn.generate_authentication_options(rp_id=_host(), user_verification=REQUIRED)
    return bytes_to_base64url(options.challenge), json.loads(webauthn.options_to_json(options))


def use_passkey(challenge: str, credential: Any) -> str | None:
    """The id of the person whose passkey signed the challenge, None if it is not right."""
    id_ = credential.get("id") if isinstance(credential, dict) else None
    if not isinstance(id_, str) or not id_.isascii():
        return None
    passkey = db.session.scalar(select(Passkey).where(Passkey.credential_id == id_))
    if passkey is None:
        return None
    try:
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=_host(),
            expected_origin=_origin(),
            credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except BAD_ANSWER:
        return None
    with write_transaction():
        passkey.sign_count, passkey.used_at = verified.new_sign_count, datetime.now(UTC)
    return passkey.person_id


def remove_passkey(person_id: str, id_: str) -> bool:
    """Remove a passkey of a person; False if it is not theirs."""
    own = delete(Passkey).where(Passkey.id == id_, Passkey.person_id == person_id)
    with write_transaction():
        removed: CursorResult[Any] = db.session.execute(own)  # type: ignore[assignment]
    return removed.rowcount == 1


def _host() -> str:
    """The host without its port: passkeys belong to it."""
    return request.host.rpartition(":")[0] if request.host.count(":") == 1 else request.host


def _origin() -> str:
    return f"{request.scheme}://{request.host}"
