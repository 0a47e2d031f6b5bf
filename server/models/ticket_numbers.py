"""The seven-digit numbers of tickets: which phone each was given to, and which ticket has it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model


class TicketNumber(Model):
    """A number that was given once and is never given again.

    `device_id`: the phone whose block it is of; None: the server used it by itself. `ticket_id`:
    the ticket that has it; None while it is unused. `is_shared`: the phone told it to the residents
    of two tickets, so that its page shows neither.
    """

    __tablename__ = "ticket_number"
    __table_args__ = (Index(None, "site_id", "device_id"),)

    site_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[str] = mapped_column(String(7), primary_key=True)
    device_id: Mapped[str | None] = mapped_column(String(36))
    ticket_id: Mapped[str | None] = mapped_column(String(36))
    given_at: Mapped[datetime]
    is_shared: Mapped[bool] = mapped_column(default=False)
