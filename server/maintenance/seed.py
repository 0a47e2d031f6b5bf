"""What a new site begins with: standards, checklists and cards of the content pack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid5

from server.oplog.receive import make_op
from sync.accountability.categories import category_id
from sync.accountability.categories_content import CATEGORIES
from sync.quality.checklists_content import CHECKLISTS, checklist_id
from sync.training.cards import card_id
from sync.training.handbook import load_handbook
from sync.work.standards_content import STANDARDS


def shared_content_ops(site_id: str) -> Iterator[dict[str, Any]]:
    """Checklists, cards, what people answer for: the same for every site to begin with."""
    for checklist in CHECKLISTS:
        yield idempotent_op("template.add", checklist_id(site_id, checklist["code"]), checklist)
    pack = load_handbook()
    for card in pack.cards:
        yield idempotent_op(
            "card.add", card_id(site_id, card["code"]), {**card, "pack": pack.label}
        )
    for category in CATEGORIES:
        yield idempotent_op("category.add", category_id(site_id, category["code"]), category)


def inactive_schedule_ops(site_id: str, since: str) -> Iterator[dict[str, Any]]:
    """Standards that wait for somebody who answers for them."""
    for standard in STANDARDS:
        subject = str(uuid5(UUID(site_id), f"schedule|{standard['code']}"))
        yield idempotent_op(
            "schedule.add", subject, {**standard, "active": False, "dtstart": since}
        )


def idempotent_op(kind: str, subject: str, payload: dict[str, Any]) -> dict[str, Any]:
    """An op whose id follows from its subject: adding twice is harmless."""
    return make_op(kind, subject, payload, id=str(uuid5(UUID(subject), kind)))
