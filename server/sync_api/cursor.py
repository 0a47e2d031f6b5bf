"""The cursor of a phone: how far it has read the feed, as a signed token."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from server.auth.keys import serializer

FEED_VERSION = 6
"""Raise it when the shape of bodies changes: phones then replace all their records."""

SIGNER_KEY = "lodge-cursors"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a phone has read the feed, and what that depends on.

    `floor` is the site's when the cursor was made: up to it, tombstones had been removed then.
    """

    epoch: str
    site: str
    scope: str
    feed_version: int
    seq: int
    floor: int = 0

    def encode(self) -> str:
        """The signed token that a phone sends back."""
        fields = (self.epoch, self.site, self.scope, self.feed_version, self.seq, self.floor)
        return str(_cursor_signer().dumps(fields))


def resume_position(token: str | None, now: Cursor) -> tuple[int, str | None]:
    """The number to read after, and the reason if the phone has to start again."""
    if token is None:
        return 0, "new"
    try:
        was = Cursor(*_cursor_signer().loads(token))
    except (BadSignature, TypeError, ValueError):
        return 0, "epoch"
    if was.epoch != now.epoch or was.seq > now.seq:
        return 0, "epoch"
    if was.site != now.site or was.scope != now.scope:
        return 0, "scope"
    if was.feed_version != now.feed_version:
        return 0, "schema"
    missed_tombstones = was.seq < now.floor and was.floor < now.floor
    return (0, "floor") if missed_tombstones else (was.seq, None)


def _cursor_signer() -> URLSafeSerializer:
    extensions = current_app.extensions
    if SIGNER_KEY not in extensions:
        options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        extensions[SIGNER_KEY] = serializer("cursor", **options)
    signer: URLSafeSerializer = extensions[SIGNER_KEY]
    return signer
