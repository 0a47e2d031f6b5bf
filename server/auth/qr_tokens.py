"""The secret in a checkpoint's QR code, bound to the site, the checkpoint and the printing."""

from __future__ import annotations

import base64
import hmac

from server.auth.keys import derived_keys
from sync.work.patrol_rules import token_hash

TOKEN_LENGTH = 16


def label_token(site_id: str, checkpoint_id: str, serial: int) -> str:
    """The text in the QR code. `serial` counts printings: a new one replaces older labels."""
    return _label_tokens(site_id, checkpoint_id, serial)[0]


def label_token_hashes(site_id: str, checkpoint_id: str, serial: int) -> list[str]:
    """The hashes of the label's token, which patrol rounds store instead of the token: one for each
    key of the server, because labels that were printed with an older key stay valid."""
    return [token_hash(token) for token in _label_tokens(site_id, checkpoint_id, serial)]


def _label_tokens(site_id: str, checkpoint_id: str, serial: int) -> list[str]:
    message = f"{site_id}|{checkpoint_id}|{serial}".encode()
    digests = [hmac.digest(key, message, "sha256") for key in derived_keys("labels")]
    return [base64.b32encode(digest).decode()[:TOKEN_LENGTH] for digest in digests]
