"""Gives tickets their numbers: blocks of unused ones to phones, and one at a time at the server.

A number is given once a site. The code of its slip proves to whom it is shown that this server gave
it: four check digits, then what the QR code of the slip has in addition.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from server.db.engine import db, write_transaction
from server.models.feed import ServerState
from server.models.ticket_numbers import TicketNumber
from server.models.tickets import Ticket
from server.oplog.op_row import OpRow
from server.oplog.record_store import RecordStore
from sync import Op
from sync.service.tickets import NUMBER_PATTERN, ticket_number

BLOCK_SIZE = 20
"""How many unused numbers a phone has after its hello."""

FIRST_NUMBER, LAST_NUMBER = 1_000_000, 9_999_999
SLIP_KEY = "slip_key"
"""Row of `server_state`: the key of the slips' codes. It stays, because slips are never renewed."""

TABLE = TicketNumber.metadata.tables[TicketNumber.__tablename__]
STATE_TABLE = ServerState.metadata.tables[ServerState.__tablename__]


def block_of(site_id: str, device_id: str) -> list[dict[str, str]]:
    """The unused numbers of a phone with the codes of their slips, filled up to `BLOCK_SIZE`."""
    unused = select(TABLE.c.number).where(
        TABLE.c.site_id == site_id, TABLE.c.device_id == device_id, TABLE.c.ticket_id.is_(None)
    )
    numbers = list(db.session.scalars(unused))
    if len(numbers) < BLOCK_SIZE:
        with write_transaction():
            numbers += [
                _new_number(site_id, device_id=device_id) for _ in range(BLOCK_SIZE - len(numbers))
            ]
    key = _slip_key()
    return [{"number": n, "slip": _slip_code(key, site_id, n)} for n in sorted(numbers)]


def number_for(op: Op, row: OpRow, store: RecordStore) -> dict[str, Any]:
    """The number, the numbers and the slip's code of a ticket that an op opens, to be called with
    the site's log locked. Empty: it keeps the number that its phone has derived from its id.

    A phone's own number stands if it is of its block and unused. Otherwise the ticket gets another
    one, and what the resident was told stays among its numbers.
    """
    site_id, wanted = store.site_id, op.payload.get("number")
    if wanted is not None:
        if not isinstance(wanted, str) or not NUMBER_PATTERN.fullmatch(wanted):
            return {}  # the op will be quarantined
        code = str(op.payload.get("slip"))
        if _take(site_id, wanted, code, op.subject, row["device_id"]):
            return _given(site_id, wanted)
    elif row["hash"] and not _has_ticket(ticket_number(op.subject), op.subject, store):
        return {}
    told = wanted or (ticket_number(op.subject) if row["hash"] else None)
    return _given(site_id, _new_number(site_id, ticket_id=op.subject), told)


def _given(site_id: str, number: str, told: str | None = None) -> dict[str, Any]:
    numbers = [number, told] if told else [number]
    return {"number": number, "numbers": numbers, "slip": _slip_code(_slip_key(), site_id, number)}


def _take(site_id: str, number: str, code: str, ticket_id: str, device_id: str | None) -> bool:
    """Use a number for a ticket, and return whether that is possible.

    The code proves a number that a restored server gave after its backup. One that this phone has
    used for another ticket is shared from now on.
    """
    here = TABLE.c.site_id == site_id, TABLE.c.number == number
    known = db.session.execute(select(TABLE).where(*here)).one_or_none()
    is_own = known is not None and device_id is not None and known.device_id == device_id
    is_proven = hmac.compare_digest(
        _slip_code(_slip_key(), site_id, number), code if code.isascii() else ""
    )
    if known is None and is_proven:
        return _insert(site_id, number, device_id=device_id, ticket_id=ticket_id)
    if known is None or not (is_own or is_proven):
        return False
    if known.ticket_id in (None, ticket_id):
        db.session.execute(update(TABLE).where(*here).values(ticket_id=ticket_id))
        return True
    if is_own:
        db.session.execute(update(TABLE).where(*here).values(is_shared=True))
    return False


def _has_ticket(number: str, ticket_id: str, store: RecordStore) -> bool:
    """Whether another ticket, of whatever site, has a number that was derived from an id."""
    in_batch = (
        record.row.number
        for record in store.records.values()
        if record.type == "ticket" and record.row and record.id != ticket_id
    )
    others = select(Ticket.id).where(Ticket.number == number, Ticket.id != ticket_id)
    return number in in_batch or db.session.scalar(others.limit(1)) is not None


def _new_number(site_id: str, *, device_id: str | None = None, ticket_id: str | None = None) -> str:
    """A random number that was never given at this site; it is given now."""
    while True:
        number = str(FIRST_NUMBER + secrets.randbelow(LAST_NUMBER - FIRST_NUMBER + 1))
        if _insert(site_id, number, device_id=device_id, ticket_id=ticket_id):
            return number


def _insert(site_id: str, number: str, *, device_id: str | None, ticket_id: str | None) -> bool:
    """Whether the number was new to the site; then it is in the table."""
    values: dict[str, Any] = {"site_id": site_id, "number": number, "device_id": device_id}
    values |= {"ticket_id": ticket_id, "given_at": datetime.now(UTC), "is_shared": False}
    return _insert_new(TABLE, values)


def _insert_new(table: Any, values: dict[str, Any]) -> bool:
    dialect = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    new = dialect.insert(table).values(**values).on_conflict_do_nothing()
    return db.session.execute(new.returning(*table.primary_key.columns)).first() is not None


def _slip_key() -> bytes:
    """The key of the slips' codes, made when it is first needed."""
    query = select(STATE_TABLE.c.value).where(STATE_TABLE.c.key == SLIP_KEY)
    value = db.session.scalar(query)
    if value is None:
        with write_transaction():
            _insert_new(STATE_TABLE, {"key": SLIP_KEY, "value": secrets.token_hex(32)})
        value = db.session.scalars(query).one()
    return bytes.fromhex(value)


def _slip_code(key: bytes, site_id: str, number: str) -> str:
    """The code of a number's slip: four check digits and sixteen characters."""
    digest = hmac.digest(key, f"{site_id}|{number}".encode(), "sha256")
    digits = int.from_bytes(digest[:8]) % 10_000
    return f"{digits:04}{base64.b32encode(digest[8:18]).decode()}"
