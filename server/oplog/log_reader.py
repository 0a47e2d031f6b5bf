"""Queries for ops that a site's log already has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import Row, Select, bindparam, exists, select

from server.db.engine import db
from server.db.statements import SITE_PARAM, select_by_ids
from server.models.access import EVERYBODY, Device, DevicePerson
from server.models.oplog import Lineage, LoggedOp
from server.models.quarantine import QuarantinedOp
from server.oplog.op_row import (
    NO_SUCH_RECORD,
    PENDING_STATUSES,
    OpIdentity,
    OpRow,
    awaits_proof,
    is_unsigned,
)
from server.oplog.redaction import EMPTY_BODY
from sync import KINDS
from sync.protocol.hash_chain import LineageState
from sync.review.quarantine import ACCEPTED, CORRECTED, DISMISSED

OP_TABLE, LINEAGE_TABLE = LoggedOp.metadata.tables["op"], Lineage.metadata.tables["lineage"]
QUARANTINE_TABLE = QuarantinedOp.metadata.tables["aside"]

IDENTITY_COLUMNS = tuple(OpIdentity.__annotations__)

IDENTITIES_BY_ID = select_by_ids(OP_TABLE, *(OP_TABLE.c[name] for name in IDENTITY_COLUMNS))
OPS_BY_ID = select_by_ids(OP_TABLE)
BODY_BY_ID = select_by_ids(OP_TABLE, OP_TABLE.c.body)
WAITING_OPS_BY_DEPENDENCY = select_by_ids(OP_TABLE, key="after").where(
    OP_TABLE.c.status == "waiting"
)
LINEAGE_PARAM: Any = bindparam("lineage")
OPS_BY_CHAIN_NUMBER = select_by_ids(
    OP_TABLE, OP_TABLE.c.n, OP_TABLE.c.id, OP_TABLE.c.hash, key="n"
).where(OP_TABLE.c.lineage == LINEAGE_PARAM)
LINEAGE_STATE = select(
    *(LINEAGE_TABLE.c.upto, LINEAGE_TABLE.c.hash, LINEAGE_TABLE.c.gaps, LINEAGE_TABLE.c.lost),
    LINEAGE_TABLE.c.device_id,
).where(LINEAGE_TABLE.c.site_id == bindparam(SITE_PARAM), LINEAGE_TABLE.c.lineage == LINEAGE_PARAM)
HAS_DESK_DECISION = exists().where(
    QUARANTINE_TABLE.c.site_id == OP_TABLE.c.site_id,
    QUARANTINE_TABLE.c.op_id == OP_TABLE.c.id,
    QUARANTINE_TABLE.c.outcome.is_not(None),
)
PEOPLE_OF_PHONE = (
    select(Device.people_key, DevicePerson.person_id)
    .outerjoin(
        DevicePerson,
        (DevicePerson.site_id == Device.site_id) & (DevicePerson.device_id == Device.id),
    )
    .where(Device.site_id == bindparam(SITE_PARAM), Device.id == bindparam("device"))
)
ORPHANS_BY_SUBJECT = select_by_ids(OP_TABLE, key="subject").where(
    OP_TABLE.c.code == NO_SUCH_RECORD,
    OP_TABLE.c.body != EMPTY_BODY,  # of a purged op nothing is left to judge
    ~HAS_DESK_DECISION,
)
HELD_CREATION = select(OP_TABLE.c.id).where(
    OP_TABLE.c.site_id == bindparam(SITE_PARAM),
    OP_TABLE.c.subject == bindparam("subject"),
    OP_TABLE.c.status == "held",
    OP_TABLE.c.kind.in_(sorted(name for name, kind in KINDS.items() if kind.creates)),
)


class ChainEntry(NamedTuple):
    """The op that has one number of a phone's chain."""

    id: str
    hash: str | None


class LogReader:
    """Reads the log of one site within the transaction of the session."""

    def __init__(self, site_id: str) -> None:
        self.site_id = site_id
        self.connection = db.session.connection()

    def identities(self, ids: list[str]) -> list[OpIdentity]:
        """The stored ops with these ids, without their text."""
        rows = self._fetch(IDENTITIES_BY_ID, ids=ids)
        return [cast(OpIdentity, dict(row._mapping)) for row in rows]

    def rows(self, ids: list[str]) -> list[OpRow]:
        """The stored ops with these ids."""
        return self._fetch_rows(OPS_BY_ID, ids)

    def rows_waiting_for(self, ids: list[str]) -> list[OpRow]:
        """H5. Stored ops that wait for one of these ops."""
        return self._fetch_rows(WAITING_OPS_BY_DEPENDENCY, ids)

    def orphans_of(self, subjects: list[str]) -> list[OpRow]:
        """Stored ops about these records that arrived before the op that creates the record.

        After a restore, phones send theirs in any order.
        """
        return self._fetch_rows(ORPHANS_BY_SUBJECT, subjects)

    def people_of_phone(self, device_id: str) -> frozenset[str] | None:
        """The ids of the people of a phone; None for a phone of everybody."""
        phone = {SITE_PARAM: self.site_id, "device": device_id}
        rows = db.session.connection().execute(PEOPLE_OF_PHONE, phone).all()
        if any(row.people_key == EVERYBODY for row in rows):
            return None
        return frozenset(row.person_id for row in rows if row.person_id)

    def held_creation(self, subject: str) -> bool:
        """Whether an op that creates this record is held for the desk."""
        return bool(self._fetch(HELD_CREATION, subject=subject))

    def body(self, id_: str) -> str:
        """The text of one stored op."""
        ((body,),) = self._fetch(BODY_BY_ID, ids=[id_])
        return str(body)

    def lineage_state(self, lineage: str) -> tuple[LineageState, str | None] | None:
        """What has arrived of a chain, and whose phone's it is; None for one that is new here."""
        rows = self._fetch(LINEAGE_STATE, lineage=lineage)
        return (LineageState(*rows[0][:-1]), rows[0].device_id) if rows else None

    def chain_entries(self, lineage: str, numbers: list[int]) -> dict[int, ChainEntry]:
        """The stored ops with these numbers of a chain, by number."""
        rows = self._fetch(OPS_BY_CHAIN_NUMBER, lineage=lineage, ids=numbers)
        return {row.n: ChainEntry(row.id, row.hash) for row in rows}

    def is_decided_by_desk(self, stored: OpIdentity) -> bool:
        """X11. Whether the desk has decided about a pending op, so that it is not judged again.

        Dismissing an op of an unsigned file, or one whose author was not proven, does not bind the
        phone: it may still send it, or prove it.
        """
        may_be_proven = is_unsigned(stored) or awaits_proof(stored)
        if not may_be_proven and stored["status"] not in PENDING_STATUSES:
            return False
        final = (ACCEPTED, CORRECTED) if may_be_proven else (ACCEPTED, CORRECTED, DISMISSED)
        decided = select(QUARANTINE_TABLE.c.id).where(
            QUARANTINE_TABLE.c.site_id == self.site_id,
            QUARANTINE_TABLE.c.op_id == stored["id"],
            QUARANTINE_TABLE.c.outcome.in_(final),
        )
        return self.connection.execute(decided).first() is not None

    def _fetch_rows(self, query: Select[Any], ids: list[str]) -> list[OpRow]:
        rows = self._fetch(query, ids=ids) if ids else []
        return [cast(OpRow, dict(row._mapping)) for row in rows]

    def _fetch(self, query: Select[Any], **params: Any) -> Sequence[Row[Any]]:
        return self.connection.execute(query, {SITE_PARAM: self.site_id, **params}).all()
