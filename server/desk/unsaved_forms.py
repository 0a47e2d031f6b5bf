"""Forms that arrived after their session had ended, kept for the person who typed them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from flask import request
from sqlalchemy import delete, select
from uuid_utils.compat import uuid7

from server.auth.credentials import token_digest
from server.auth.sessions import cookie_name
from server.db.engine import db, write_transaction
from server.models.access import LoginSession
from server.models.desk_forms import KEEP_UNSAVED, UnsavedForm
from sync.protocol.normalise import plate_key

MAX_KEPT, MAX_BYTES = 5, 512 * 1024
"""How many unsaved forms a person has at most, and how much text each."""

TELLING = re.compile(r"(?!\d{1,4}\Z).{2,}")
"""A name, number or plate that tells somebody; a letter or a home is in many forms."""

SECRET_FIELDS = ("password", "new", "pin", "one_time_code", "app_secret")
"""Inputs that are never kept nor shown again."""


def keep_unsaved(person_id: str, site_id: str, page: str) -> bool:
    """Keep the form of this request for a person; False if there is nothing to keep."""
    fields = [
        [name, text]
        for name, text in request.form.items(multi=True)
        if name not in SECRET_FIELDS and name != "form_token"
    ]
    if not fields or sum(len(text) for _, text in fields) > MAX_BYTES:
        return False
    now = datetime.now(UTC)
    with write_transaction():
        db.session.execute(UnsavedForm.expired(now))
        db.session.execute(_same_form(person_id, request.path))
        ids = db.session.scalars(UnsavedForm.of_person(person_id).with_only_columns(UnsavedForm.id))
        surplus = ids.all()[MAX_KEPT - 1 :]
        db.session.execute(delete(UnsavedForm).where(UnsavedForm.id.in_(surplus)))
        db.session.add(
            UnsavedForm(
                id=str(uuid7()),
                person_id=person_id,
                site_id=site_id,
                page=page,
                address=request.path,
                fields=fields,
                at=now,
            )
        )
    return True


def delete_saved(person_id: str, address: str) -> None:
    """Delete what a person had not saved in the form of this address. The caller commits."""
    db.session.execute(_same_form(person_id, address))


def delete_forms_naming(site_id: str, texts: Iterable[str]) -> int:
    """Delete the unsaved forms of a site in which one of these texts stands, however it is spaced;
    returns how many."""
    keys = {key for text in texts if TELLING.fullmatch(key := plate_key(text))}
    with write_transaction():
        forms = db.session.scalars(select(UnsavedForm).where(UnsavedForm.site_id == site_id)).all()
        naming = [
            form
            for form in forms
            if any(key in plate_key(text) for _, text in form.fields for key in keys)
        ]
        for form in naming:
            db.session.delete(form)
    return len(naming)


def discard_unsaved(person_id: str, id_: str) -> str | None:
    """Delete one unsaved form of a person; returns its page, None if there is no such form."""
    with write_transaction():
        unsaved = db.session.get(UnsavedForm, id_) if id_.isprintable() else None
        if unsaved is None or unsaved.person_id != person_id:
            return None
        page = unsaved.page
        db.session.delete(unsaved)
    return page


def unsaved_forms(person_id: str) -> list[UnsavedForm]:
    """The unsaved forms of a person, newest first."""
    recent = UnsavedForm.at >= datetime.now(UTC) - KEEP_UNSAVED
    return list(db.session.scalars(UnsavedForm.of_person(person_id).where(recent)))


def former_user() -> tuple[str, str] | None:
    """The person and site of this browser's session, although it has ended."""
    token = request.cookies.get(cookie_name())
    if not token:
        return None
    row = db.session.execute(
        select(LoginSession.person_id, LoginSession.site_id).where(
            LoginSession.token_hash == token_digest(token)
        )
    ).first()
    return (row.person_id, row.site_id) if row else None


def _same_form(person_id: str, address: str) -> Any:
    return delete(UnsavedForm).where(
        UnsavedForm.person_id == person_id, UnsavedForm.address == address
    )
