"""Feed digests: 64-bit sums that show whether a phone has stored every record that it may see."""

from __future__ import annotations

import hashlib


def record_fingerprint(type_: str, id_: str, version: int) -> int:
    """64 bits of a hash that identify one record in one version."""
    text = f"{type_}\n{id_}\n{version}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def add_to_digest(digest: int, *fingerprints: int) -> int:
    """The digest with fingerprints added, modulo 2**64. A negative fingerprint is subtracted, so
    one change does not require reading the other records."""
    return (digest + sum(fingerprints)) % 2**64


def digest_text(digest: int) -> str:
    """A digest as 16 hex digits: JavaScript cannot represent numbers above 2**53 exactly."""
    return f"{digest % 2**64:016x}"
