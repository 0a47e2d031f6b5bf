"""Ids, labels and the password that all demo sites share."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from sync.protocol.op import UUID_NAMESPACE

DEMO_NAMESPACE = uuid5(UUID(UUID_NAMESPACE), "demo estate")
PASSWORD = "squirrel-lane-42"
"""Of every demo account; shown on the front page of a demo. Other servers have no such account."""


def demo_id(*names: Any) -> str:
    """The id of a demo record: a UUID derived from its names, the same on every machine."""
    return str(uuid5(DEMO_NAMESPACE, "|".join(map(str, names))))


def label(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}
