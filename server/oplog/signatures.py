"""Checks the signatures of arriving ops, in threads, before the log of the site is locked."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from sqlalchemy import bindparam, select, update

from server.db.engine import db
from server.models.credentials import Credential
from server.oplog.incoming import IncomingOp, Signature, Source
from sync.protocol.op import canonical_uuid
from sync.protocol.signatures import decode_base64url, decode_signature, signed_text

CREDENTIAL_TABLE = Credential.metadata.tables["credential"]
CREDENTIALS_OF_DEVICE = select(
    CREDENTIAL_TABLE.c.id,
    CREDENTIAL_TABLE.c.person_id,
    CREDENTIAL_TABLE.c.public_key,
    CREDENTIAL_TABLE.c.created_at,
    CREDENTIAL_TABLE.c.activated_at,
    CREDENTIAL_TABLE.c.revoked_at,
).where(
    CREDENTIAL_TABLE.c.site_id == bindparam("site"),
    CREDENTIAL_TABLE.c.device_id == bindparam("device"),
)

SIGNATURE_ALGORITHM = ECDSA(SHA256())
CHUNK = 16
"""Signatures that a thread checks in one go: handing over each alone costs as much as checking."""

NO_SIGNATURE = Signature()


class Key(NamedTuple):
    """A credential as far as signatures are concerned."""

    id: str
    person_id: str
    public_key: str
    created_at: datetime
    activated_at: datetime | None
    revoked_at: datetime | None


def check_signatures(site_id: str, ops: list[IncomingOp], source: Source) -> list[IncomingOp]:
    """L2. The ops of a phone, each with what its signature proves. Ops of the desk stay as they
    are. One query, and none for a batch without signatures."""
    signed = [op for op in ops if op.fault is None and op.raw.get("sig")]
    if not signed or source.device_id is None:
        return ops
    keys = _keys_of(site_id, source.device_id)
    chunks = [signed[start : start + CHUNK] for start in range(0, len(signed), CHUNK)]
    checked = (
        _pool(os.getpid()).map(lambda chunk: _check_chunk(site_id, chunk, keys), chunks)
        if len(chunks) > 1
        else [_check_chunk(site_id, chunks[0], keys)]
    )
    found = {id(op): signature for chunk in checked for op, signature in chunk}
    return [replace(op, signature=found.get(id(op), NO_SIGNATURE)) for op in ops]


def is_valid_signature(public_key: str, signature: object, text: bytes) -> bool:
    """Whether a signature of a text was made with the private half of a public key."""
    raw, key = decode_signature(signature), parse_public_key(public_key)
    if raw is None or key is None:
        return False
    r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    try:
        key.verify(encode_dss_signature(r, s), text, SIGNATURE_ALGORITHM)
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=4096)
def parse_public_key(text: str) -> EllipticCurvePublicKey | None:
    """The P-256 key that SPKI (DER) as base64url describes, or None."""
    try:
        key = load_der_public_key(decode_base64url(text) or b"")
    except (ValueError, UnsupportedAlgorithm):
        return None
    is_p256 = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    return key if is_p256 else None  # type: ignore[return-value]


def mark_used(site_id: str, signatures: Iterable[Signature], now: datetime) -> None:
    """Store when credentials proved an op last, within the caller's `write_transaction`."""
    ids = {each.credential_id for each in signatures if each.is_proof}
    if ids:
        used = update(CREDENTIAL_TABLE).where(
            CREDENTIAL_TABLE.c.site_id == site_id, CREDENTIAL_TABLE.c.id.in_(ids)
        )
        db.session.connection().execute(used.values(used_at=now))


def _keys_of(site_id: str, device_id: str) -> Mapping[str, list[Key]]:
    """The credentials of a phone by person."""
    keys: dict[str, list[Key]] = defaultdict(list)
    params = {"site": site_id, "device": device_id}
    for row in db.session.connection().execute(CREDENTIALS_OF_DEVICE, params):
        keys[row.person_id].append(Key(*row))
    return keys


def _check_chunk(
    site_id: str, ops: Sequence[IncomingOp], keys: Mapping[str, list[Key]]
) -> list[tuple[IncomingOp, Signature]]:
    return [(op, _check(site_id, op, keys)) for op in ops]


def _check(site_id: str, op: IncomingOp, keys: Mapping[str, list[Key]]) -> Signature:
    """L4. A signature that no known key of its author made is wrong; one whose author has no key
    here proves nothing, because the server may have lost it in a restore."""
    author = keys.get(canonical_uuid(op.raw["by"]), [])
    if not author:
        return NO_SIGNATURE
    text = signed_text(site_id, op.raw)
    for key in sorted(author, key=lambda key: key.revoked_at is not None):
        if is_valid_signature(key.public_key, op.raw["sig"], text):
            is_revoked = key.revoked_at is not None
            is_proof = key.activated_at is not None and not is_revoked
            since = min(each.created_at for each in author if each.public_key == key.public_key)
            return Signature(key.id, is_proof=is_proof, is_revoked=is_revoked, key_since=since)
    return Signature(is_wrong=True)


@lru_cache(maxsize=1)
def _pool(process_id: int) -> ThreadPoolExecutor:
    """The threads of this process: a forked one starts its own."""
    workers = min(4, os.cpu_count() or 1)
    return ThreadPoolExecutor(workers, thread_name_prefix=f"signatures-{process_id}")
