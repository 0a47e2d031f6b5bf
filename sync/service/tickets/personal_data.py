"""The personal data of tickets, with the values that replace it when they are erased."""

from __future__ import annotations

from typing import Any

from sync.protocol.redaction import NIL_ID, NUMBERED

NO_PHOTO = "0" * 64

TEXTS = (
    *("contact", "declined_because", "details", "condition", "holder", "done_on_the_spot"),
    *("text", "how", "said", "answered", "note", "because", "who", "to", "resolved_how"),
)
KINDS_WITH_REASON = ("hand_over", "hold", "give_back", "reopen")
"""The reason of an escalation is one of a list, and stays."""

REDACTED_VALUES: dict[str, Any] = {
    **dict.fromkeys(TEXTS, "*"),
    **{f"{verb}.reason": "*" for verb in KINDS_WITH_REASON},
    "unit": NIL_ID,
    "item": NUMBERED,
    "photos": [NO_PHOTO],
    "sha256": NO_PHOTO,
}
"""A photo remains a photo, and a home a home: without details a ticket needs one, and whether
somebody waits for an answer may depend on the home."""
