"""What a phone signs: an op in the name of its author, a new key in the name of the old one, and
the key that stays when a PIN is changed.

Signatures are ECDSA P-256 with SHA-256: the raw 64 bytes r and s as base64url without padding.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from sync.protocol.hash_chain import op_content

SIGNATURE_BYTES = 64
MAX_SIGNATURE_LENGTH = 200
"""Characters of a signature that are stored; a valid one has 86."""


def signed_text(site_id: str, op: Mapping[str, Any]) -> bytes:
    """L2. The bytes that the author of an op signs: its content and its site, without its place in
    a chain, so that a signature outlives a new lineage and is worth nothing at another site."""
    digest = hashlib.sha256(op_content(op)).hexdigest()
    return f"lodge-op-1\n{site_id}\n{digest}".encode()


def new_key_text(site_id: str, device_id: str, public_key: str) -> bytes:
    """The bytes that a phone signs with the old key of a person to register the next one."""
    return f"lodge-key-1\n{site_id}\n{device_id}\n{public_key}".encode()


def new_pin_text(site_id: str, device_id: str, credential_id: str) -> bytes:
    """The bytes that a phone signs with the key that a person keeps when they change their PIN."""
    return f"lodge-pin-1\n{site_id}\n{device_id}\n{credential_id}".encode()


def decode_signature(text: object) -> bytes | None:
    """The 64 bytes of a signature, or None if the text is not exactly their base64url."""
    raw = decode_base64url(text)
    return raw if raw is not None and len(raw) == SIGNATURE_BYTES else None


def decode_base64url(text: object) -> bytes | None:
    """The bytes of canonical base64url without padding, or None."""
    if not isinstance(text, str) or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if encode_base64url(raw) == text else None


def encode_base64url(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
