"""The hidden token of every form that the desk draws: who it was drawn for, where, and which one.

It is added to finished pages, so no template can forget it.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from hashlib import sha256

from flask import request
from itsdangerous import BadSignature, URLSafeSerializer
from markupsafe import Markup

from server.auth.keys import serializer
from server.auth.sessions import CurrentUser

TOKEN_FIELD = "form_token"
MAX_PAGE_LENGTH = 1500
POST_FORM_PATTERN = re.compile(
    r'<form\b(?![^>]*\bdata-kept)[^>]*\bmethod="post"[^>]*>', re.IGNORECASE
)
HIDDEN_INPUT = Markup('<input type="hidden" name="{}" value="{}">')


@dataclass(frozen=True, slots=True)
class FormToken:
    """A token that this server signed."""

    person_id: str
    site_id: str
    page: str
    """The address of the page that the form stands on."""
    text: str
    """The token as it was sent; it differs for every form that was drawn."""

    @property
    def digest(self) -> str:
        return sha256(self.text.encode()).hexdigest()


def parse_token(text: str | None) -> FormToken | None:
    """The token that a form sent; None if it has none, or one that is not ours."""
    signed, _, index = (text or "").rpartition(".")
    if not index.isdecimal():
        return None
    try:
        person_id, site_id, page, _ = _signer().loads(signed)
    except (BadSignature, ValueError, TypeError):
        return None
    return FormToken(person_id, site_id, page, f"{signed}.{index}")


def add_tokens(html: str, user: CurrentUser, page: str) -> str:
    """The page with a token in each of its forms that are posted; `page` is its address."""
    if not POST_FORM_PATTERN.search(html):
        return html
    nonce = secrets.token_urlsafe(12)
    signed = _signer().dumps([user.person_id, user.site_id, page[:MAX_PAGE_LENGTH], nonce])
    text = signed if isinstance(signed, str) else signed.decode()
    count = 0

    def with_token(tag: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return tag[0] + str(HIDDEN_INPUT.format(TOKEN_FIELD, f"{text}.{count}"))

    return POST_FORM_PATTERN.sub(with_token, html)


def page_address() -> str:
    """The path and query of this request."""
    return request.full_path.rstrip("?")


def _signer() -> URLSafeSerializer:
    return serializer("desk-form")
