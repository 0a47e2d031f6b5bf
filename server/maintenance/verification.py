"""What `lodge verify` checks besides the log of a site: accounts, phones, their chains and keys,
photos."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from sqlalchemy import exists, or_, select

from server.auth.device_people import key_of_people
from server.db.engine import db
from server.maintenance.epoch import epoch_ends
from server.models.access import EVERYBODY, Device, DevicePerson
from server.models.credentials import Credential
from server.models.oplog import Lineage, LoggedOp
from server.models.people import Person
from server.models.photos import DELETE_PENDING, DELETED, Photo, PhotoLink
from server.models.security_log import AccessEntry
from server.oplog.redaction import PURGED_FLAG
from server.oplog.row_builder import MASKED_FLAG
from server.oplog.sealed_rows import row_faults
from server.oplog.signatures import is_valid_signature
from server.photos.uploads import read_photo
from sync.protocol.hash_chain import remove_number
from sync.protocol.signatures import signed_text

OPS = LoggedOp.metadata.tables["op"]


def server_faults() -> list[str]:
    """A22. Accounts, phones and keys that are not as the security log has them, one sentence
    each."""
    return [*row_faults(), *_people_faults(), *_epoch_faults()]


def _epoch_faults() -> Iterator[str]:
    """A27. Ends of earlier epochs that no restore or move in the security log explains: up to there
    alone a link of such an epoch is compared."""
    restored = select(AccessEntry.details).where(AccessEntry.event == "restore")
    logged = {details.get("epoch") for details in db.session.scalars(restored)}
    for end in epoch_ends():
        if end not in logged:
            name = end.partition(" ")[0]
            yield f"epoch {name}: no restore in the security log says that it ended like this"


def _people_faults() -> Iterator[str]:
    """A22. Phones whose people are not those that were chosen."""
    people: dict[str, set[str]] = defaultdict(set)
    for device_id, person_id in db.session.execute(
        select(DevicePerson.device_id, DevicePerson.person_id)
    ):
        people[device_id].add(person_id)
    for device_id, key in db.session.execute(select(Device.id, Device.people_key)).all():
        if key not in (EVERYBODY, key_of_people(people[device_id])):
            yield f"device/{device_id}: its people are not those that were chosen"


def site_faults(site_id: str) -> list[str]:
    """Chains of phones, signatures, keys and photos of a site that do not agree with its log, one
    sentence each."""
    return [
        *_lineage_faults(site_id),
        *_proof_faults(site_id),
        *_key_faults(site_id),
        *_photo_faults(site_id),
    ]


def _lineage_faults(site_id: str) -> Iterator[str]:
    """A23. Chains whose end or gaps are not those of the ops that arrived."""
    arrived: dict[str, dict[int, str | None]] = defaultdict(dict)
    ops = select(LoggedOp.lineage, LoggedOp.n, LoggedOp.hash).where(
        LoggedOp.site_id == site_id, LoggedOp.lineage.is_not(None)
    )
    for lineage, n, hash_ in db.session.execute(ops):
        arrived[str(lineage)][int(n or 0)] = hash_
    stored = db.session.scalars(select(Lineage).where(Lineage.site_id == site_id)).all()
    chains_of_device = Counter(chain.device_id for chain in stored)
    for chain in stored:
        logged, received = arrived.pop(chain.lineage, {}), _received_numbers(chain)
        # an op that a phone sends again in a new chain keeps the number of its first one in the log
        may_be_elsewhere = chains_of_device[chain.device_id] > 1
        if set(logged) - received or (received - set(logged) and not may_be_elsewhere):
            yield f"chain {chain.lineage}: its gaps are not those of the log"
        elif logged.get(chain.upto, chain.hash) != chain.hash:
            yield f"chain {chain.lineage}: its newest hash is not that of the op"
    for lineage in sorted(arrived):
        yield f"chain {lineage}: its ops are in the log, but the chain is gone"


def _received_numbers(chain: Lineage) -> set[int]:
    ranges = [[1, chain.upto]] if chain.upto else []
    for first, last in chain.gaps:
        for n in range(first, last + 1):
            ranges = remove_number(ranges, n)
    return {n for first, last in ranges for n in range(first, last + 1)}


def _proof_faults(site_id: str) -> Iterator[str]:
    """A26. Ops that count as proven, but were not signed by the key of their author on their
    phone."""
    keys = db.session.scalars(select(Credential).where(Credential.site_id == site_id))
    known = {key.id: key for key in keys}
    proven = select(OPS).where(OPS.c.site_id == site_id, OPS.c.credential.is_not(None))
    for row in db.session.execute(proven, execution_options={"yield_per": 500}):
        key = known.get(row.credential)
        if key is None or (key.device_id, key.person_id) != (row.device_id, row.by):
            yield f"op {row.id}: the key that signed it is not its author's on that phone"
        elif not {PURGED_FLAG, MASKED_FLAG} & set(row.flags):
            raw = json.loads(row.body)
            if not is_valid_signature(key.public_key, raw.get("sig"), signed_text(site_id, raw)):
                yield f"op {row.id}: its signature is not that of its author's key"


def _key_faults(site_id: str) -> Iterator[str]:
    """A26. Keys that still prove something although their phone is blocked, or their person left
    or is not on it."""
    usable = (
        select(Credential.id)
        .join(Device, Device.id == Credential.device_id)
        .join(
            Person,
            (Person.site_id == Credential.site_id) & (Person.id == Credential.person_id),
        )
        .where(Credential.site_id == site_id, Credential.revoked_at.is_(None))
    )
    on_phone = exists().where(
        DevicePerson.device_id == Credential.device_id,
        DevicePerson.person_id == Credential.person_id,
    )
    ended = or_(
        Device.revoked_at.is_not(None),
        Device.lost_at.is_not(None),
        Person.active_to.is_not(None),
        (Device.people_key != EVERYBODY) & ~on_phone,
    )
    for id_ in db.session.scalars(usable.where(ended)):
        yield f"key {id_}: it was not revoked with its phone or its person"


def _photo_faults(site_id: str) -> Iterator[str]:
    """A24. Photos whose bytes are missing, or are not those that were stored."""
    photos = select(Photo.sha256, Photo.bytes, Photo.digest).where(Photo.site_id == site_id)
    logged = _logged_digests(site_id)
    gone = _deleted_photos(site_id)
    for sha256, size, digest in db.session.execute(photos).all():
        if sha256 in gone:
            continue
        if logged.get(sha256) not in (None, digest):
            yield f"photo {sha256}: its digest is not the one in the log"
        try:
            content = read_photo(site_id, sha256)
        except OSError:
            yield f"photo {sha256}: its bytes are missing"
            continue
        if len(content) != size or (digest and hashlib.sha256(content).hexdigest() != digest):
            yield f"photo {sha256}: its bytes were changed"


def _logged_digests(site_id: str) -> dict[str, str]:
    """The digest of the bytes of each photo, as the log has it."""
    arrivals = select(LoggedOp.payload).where(
        LoggedOp.site_id == site_id, LoggedOp.kind == "photo.arrive"
    )
    return {
        payload["sha256"]: payload["digest"]
        for payload in db.session.scalars(arrivals)
        if payload.get("digest")
    }


def _deleted_photos(site_id: str) -> set[str]:
    links = select(PhotoLink.sha256).where(PhotoLink.site_id == site_id)
    kept = set(
        db.session.scalars(links.where(PhotoLink.subject_type.not_in((DELETE_PENDING, DELETED))))
    )
    return set(db.session.scalars(links)) - kept
