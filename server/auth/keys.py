"""The secret keys of the server: the newest signs, and the older ones still verify.

Flask's names for them are `SECRET_KEY` and `SECRET_KEY_FALLBACKS`.
"""

from __future__ import annotations

import hashlib
from typing import Any

from flask import current_app
from itsdangerous import URLSafeSerializer


def secret_keys() -> list[str]:
    """All keys, the newest first."""
    config = current_app.config
    return [config["SECRET_KEY"], *(config.get("SECRET_KEY_FALLBACKS") or ())]


def derived_keys(purpose: str) -> list[bytes]:
    """A key of 32 bytes for a purpose from each secret key, the newest first."""
    return [hashlib.sha256(f"{purpose}|{key}".encode()).digest() for key in secret_keys()]


def serializer(salt: str, **signer_options: Any) -> URLSafeSerializer:
    """Signs with the newest key and accepts what any of them signed."""
    oldest_first: Any = secret_keys()[::-1]
    return URLSafeSerializer(oldest_first, salt=salt, signer_kwargs=signer_options or None)
