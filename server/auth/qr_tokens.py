"""The secret in a checkpoint's QR code, bound to the site, the checkpoint and the printing."""

from __future__ import annotations

import base64
import hashlib
import hmac

from flask import current_app

from sync.work.patrol_rules import token_hash

TOKEN_LENGTH = 16


def label_token(site_id: str, checkpoint_id: str, serial: int) -> str:
    """The text in the QR code. `serial` counts printings: a new one replaces older labels."""
    key = hashlib.sha256(b"labels|" + current_app.config["SECRET_KEY"].encode()).digest()
    message = f"{site_id}|{checkpoint_id}|{serial}".encode()
    return base64.b32encode(hmac.digest(key, message, "sha256")).decode()[:TOKEN_LENGTH]


def label_token_hash(site_id: str, checkpoint_id: str, serial: int) -> str:
    """The hash of the label's token, which patrol rounds store instead of the token."""
    return token_hash(label_token(site_id, checkpoint_id, serial))
