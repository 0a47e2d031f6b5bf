"""Labels of checkpoints: a secret that only we can make, bound to site, point and printing."""

from __future__ import annotations

import base64
import hashlib
import hmac

from flask import current_app

from sync.work.patrol import token_hash

TOKEN_LENGTH = 16


def label_token(site_id: str, checkpoint_id: str, serial: int) -> str:
    """What stands in the label of a point; a new printing has another one."""
    key = hashlib.sha256(b"labels|" + current_app.config["SECRET_KEY"].encode()).digest()
    text = f"{site_id}|{checkpoint_id}|{serial}".encode()
    made = hmac.digest(key, text, "sha256")
    return base64.b32encode(made).decode()[:TOKEN_LENGTH]


def label_token_hash(site_id: str, checkpoint_id: str, serial: int) -> str:
    """What rounds know of it."""
    return token_hash(label_token(site_id, checkpoint_id, serial))
