"""Feed digests: 64-bit sums that show whether a phone holds every record it may see."""

from __future__ import annotations

import hashlib


def record_fingerprint(type_: str, id_: str, version: int) -> int:
    """64 bits that stand for one record in one version."""
    text = f"{type_}\n{id_}\n{version}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def add_to_digest(digest: int, *fingerprints: int) -> int:
    """Digests add up modulo 2**64, so one changes without a look at the other records."""
    return (digest + sum(fingerprints)) % 2**64


def digest_text(digest: int) -> str:
    """A digest as 16 hex digits: numbers above 2**53 do not survive JavaScript."""
    return f"{digest % 2**64:016x}"
