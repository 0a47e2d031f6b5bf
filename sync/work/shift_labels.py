"""Labels of shifts: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Sentences, Texts, _l, _lp

STATES: Texts = {
    "open": _l("on duty"),
    "handed_over": _l("handed over"),
    "closed": _lp("shift", "ended"),
}

FIELDS: Texts = {
    "items": _lp("shift", "Open items"),
    "opened_at": _lp("shift", "Shift started at"),
    "person_id": _l("Person"),
    "uniform": _l("Work clothes"),
    "closed_at": _lp("shift", "Shift ended at"),
    "unsent": _l("Unsent records"),
    "open_items": _l("Open items"),
    "handed_over_at": _l("Handed over at"),
    "handed_to_id": _l("Handed over to"),
    "handover_note": _l("Note for the next person"),
    "to": _lp("shift", "Handed over to"),
    "taken_over_at": _l("Taken over at"),
    "taken_over_by_id": _l("Taken over by"),
}

NO_UNIFORM_REASONS: Texts = {
    "being_washed": _l("Being washed"),
    "damaged": _l("Damaged"),
    "not_issued": _l("Not issued yet"),
    "forgotten": _l("Forgotten at home"),
}
"""The reasons that a phone offers for no work clothes. A person may type another one."""

VALUES: Mapping[str, Texts] = {"note": NO_UNIFORM_REASONS}

SENTENCES: Sentences = {
    "shift.open": (_l("%(who)s started the shift"),),
    "shift.close": (_l("%(who)s ended the shift"),),
    "shift.hand_over": (
        _l("%(who)s handed the shift to %(to)s: %(handover_note)s"),
        _l("%(who)s handed the shift to %(to)s"),
    ),
    "shift.take_over": (_l("%(who)s took the shift over"),),
}
"""What the history of a record says, by the kind of op."""
