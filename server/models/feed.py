"""The feed: the newest state of every record as JSON, ready to send."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model


class FeedRow(Model):
    """The newest state of a record, and which phones hold it.

    `audience` is the bit mask of the roles that see it now, `readers` the ids of further people and
    the keys of groups; `seen_by` and `past_readers` are those of all who ever did. At `changes_at`
    this changes by itself, see `server.jobs.scopes`.
    """

    __tablename__ = "feed"
    __table_args__ = (Index(None, "site_id", "seq"), Index(None, "site_id", "changes_at"))

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    seq: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int]
    deleted: Mapped[bool]
    audience: Mapped[int] = mapped_column(BigInteger)
    seen_by: Mapped[int] = mapped_column(BigInteger)
    readers: Mapped[str] = mapped_column(Text, default="", server_default="")
    past_readers: Mapped[str] = mapped_column(Text, default="", server_default="")
    changes_at: Mapped[datetime | None]
    body: Mapped[str] = mapped_column(Text)


class SiteHead(Model):
    """One row a site: the head of its feed, the last link of its log, and what a poll needs."""

    __tablename__ = "site_feed"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    head: Mapped[int] = mapped_column(BigInteger)
    floor: Mapped[int] = mapped_column(BigInteger)
    judged: Mapped[int] = mapped_column(BigInteger)
    names_seq: Mapped[int] = mapped_column(BigInteger)
    heard_at: Mapped[datetime | None]
    link: Mapped[str] = mapped_column(server_default="")


EPOCH_KEY = "epoch"
"""Row of `server_state`: the epoch of the database."""
EPOCH_END = "epoch-end:"
"""With an earlier epoch, a row of `server_state`: JSON of when it ended (`at`), and at which place
the log of each site ended then (`places`)."""


class ServerState(Model):
    """Key-value settings of the whole server, such as its epoch."""

    __tablename__ = "server_state"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
