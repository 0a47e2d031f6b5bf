"""The content that a new site begins with: schedules, checklists, cards, categories."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid5

from server.oplog.incoming import NewOp
from server.oplog.receive import make_op
from sync.accountability.categories import category_id
from sync.accountability.categories_content import CATEGORIES
from sync.quality.checklists_content import CHECKLISTS, checklist_id
from sync.training.cards import card_id
from sync.training.handbook import load_handbook
from sync.work.standards_content import STANDARDS


def shared_content_ops(site_id: str) -> Iterator[NewOp]:
    """Ops that add checklists, cards and accountability categories; adding again does nothing."""
    for checklist in CHECKLISTS:
        yield idempotent_op("template.add", checklist_id(site_id, checklist["code"]), checklist)
    pack = load_handbook()
    for card in pack.cards:
        yield idempotent_op(
            "card.add", card_id(site_id, card["code"]), {**card, "pack": pack.label}
        )
    for category in CATEGORIES:
        yield idempotent_op("category.add", category_id(site_id, category["code"]), category)


def inactive_schedule_ops(site_id: str, since: str) -> Iterator[NewOp]:
    """Ops that add a schedule a standard, inactive until somebody is made responsible.

    `since`: ISO time from which the schedules are valid.
    """
    for standard in STANDARDS:
        subject = str(uuid5(UUID(site_id), f"schedule|{standard['code']}"))
        yield idempotent_op(
            "schedule.add", subject, {**standard, "active": False, "dtstart": since}
        )


def idempotent_op(kind: str, subject: str, payload: dict[str, Any]) -> NewOp:
    """An op with an id derived from kind and subject, so that submitting it again does nothing."""
    return make_op(kind, subject, payload, id=str(uuid5(UUID(subject), kind)))
