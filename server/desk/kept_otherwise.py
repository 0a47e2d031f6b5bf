"""Records with personal data that have no days of their own: until when they stay, and why."""

from __future__ import annotations

from typing import NamedTuple

from server.i18n.locale import translate
from sync import RECORD_TYPES
from sync.protocol.text import Text, _l


class Kept(NamedTuple):
    """Types of records, until when they stay, and why they are not erased before."""

    types: tuple[str, ...]
    until: Text
    why: Text


WITH_THE_LOG = _l("As long as the log: never erased by itself.")

KEPT_OTHERWISE = (
    Kept(
        ("person", "team", "shift", "session", "readiness"),
        WITH_THE_LOG,
        _l(
            "About people who work here: wages, accidents and training have to be provable "
            "(Labour Contract Law 50)."
        ),
    ),
    Kept(
        ("case",),
        WITH_THE_LOG,
        _l(
            "Who was heard and what was decided has to be provable until a year after somebody "
            "left (Labour Dispute Mediation and Arbitration Law 27)."
        ),
    ),
    Kept(
        ("task", "round", "scan", "inspection", "rectification", "contractor"),
        WITH_THE_LOG,
        _l("What was done and who answers for it is disclosed and can be asked for."),
    ),
    Kept(
        ("access",),
        _l("Network addresses: 180 days. The rest as long as the log."),
        _l("Who looked at what has to be provable (Network Data Regulation 12)."),
    ),
)


def reason_for(type_: str) -> str:
    """Why a record of a type is not erased, and until when it stays; "" for a type with days."""
    kept = next((kept for kept in KEPT_OTHERWISE if type_ in kept.types), None)
    return f"{translate(kept.why)} {translate(kept.until)}" if kept else ""


def labels_of(kept: Kept) -> list[str]:
    """What people call the types."""
    return [translate(RECORD_TYPES[type_].label) for type_ in kept.types]
