"""What the desk decides about work that was missed: a task, or a checkpoint of a patrol."""

from __future__ import annotations

from typing import Final

from sync.protocol.text import Texts, _l

DISPOSITIONS: Final = ("reason", "made_good", "not_at_fault", "case")

DISPOSITION_LABELS: Texts = {
    "reason": _l("excused"),
    "made_good": _l("done afterwards"),
    "not_at_fault": _l("not at fault"),
    "case": _l("case opened"),
}


def needs_note(disposition: str) -> bool:
    """Whether a decision has to be explained: an excuse, and an accountability case."""
    return disposition in ("reason", "case")
