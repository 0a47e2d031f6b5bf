"""What a new site begins with: standards, checklists and cards of the content pack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid5

from server.oplog.receive import own
from sync.accountability.categories import category_id
from sync.accountability.categories_content import CATEGORIES
from sync.quality.checklists_content import CHECKLISTS, template_id
from sync.training.cards import card_id
from sync.training.handbook import handbook
from sync.work.standards_content import STANDARDS


def shared(site_id: str) -> Iterator[dict[str, Any]]:
    """Checklists, cards, what people answer for: the same for every site to begin with."""
    for checklist in CHECKLISTS:
        yield added("template.add", template_id(site_id, checklist["code"]), checklist)
    pack = handbook()
    for card in pack.cards:
        yield added("card.add", card_id(site_id, card["code"]), {**card, "pack": pack.label})
    for category in CATEGORIES:
        yield added("category.add", category_id(site_id, category["code"]), category)


def resting(site_id: str, since: str) -> Iterator[dict[str, Any]]:
    """Standards that wait for somebody who answers for them."""
    for standard in STANDARDS:
        subject = str(uuid5(UUID(site_id), f"schedule|{standard['code']}"))
        yield added("schedule.add", subject, {**standard, "active": False, "dtstart": since})


def added(kind: str, subject: str, payload: dict[str, Any]) -> dict[str, Any]:
    """An op whose id follows from its subject: adding twice is harmless."""
    return own(kind, subject, payload, id=str(uuid5(UUID(subject), kind)))
