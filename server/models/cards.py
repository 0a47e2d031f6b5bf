"""Cards of the handbook, by group."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from server.db.engine import Model
from server.models.directory import Directory, Label
from server.models.registry import StoredType
from sync.work.standards_content import codes_of_clause


class Card(Model):
    __tablename__ = "card"

    site_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    group: Mapped[str]
    code: Mapped[str]
    title: Mapped[Label] = mapped_column(JSON)
    body: Mapped[Label] = mapped_column(JSON)
    phrase: Mapped[str | None]
    order: Mapped[int]
    clause: Mapped[str | None]
    prompts: Mapped[list[Label]] = mapped_column(JSON, default=list)
    approaches: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    status: Mapped[str]
    edition: Mapped[int]
    pack: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    version: Mapped[int]

    @classmethod
    def for_site(cls, site_id: str) -> Select[Any]:
        """Every card of a site, withdrawn ones included, in display order."""
        return select(cls).where(cls.site_id == site_id).order_by(cls.order, cls.code)

    @classmethod
    def by_code(cls, site_id: str, code: str) -> Select[Any]:
        """The card of a site with this code that is in use."""
        return cls.for_site(site_id).where(cls.code == code, cls.withdrawn_at.is_(None))


def phone_body(card: Mapping[str, Any], _: Directory) -> dict[str, Any]:
    """The body of a card for phones. `standards` are the codes of the standards it explains."""
    unseen = ("site_id", "version", "pack", "withdrawn_at")
    shown = {name: value for name, value in card.items() if name not in unseen}
    return {**shown, "standards": codes_of_clause(card["clause"])}


RECORDS = {
    "card": StoredType(Card, phone_body),
}
